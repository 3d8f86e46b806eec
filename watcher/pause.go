package watcher

import (
	"context"
	"errors"
	"slices"
	"time"

	"defib/heal"
)

// errStopping is what an order gets when defib is about to end.
var errStopping = errors.New("defib is stopping")

// pauseOrder changes the pauses, or only asks for them, in the loop.
type pauseOrder struct {
	change func(heal.Pauses) (heal.Pauses, error)
	answer chan pauseAnswer // holds one
}

type pauseAnswer struct {
	pauses heal.Pauses
	ended  int
	err    error
}

// Pause has the targets of the pauses watched and not touched until these end;
// it gives all pauses that are in force then. It refuses all of them where one
// is too short, too long or too many.
func (w *Watcher) Pause(ctx context.Context, add []heal.Pause) (heal.Pauses, error) {
	a := w.order(ctx, func(ps heal.Pauses) (heal.Pauses, error) {
		var err error
		for _, p := range add {
			if ps, err = ps.Add(p); err != nil {
				return nil, err //nolint:wrapcheck // it says what is wrong with which
			}
		}
		return ps, nil
	})
	return a.pauses, a.err
}

// Resume ends the pauses of these targets, or all for a Pause of everything.
// It gives those that go on, and how many have ended.
func (w *Watcher) Resume(ctx context.Context, of []heal.Pause) (heal.Pauses, int, error) {
	a := w.order(ctx, func(ps heal.Pauses) (heal.Pauses, error) {
		for _, p := range of {
			ps, _ = ps.Remove(p)
		}
		return ps, nil
	})
	return a.pauses, a.ended, a.err
}

// Pauses gives the pauses that are in force.
func (w *Watcher) Pauses(ctx context.Context) (heal.Pauses, error) {
	r, err := w.recollect(ctx)
	return r.pauses, err
}

func (w *Watcher) order(ctx context.Context, change func(heal.Pauses) (heal.Pauses, error)) pauseAnswer {
	o := pauseOrder{change: change, answer: make(chan pauseAnswer, 1)}
	select {
	case w.in <- o:
	case <-w.ended:
		return pauseAnswer{err: errStopping}
	case <-ctx.Done():
		return pauseAnswer{err: ctx.Err()}
	}
	select {
	case a := <-o.answer:
		return a
	case <-w.ended:
		return pauseAnswer{err: errStopping}
	case <-ctx.Done():
		return pauseAnswer{err: ctx.Err()}
	}
}

// waitToStart waits for AUTOHEAL_START_PERIOD and takes orders meanwhile; it
// tells whether the watch is to begin.
func (w *Watcher) waitToStart(ctx context.Context) bool {
	over := time.After(w.o.StartPeriod)
	for {
		select {
		case <-over:
			return true
		case m := <-w.in:
			m.apply(ctx, w)
		case <-ctx.Done():
			return false
		}
	}
}

func (o pauseOrder) apply(ctx context.Context, w *Watcher) {
	after, err := o.change(w.pauses)
	if err != nil {
		o.answer <- pauseAnswer{pauses: w.pauses, err: err}
		return
	}
	before := w.pauses
	w.setPauses(ctx, after, "resumed")
	for _, p := range after {
		if !isIn(before, p) {
			w.log.Info().Str("what", p.What()).Time("until", p.Until).Msg("paused: watched, and not touched")
		}
	}
	a := pauseAnswer{pauses: after, ended: max(0, len(before)-len(after))}
	go func() {
		w.memory.settle() // who is told that it is paused may kill defib next
		o.answer <- a
	}()
}

// setPauses takes the pauses of now, says which have ended and looks at those
// that they kept from being treated.
func (w *Watcher) setPauses(ctx context.Context, now heal.Pauses, why string) {
	before := w.pauses
	w.pauses = now
	w.noteChange(!slices.Equal(before, now))
	w.memory.keep(pausesSection, now)
	ended := false
	for _, p := range before {
		if !isTarget(now, p) {
			ended = true
			w.log.Info().Str("what", p.What()).Str("reason", why).Msg("not paused any more")
		}
	}
	if !ended {
		return
	}
	for _, e := range w.entries {
		if e.state.Hold == heal.HoldAsked {
			w.feed(ctx, e, heal.Freed{})
		}
	}
}

func isIn(ps heal.Pauses, p heal.Pause) bool {
	for _, q := range ps {
		if q == p {
			return true
		}
	}
	return false
}

func isTarget(ps heal.Pauses, p heal.Pause) bool {
	for _, q := range ps {
		if q.What() == p.What() {
			return true
		}
	}
	return false
}

// endPauses ends the pauses whose time is over.
func (w *Watcher) endPauses(ctx context.Context, now time.Time) {
	if end := w.pauses.End(); end.IsZero() || end.After(now) {
		return
	}
	on, _ := w.pauses.Split(now)
	w.setPauses(ctx, on, "its time is over")
}

// recallPauses takes up the pauses of the defib before this one.
func (w *Watcher) recallPauses(now time.Time) {
	var saved heal.Pauses
	if !w.memory.section(pausesSection, &saved) {
		return
	}
	w.pauses = saved.Valid(now)
	for _, p := range w.pauses {
		w.log.Info().Str("what", p.What()).Time("until", p.Until).Msg("still paused, from before defib was restarted")
	}
}

// pausesSection is the name of the pauses in the file of what is remembered.
const pausesSection = "pauses"
