package watcher

import (
	"cmp"
	"slices"
	"strings"

	"defib/heal"
)

// What Compose says of a container.
const (
	labelProject   = "com.docker.compose.project"
	labelService   = "com.docker.compose.service"
	labelNumber    = "com.docker.compose.container-number"
	labelOneOff    = "com.docker.compose.oneoff"
	labelDependsOn = "com.docker.compose.depends_on"
)

// maxTies bounds how many names are read from one label: it may be a megabyte.
const maxTies = 1000

// graph knows which containers depend on which: of those only that depend on
// any. It is owned by the loop.
type graph struct {
	members map[string]*member
	owners  map[string][]string // key of an owner -> ids of those tied to it
}

// member is a container that depends on others.
type member struct {
	container heal.Container
	labels    map[string]string // those that selection and policy need
	watched   bool
	ties      []tie
}

// tie binds a member to the owner that answers to key. follows tells that the
// member is to be restarted after it.
type tie struct {
	key     string
	kind    heal.Tie
	follows bool
}

func newGraph() graph { return graph{members: map[string]*member{}, owners: map[string][]string{}} }

// tiesOf reads the ties that labels speak of.
func tiesOf(c heal.Container, labels map[string]string) []tie {
	var ties []tie
	if labels[labelOneOff] != "True" { // of "compose run": nobody's dependent
		for entry := range parts(labels[labelDependsOn]) {
			if t, ok := dependsOn(c.Project, entry); ok {
				ties = append(ties, t)
			}
		}
	}
	for name := range parts(labels[labelRestartWith]) {
		if name = strings.TrimPrefix(name, "/"); name != c.Name {
			ties = append(ties, tie{key: heal.NameKey(cut(name, 200)), kind: heal.TieLabel, follows: true})
		}
	}
	return ties
}

// parts gives the elements of a list that commas separate.
func parts(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		n := 0
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			if n++; n > maxTies || !yield(part) {
				return
			}
		}
	}
}

// dependsOn reads one entry of Compose's label, service:condition:restart. What
// older versions leave out Compose itself takes for "restart it as well" (its
// pkg/compose/compose.go).
func dependsOn(project, entry string) (tie, bool) {
	fields := strings.Split(entry, ":")
	key := heal.ServiceKey(project, cut(fields[0], 200))
	if key == "" || len(fields) > 3 {
		return tie{}, false
	}
	t := tie{key: key, kind: heal.TieStarted, follows: len(fields) < 3 || strings.EqualFold(fields[2], "true")}
	if len(fields) > 1 {
		switch fields[1] {
		case "service_healthy", "service_running_or_healthy":
			t.kind = heal.TieHealthy
		case "service_completed_successfully":
			t.kind = heal.TieCompleted
		}
	}
	return t, true
}

// meet learns of a container; shares are the ids of those whose namespaces it
// shares. One without ties is not kept.
func (g *graph) meet(s sighting, watched bool, shares []string) {
	g.forget(s.id)
	ties := tiesOf(s.container, s.labels)
	if !watched {
		ties = nil // nothing is done for it; that it loses its network is said
	}
	for _, id := range shares {
		ties = append(ties, tie{key: heal.IDKey(id), kind: heal.TieNamespace, follows: true})
	}
	if len(ties) == 0 {
		return
	}
	g.members[s.id] = &member{container: s.container, labels: kept(s.labels), watched: watched, ties: ties}
	for _, t := range ties {
		if !slices.Contains(g.owners[t.key], s.id) {
			g.owners[t.key] = append(g.owners[t.key], s.id)
		}
	}
}

// kept gives the labels that a policy is made of, and no others: they may be
// large.
func kept(labels map[string]string) map[string]string {
	few := map[string]string{}
	for name, value := range labels {
		if isOurs(name) || name == labelSwarmTask {
			few[cut(name, 100)] = cut(value, 200)
		}
	}
	return few
}

func (g *graph) forget(id string) {
	m := g.members[id]
	if m == nil {
		return
	}
	for _, t := range m.ties {
		if rest := slices.DeleteFunc(g.owners[t.key], func(o string) bool { return o == id }); len(rest) > 0 {
			g.owners[t.key] = rest
		} else {
			delete(g.owners, t.key)
		}
	}
	delete(g.members, id)
}

// needs gives the keys of those that a container depends on.
func (g *graph) needs(id string) []string {
	m := g.members[id]
	if m == nil {
		return nil
	}
	keys := make([]string, len(m.ties))
	for i, t := range m.ties {
		keys[i] = t.key
	}
	return keys
}

// dependent is a member seen from one of its owners.
type dependent struct {
	*member

	kind heal.Tie
}

// dependents gives those that are to be restarted after a container, by name.
func (g *graph) dependents(owner heal.Container) []dependent {
	var found []dependent
	for _, key := range owner.Keys() {
		for _, id := range g.owners[key] {
			m := g.members[id]
			i := slices.IndexFunc(m.ties, func(t tie) bool { return t.key == key && t.follows })
			if i < 0 || id == owner.ID {
				continue
			}
			// The loss of a namespace outweighs what labels say of the same owner.
			at := slices.IndexFunc(found, func(d dependent) bool { return d.member == m })
			switch {
			case at < 0:
				found = append(found, dependent{m, m.ties[i].kind})
			case m.ties[i].kind == heal.TieNamespace:
				found[at].kind = heal.TieNamespace
			}
		}
	}
	slices.SortFunc(found, func(a, b dependent) int { return cmp.Compare(a.container.Name, b.container.Name) })
	return found
}
