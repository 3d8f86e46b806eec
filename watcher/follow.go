package watcher

import (
	"context"
	"slices"
	"strings"
	"time"

	"defib/heal"
)

// ownStart is for how long after our restart of a container a start of it is
// taken for ours: its events may come after the answer.
const ownStart = 5 * time.Second

// ownerChanged passes on what an event of a container means for those that
// depend on it.
func (w *Watcher) ownerChanged(ctx context.Context, s sighting) {
	switch e := s.event.(type) {
	case heal.Started:
		if !e.Replayed {
			w.ownerStarted(ctx, s)
		}
	case heal.Observed:
		if e.Health == heal.Healthy {
			w.ownerReady(ctx, s.container)
		}
	case heal.Died:
		w.diedWithOwner(ctx, s)
	case heal.Destroyed:
		w.ownerLost(ctx, s.container)
		w.graph.forget(s.id)
	}
}

// ownerStarted has those that are to be restarted after a container looked at.
func (w *Watcher) ownerStarted(ctx context.Context, s sighting) {
	ours, path := false, []string{s.id}
	if e := w.entries[s.id]; e != nil {
		if ours = e.state.Phase == heal.Restarting || time.Since(e.state.ActEnd) < ownStart; ours {
			path = append(path, e.state.Wave...)
		}
	}
	var untouched []string
	for _, d := range w.graph.dependents(s.container) {
		switch {
		case !d.watched:
			if watched, _ := w.o.Selection.choose(s.labels); watched && d.kind == heal.TieNamespace {
				untouched = append(untouched, d.container.Name)
			}
		case d.kind != heal.TieNamespace && slices.Contains(path, d.container.ID):
			// A circle ends where it began. What has lost its network is
			// brought back all the same: namespaces go in no circle.
		default:
			w.feed(ctx, w.dependent(d), heal.OwnerStarted{Owner: heal.Owner{
				ID: s.id, Name: s.container.Name, Tie: d.kind, Ours: ours, Path: path,
			}})
		}
	}
	if len(untouched) > 0 {
		w.log.Warn().Str("container", s.container.Name).Str("dependents", strings.Join(untouched[:min(10, len(untouched))], ", ")).
			Int("count", len(untouched)).Msg("was started anew: those that share its namespaces have lost them, and are not watched; restart them")
	}
}

// dependent gives the entry of a dependent.
func (w *Watcher) dependent(d dependent) *entry {
	if e, known := w.entries[d.container.ID]; known {
		return e
	}
	return w.enter(sighting{id: d.container.ID, container: d.container, labels: d.labels})
}

// ownerReady looks again at those that wait for a container.
func (w *Watcher) ownerReady(ctx context.Context, owner heal.Container) {
	for _, d := range w.graph.dependents(owner) {
		if e := w.entries[d.container.ID]; e != nil && e.state.Hold == heal.HoldOwner {
			w.feed(ctx, e, heal.Freed{})
		}
	}
}

// diedWithOwner has a container looked at that may have died because it lost a
// namespace.
func (w *Watcher) diedWithOwner(ctx context.Context, s sighting) {
	watched, _ := w.o.Selection.choose(s.labels)
	if e := w.entries[s.id]; !watched || (e != nil && (e.state.Phase == heal.Restarting || !e.state.StoppingAt.IsZero())) {
		return
	}
	m := w.graph.members[s.id]
	if m == nil || !slices.ContainsFunc(m.ties, func(t tie) bool { return t.kind == heal.TieNamespace }) {
		// A list does not tell of shared process namespaces.
		go func() {
			if seen, err := w.inspect(ctx, s.id); err == nil && len(seen.shares) > 0 {
				w.send(met{all: []sighting{s}, shares: map[string][]string{s.id: seen.shares}, died: true})
			}
		}()
		return
	}
	for _, t := range m.ties {
		if id, ok := strings.CutPrefix(t.key, heal.IDKey("")); ok && t.kind == heal.TieNamespace {
			w.feed(ctx, w.dependent(dependent{m, t.kind}), heal.OwnerLost{Owner: heal.Owner{
				ID: id, Tie: t.kind, Ours: true, Died: true, Path: []string{id},
			}})
		}
	}
}

