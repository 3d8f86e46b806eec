package watcher

import (
	"context"
	"time"

	"defib/heal"
)

// consult asks heal what the host's state means for those that are held, after
// each message and whenever its time has come. Those that are looked at may
// change the host's state again, which the next call takes up.
func (w *Watcher) consult(ctx context.Context) {
	now := time.Now()
	w.endPauses(ctx, now)
	w.host.Await(len(w.memory.pending))
	for _, id := range w.host.Ready(now) {
		if e := w.entries[id]; e != nil {
			w.feed(ctx, e, heal.Freed{})
		}
	}
	news := w.host.News()
	for _, n := range news {
		w.logHost(n)
		w.incidents.note(n)
		w.o.Notifier.Post(n)
	}
	if len(news) > 0 {
		w.memory.keep(stormSection, w.host.SavedStorm()) // after it was posted, see tellAll
		w.memory.hurry()
	}
	if w.host.WantsCount() && !w.counting {
		w.counting = true
		go w.count(ctx)
	}
}

// stormSection is the name of the storm in the file of what is remembered.
const stormSection = "storm"

// recallStorm takes up the storm that the defib before this one has told of.
func (w *Watcher) recallStorm(now time.Time) {
	var saved heal.SavedStorm
	if w.memory.section(stormSection, &saved) {
		w.host.RestoreStorm(saved, now)
	}
}

// count counts the watched containers that run.
func (w *Watcher) count(ctx context.Context) {
	c := counted{running: -1}
	if eng := w.engine.Load(); eng != nil {
		call, cancel := context.WithTimeout(ctx, listTimeout)
		defer cancel()
		n := 0
		err := eng.each(call, "", func(s sighting) {
			if w.watches(s) && isRunning(s) {
				n++
			}
		})
		if err == nil {
			c.running = n
		}
	}
	w.send(c)
}

// watches tells whether a container is watched.
func (w *Watcher) watches(s sighting) bool {
	watched, _ := w.o.Selection.choose(s.labels)
	return watched && !w.isOwn(s.id, s.labels)
}

// counted is how many watched containers run; -1: not known.
type counted struct{ running int }

func (c counted) apply(_ context.Context, w *Watcher) {
	w.counting = false
	if c.running >= 0 {
		w.host.Counted(c.running, time.Now())
		w.cond.watched(c.running)
	}
}

// noteOther takes what an event says of a container that is not watched: those
// that depend on it wait for it.
func (w *Watcher) noteOther(s sighting) {
	switch e := s.event.(type) {
	case heal.Observed:
		if e.Health != heal.HealthUnknown {
			w.host.NoteOther(s.container, e.Health == heal.Unhealthy)
		}
	case heal.Died, heal.Destroyed, heal.Paused:
		w.host.NoteOther(s.container, false)
	}
}

// noteOthers takes a complete list of the unhealthy that are not watched.
func (w *Watcher) noteOthers(others map[string]heal.Container) {
	for _, id := range w.host.Others() {
		if _, still := others[id]; !still {
			w.host.NoteOther(heal.Container{ID: id}, false)
		}
	}
	for _, c := range others {
		w.host.NoteOther(c, true)
	}
}
