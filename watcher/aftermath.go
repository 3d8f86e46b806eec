package watcher

import (
	"context"
	"math"
	"slices"
	"time"

	"defib/heal"
)

// What an engine's end and return leave behind in silence is looked for: health
// checks that are not run any more, and containers that it left down.

const (
	// aftermathSoon is when it is looked for after a connection that followed a
	// gap: most health checks have run again by then.
	aftermathSoon = 2 * time.Minute
	// aftermathEvery is how often, since a probe that hangs for good stops a
	// health check as well (engine fact 11.5).
	aftermathEvery = time.Hour
	// aftermathMost is at how many it looks then: each look is an answer of some
	// kilobytes, and takes the engine half a millisecond. After a connection that
	// followed a gap it looks at all.
	aftermathMost = 1000
	// aftermathPause is the time between two looks: there is no hurry, and
	// there may be thousands.
	aftermathPause = 20 * time.Millisecond
	// bootedWait is how long a restart policy gets to start what was stopped.
	bootedWait = 15 * time.Second
	// enginePast is how many events an engine remembers (moby's daemon/events).
	enginePast = 256
)

// aftermathSection is the name of what was told in the file of what is
// remembered.
const aftermathSection = "aftermath"

// watchAftermath has it looked for now and then.
func (w *Watcher) watchAftermath(ctx context.Context) {
	timer := time.NewTimer(aftermathSoon)
	defer timer.Stop()
	most, last := math.MaxInt, ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			last = w.sweepProbes(ctx, most, last)
			most = aftermathMost
			timer.Reset(aftermathEvery)
		case <-w.returned:
			timer.Reset(aftermathSoon)
			most = math.MaxInt // any of them may have been left behind
			w.findLeftDown(ctx)
		}
	}
}

// engineReturned says that a stream is open after a gap.
func (w *Watcher) engineReturned() {
	select {
	case w.returned <- struct{}{}:
	default:
	}
}

// sweepProbes looks at watched containers whose health check should be running,
// the most that it may, by id from after the last one on; twice at those whose
// newest probe is old. It gives the id of the last one.
func (w *Watcher) sweepProbes(ctx context.Context, most int, last string) string {
	eng := w.engine.Load()
	if eng == nil {
		return last
	}
	call, cancel := context.WithTimeout(ctx, w.o.CallTimeout)
	var ids []string
	err := eng.each(call, "healthy", func(s sighting) {
		if w.mayTell(s) {
			ids = append(ids, s.id)
		}
	})
	cancel()
	if err != nil {
		return last // the list of the unhealthy meets the same and says so
	}
	ids = after(ids, last, most)
	w.inspectAll(ctx, ids, false)
	if len(ids) == 0 {
		return ""
	}
	return ids[len(ids)-1]
}

// after gives the ids that follow the last one in a circle, the most that may be.
func after(ids []string, last string, most int) []string {
	slices.Sort(ids)
	at, found := slices.BinarySearch(ids, last)
	if found {
		at++
	}
	return slices.Concat(ids[at:], ids[:at])[:min(most, len(ids))]
}

// mayTell tells whether a container is watched and people may be told of it.
func (w *Watcher) mayTell(s sighting) bool {
	if !w.watches(s) {
		return false
	}
	p, _ := w.o.Selection.policyFor(w.o.Policy, s.labels)
	return p.Treatment != heal.TreatNone
}

// inspectAll looks at containers one after the other.
func (w *Watcher) inspectAll(ctx context.Context, ids []string, again bool) {
	for _, id := range ids {
		seen, err := w.inspect(ctx, id)
		if ctx.Err() != nil {
			return
		}
		w.send(aftermathSeen{id: id, seen: seen, err: err})
		time.Sleep(aftermathPause)
	}
	w.send(aftermathEnded{again: again})
}

// aftermathSeen is the result of one look.
type aftermathSeen struct {
	id   string
	seen inspection
	err  error
}

func (a aftermathSeen) apply(_ context.Context, w *Watcher) {
	switch {
	case isGone(a.err, a.id):
		w.aftermath.Heard(a.id, heal.Destroyed{})
	case a.err == nil:
		if a.seen.Status == heal.StatusRunning {
			w.aftermath.Up(a.id)
		}
		w.aftermath.Probed(a.seen.container, a.seen.Sighting, w.engineNow(), time.Now())
	}
}

// aftermathEnded ends a round of looks. After the first of two the suspects,
// and those that people know of, are looked at once more.
type aftermathEnded struct{ again bool }

func (a aftermathEnded) apply(ctx context.Context, w *Watcher) {
	suspects, at := w.aftermath.Suspects()
	if !a.again {
		if ids := append(suspects, w.aftermath.Told()...); len(ids) > 0 {
			time.AfterFunc(time.Until(at), func() { w.inspectAll(ctx, ids, true) })
		}
	}
	w.tellAftermath(w.aftermath.Conclude(time.Now()))
}

// tellAftermath tells what the looks and events have added up to.
func (w *Watcher) tellAftermath(changed bool) {
	if !changed {
		return
	}
	news := w.aftermath.News()
	for _, n := range news {
		w.logHost(n)
		w.incidents.note(n)
		w.o.Notifier.Post(n)
	}
	w.memory.keep(aftermathSection, &w.aftermath) // after it was posted, see tellAll
	if len(news) > 0 {
		w.memory.hurry()
	}
}

// recallAftermath takes up what the defib before this one has told.
func (w *Watcher) recallAftermath(now time.Time) {
	var saved heal.Aftermath
	if w.memory.section(aftermathSection, &saved) {
		w.aftermath = saved.Restored(now)
	}
}

// findLeftDown asks the engine what it did first. One that remembers more than
// it can hold has forgotten that, and nothing is said.
func (w *Watcher) findLeftDown(ctx context.Context) {
	eng := w.engine.Load()
	if eng == nil || eng.podman() {
		return // Podman's socket is nobody's parent, and its memory has no end
	}
	call, cancel := context.WithTimeout(ctx, listTimeout)
	past, err := eng.past(call)
	cancel()
	if err != nil || len(past) >= enginePast {
		return
	}
	stopped := heal.StoppedAtBoot(past)
	if len(stopped) == 0 {
		return
	}
	select {
	case <-time.After(bootedWait):
	case <-ctx.Done():
		return
	}
	for _, id := range stopped {
		if seen, err := w.inspect(ctx, id); err == nil && seen.Status == heal.StatusExited && seen.restarts == "unless-stopped" &&
			w.mayTell(sighting{id: id, container: seen.container, labels: seen.labels}) {
			w.send(leftDown{seen.container})
		}
	}
	w.send(aftermathEnded{again: true})
}

// leftDown is a container that the engine stopped at boot and did not start.
type leftDown struct{ heal.Container }

func (l leftDown) apply(_ context.Context, w *Watcher) { w.aftermath.LeftDown(l.Container, time.Now()) }
