package watcher

import (
	"context"
	"slices"
	"strings"
	"time"

	"defib/heal"
)

// tiesEvery is how often those that share a namespace are compared with its
// owner: the event of an owner's start may be lost, and nothing else tells.
const tiesEvery = 5 * time.Minute

// watchTies has the ties looked after now and then.
func (w *Watcher) watchTies(ctx context.Context) {
	timer := time.NewTicker(tiesEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			w.send(tiesDue{})
		}
	}
}

// tiesDue says that those that share a namespace are to be compared with its owner.
type tiesDue struct{}

func (tiesDue) apply(ctx context.Context, w *Watcher) {
	if !w.introduced { // the first list failed
		go w.meetAgain(ctx)
		return
	}
	if w.comparing {
		return
	}
	pairs := map[string][]string{}
	for id, m := range w.graph.members {
		for _, t := range m.ties {
			if owner, ok := strings.CutPrefix(t.key, heal.IDKey("")); ok && m.watched && t.kind == heal.TieNamespace {
				pairs[id] = append(pairs[id], owner)
			}
		}
	}
	if len(pairs) == 0 {
		return
	}
	w.comparing = true
	go func() {
		w.send(compared{w.orphans(ctx, pairs)})
	}()
}

// orphans gives those of the pairs whose owner was started after them, by two
// inspections a pair, one after the other: there is no hurry.
func (w *Watcher) orphans(ctx context.Context, pairs map[string][]string) map[string]string {
	lost := map[string]string{}
	for id, owners := range pairs {
		seen, err := w.inspect(ctx, id)
		if err != nil || seen.Status != heal.StatusRunning {
			continue
		}
		for _, owner := range owners {
			o, err := w.inspect(ctx, owner)
			if isGone(err, owner) || (err == nil && o.Status == heal.StatusRunning && o.StartedAt.After(seen.StartedAt)) {
				lost[id] = owner
			}
		}
	}
	return lost
}

// compared names those that have lost the namespace of an owner.
type compared struct{ lost map[string]string }

func (c compared) apply(ctx context.Context, w *Watcher) {
	w.comparing = false
	for id, owner := range c.lost {
		m := w.graph.members[id]
		if m == nil || slices.ContainsFunc(w.after(id), func(a heal.Owner) bool { return a.ID == owner }) {
			continue
		}
		w.feed(ctx, w.dependent(dependent{m, heal.TieNamespace}), heal.OwnerStarted{Owner: heal.Owner{
			ID: owner, Tie: heal.TieNamespace, Path: []string{owner},
		}})
	}
}

// after gives what a container is already known to follow.
func (w *Watcher) after(id string) []heal.Owner {
	if e := w.entries[id]; e != nil {
		return e.state.After
	}
	return nil
}

// gapEnded takes up what events could not tell in a gap of the stream.
func (w *Watcher) gapEnded(ctx context.Context, now time.Time) {
	w.gapAt = now
	if w.introduced {
		go w.meetAgain(ctx)
	}
}

// meetAgain learns anew who depends on whom: events that would have told of new
// containers, and of starts, were lost in a gap.
func (w *Watcher) meetAgain(ctx context.Context) {
	eng := w.engine.Load()
	if eng == nil {
		return
	}
	call, cancel := context.WithTimeout(ctx, w.o.CallTimeout)
	defer cancel()
	m := met{full: true}
	err := eng.eachOfAll(call, func(s sighting) { m.add(s) })
	if err != nil {
		return // the list that follows says what is wrong; the ties are compared all the same
	}
	w.send(m)
	w.send(tiesDue{})
}

// eachOfAll lists all containers there are, with whose network each shares.
// Podman's lists do not tell that: there each is looked at.
func (e *engine) eachOfAll(ctx context.Context, see func(sighting)) error {
	if !e.podman() {
		return e.each(ctx, "", see)
	}
	all, err := e.list(ctx, "")
	if err != nil {
		return err
	}
	for _, s := range all {
		if seen, err := e.inspect(ctx, s.id); err == nil && len(seen.shares) > 0 {
			s.network = seen.shares[0]
		}
		see(s)
	}
	return nil
}