// ownerLost has those looked at whose namespace belonged to a container that
// was removed.
func (w *Watcher) ownerLost(ctx context.Context, owner heal.Container) {
	for _, d := range w.graph.dependents(owner) {
		if d.kind == heal.TieNamespace && d.watched {
			w.feed(ctx, w.dependent(d), heal.OwnerLost{Owner: heal.Owner{
				ID: owner.ID, Name: owner.Name, Tie: d.kind, Path: []string{owner.ID},
			}})
		}
	}
}

// met is what a full list, or a look at a new container, tells of who depends
// on whom.
type met struct {
	all    []sighting          // of a full list those that add takes
	names  map[string]bool     // of all in a full list
	shares map[string][]string // of those that were inspected
	full   bool                // all is a full list
	died   bool                // they died a moment ago
	check  bool                // those that share namespaces are to be looked at
}

// add takes an entry of a full list: of those that depend on no other only the
// name.
func (m *met) add(s sighting) {
	if m.names == nil {
		m.names = map[string]bool{}
	}
	m.names[s.container.Name] = true
	if s.network != "" || s.labels[labelDependsOn] != "" || s.labels[labelRestartWith] != "" {
		m.all = append(m.all, s)
	}
}

func (m met) apply(ctx context.Context, w *Watcher) {
	for _, s := range m.all {
		shares := m.shares[s.id]
		if s.network != "" && !slices.Contains(shares, s.network) {
			shares = append(shares, s.network)
		}
		w.graph.meet(s, w.watches(s), shares)
		if m.died {
			w.diedWithOwner(ctx, s)
		}
	}
	w.introduced = w.introduced || m.full
	if !m.check {
		return
	}
	w.warnTies(m)
	for _, s := range m.all {
		if g := w.graph.members[s.id]; g != nil && g.watched && s.network != "" && isRunning(s) {
			w.feed(ctx, w.dependent(dependent{g, heal.TieNamespace}), heal.OwnerStarted{Owner: heal.Owner{
				ID: s.network, Tie: heal.TieNamespace, Path: []string{s.network},
			}})
		}
	}
}

func isRunning(s sighting) bool {
	o, ok := s.event.(heal.Observed)
	return ok && o.Status != heal.StatusExited
}

// warnTies warns of labels that name what does not exist, and of circles.
func (w *Watcher) warnTies(m met) {
	for _, s := range m.all {
		if g := w.graph.members[s.id]; g == nil || !g.watched {
			continue
		}
		for name := range parts(s.labels[labelRestartWith]) {
			if !m.names[strings.TrimPrefix(name, "/")] {
				w.warnLabels(&entry{container: s.container}, []string{
					"label " + labelRestartWith + " names " + cut(name, 60) + ", and there is no container of that name",
				})
			}
		}
	}
	if c := w.graph.circles(); len(c) > 0 {
		w.log.Warn().Str("containers", cut(strings.Join(c, ", "), 300)).
			Msg("these are to be restarted after each other in a circle: each is restarted once, and the circle ends there")
	}
}

// owners looks at those that a container depends on in what it is looked at for.
func (w *Watcher) owners(ctx context.Context, shares []string, after []heal.Owner) []heal.OwnerSeen {
	var seen []heal.OwnerSeen
	add := func(id, name string, kind heal.Tie) {
		if slices.ContainsFunc(seen, func(o heal.OwnerSeen) bool { return o.ID == id }) {
			return
		}
		o := heal.OwnerSeen{ID: id, Name: cmpName(name, id), Tie: kind}
		switch i, err := w.inspect(ctx, id); {
		case err == nil:
			o.Name, o.Status, o.Health = i.container.Name, i.Status, i.Health
			o.StartedAt, o.ExitCode = i.StartedAt, i.ExitCode
		case isGone(err, id):
			o.Gone = true
		default:
			return // not known: the look is as good as without it
		}
		seen = append(seen, o)
	}
	for _, id := range shares {
		name := ""
		if i := slices.IndexFunc(after, func(a heal.Owner) bool { return a.ID == id }); i >= 0 {
			name = after[i].Name
		}
		add(id, name, heal.TieNamespace)
	}
	for _, a := range after {
		add(a.ID, a.Name, a.Tie)
	}
	return seen
}

func cmpName(name, id string) string {
	if name != "" {
		return name
	}
	return id[:min(12, len(id))]
}
