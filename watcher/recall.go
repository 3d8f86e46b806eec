package watcher

import (
	"context"
	"maps"
	"slices"

	"defib/heal"
)

// What the file says of a container is taken up when the container is heard of
// again. The others are looked at once the engine answers: they may be well,
// down, gone or not watched any more.

// recall has those that are still waiting looked at, one after the other. It
// is called at each list until none is left.
func (w *Watcher) recall(ctx context.Context, first bool) {
	if !first {
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
		watched, _ := w.o.Selection.choose(s.labels)
		if !watched || w.isOwn(s.id, s.labels) {
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
