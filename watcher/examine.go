package watcher

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"defib/heal"
)

// Examination is what a close look at one container tells.
type Examination struct {
	Container heal.Container
	Seen      heal.Sighting
	Now       time.Time       // the engine's clock, to the second
	Probes    []heal.ProbeRun // the last ones, oldest first
	// RestartPolicy is Docker's own, such as "unless-stopped".
	RestartPolicy string
	Owners        []heal.OwnerSeen // whose network or other namespace it shares
	Needs         []Need
	// Labels holds those that its policy is made of.
	Labels map[string]string
}

// Need is what a container depends on, and waits for while it is unhealthy.
type Need struct {
	Name     string // of a container, or project/service
	Tie      heal.Tie
	Restarts bool // each restart of it is followed by one of this container
}

// Examine looks at one container, by its id, and changes nothing.
func (w *Watcher) Examine(ctx context.Context, id string) (Examination, error) {
	eng, done, err := w.reach(ctx)
	if err != nil {
		return Examination{}, err
	}
	defer done()
	call, cancel := context.WithTimeout(ctx, min(w.o.CallTimeout, listTimeout))
	defer cancel()
	seen, err := eng.inspect(call, id)
	switch {
	case isForbidden(err):
		return Examination{}, fmt.Errorf("the endpoint does not allow to inspect containers: allow GET /containers/{id}/json (CONTAINERS=1 in docker-socket-proxy)")
	case err != nil:
		return Examination{}, fmt.Errorf("look at container %s: %s", id[:min(12, len(id))], plain(err))
	}
	e := Examination{
		Container: seen.container, Seen: seen.Sighting, Now: eng.now(), Probes: seen.probes, RestartPolicy: seen.restarts, Labels: kept(seen.labels),
	}
	for _, owner := range seen.shares {
		o := heal.OwnerSeen{ID: owner, Name: cmpName("", owner), Tie: heal.TieNamespace}
		i, err := eng.inspect(call, owner)
		switch {
		case err == nil:
			o.Name, o.Status, o.Health, o.StartedAt = i.container.Name, i.Status, i.Health, i.StartedAt
		case isGone(err, owner):
			o.Gone = true
		default:
			continue // not known: the rest is worth telling all the same
		}
		e.Owners = append(e.Owners, o)
	}
	for _, t := range tiesOf(seen.container, seen.labels) {
		e.Needs = append(e.Needs, Need{Name: cut(t.name(), 200), Tie: t.kind, Restarts: t.follows})
	}
	slices.SortFunc(e.Needs, func(a, b Need) int { return strings.Compare(a.Name, b.Name) })
	return e, nil
}

// name gives what a tie's key names, to people.
func (t tie) name() string {
	_, name, _ := strings.Cut(t.key, " ")
	return strings.ReplaceAll(name, "\x00", "/")
}
