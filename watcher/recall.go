package watcher

import (
	"context"
	"maps"
	"slices"
	"time"

	"defib/heal"
)

// What the file says of a container is taken up when the container is heard of
// again. The others are looked at once the engine answers: they may be well,
// down, gone or not watched any more.

// recall has those that are still waiting looked at, one after the other. It
// is called at each list until none is left.
func (w *Watcher) recall(ctx context.Context, first bool) {
	if !first && w.cond.caughtUp() {
		w.memory.heard = nil // the first stream has told of the past
	}
	if len(w.memory.pending) == 0 || w.memory.recalling {
		return
	}
	w.memory.recalling = true
	ids := slices.Sorted(maps.Keys(w.memory.pending))
	go func() {
		for _, id := range ids {
			if ctx.Err() != nil {
				break
			}
			seen, err := w.inspect(ctx, id)
			w.send(recalled{id: id, seen: seen, err: err})
		}
		w.send(recallEnded{})
	}()
}

// recallEnded says that all that were waiting have been looked at once.
type recallEnded struct{}

func (recallEnded) apply(_ context.Context, w *Watcher) { w.memory.recalling = false }

// recalled is the result of a look at a container that the file knows.
type recalled struct {
	id   string
	seen inspection
	err  error
}

func (r recalled) apply(ctx context.Context, w *Watcher) {
	known, waits := w.memory.pending[r.id]
	if !waits {
		return // heard of meanwhile
	}
	s := sighting{id: r.id, container: r.seen.container, labels: r.seen.labels}
	switch {
	case r.err == nil:
		if !w.watches(s) {
			w.memory.drop(r.id)
			w.about(w.log.Info(), &entry{container: s.container}).Msg("is not watched any more: what was remembered of it is forgotten")
			return
		}
		known.seen = &r.seen.Sighting
		w.memory.pending[r.id] = known
		w.feed(ctx, w.enter(s), heal.Woke{})
	case isGone(r.err, r.id): // removed, or recreated under another id
		s.container = known.container()
		w.feed(ctx, w.enter(s), heal.Destroyed{})
	default: // the next list tries again; without inspections nothing is healed anyway
	}
}

// restore gives a new entry its key, and what the file says of it.
func (w *Watcher) restore(e *entry, s sighting) {
	e.key, e.heard = keyOf(s.container, s.labels), s.at
	r, waits := w.memory.pending[s.id]
	if !waits {
		return
	}
	delete(w.memory.pending, s.id)
	e.state = r.State.Restore(e.policy, r.seen, time.Now())
	e.known = e.state.Told != 0
	if r.Heard.After(e.heard) {
		e.heard = r.Heard
	}
	w.wakes.add(e.state.WakeAt, s.id)
}

// heardBefore tells whether an event is told again that the defib before this
// one has judged: a new stream begins in the past. Else it notes its time.
func (w *Watcher) heardBefore(s sighting) bool {
	if isReplayed(s.event) && !s.at.After(w.memory.heard[s.id]) {
		return true
	}
	if e := w.entries[s.id]; e != nil && s.at.After(e.heard) {
		e.heard = s.at
	}
	return false
}

func isReplayed(e heal.Event) bool {
	switch e := e.(type) {
	case heal.Killed:
		return e.Replayed
	case heal.Died:
		return e.Replayed
	case heal.Started:
		return e.Replayed
	}
	return false
}
