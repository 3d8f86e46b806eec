package watcher

import (
	"context"
	"fmt"
	"time"

	"defib/heal"
)

// What heal needs to judge troubles that no health event tells of.

// startingEvery is how often the containers that are starting are listed: no
// event tells that a start takes too long.
const startingEvery = time.Minute

// pollStarting lists the starting containers now and then. What goes wrong in
// it is not worth a word: poll meets the same and says so.
func (w *Watcher) pollStarting(ctx context.Context) {
	timer := time.NewTicker(startingEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		eng := w.engine.Load()
		if eng == nil {
			continue
		}
		call, cancel := context.WithTimeout(ctx, min(w.o.CallTimeout, listTimeout))
		found, err := eng.list(call, "starting")
		cancel()
		if err == nil && len(found) > 0 {
			w.send(starting{found})
		}
	}
}

// starting is a list of the containers that are starting.
type starting struct{ found []sighting }

func (s starting) apply(ctx context.Context, w *Watcher) {
	for _, one := range s.found {
		if !w.watches(one) {
			continue
		}
		e, known := w.entries[one.id]
		if !known {
			e = w.enter(one)
		}
		seen, _ := one.event.(heal.Observed)
		w.feed(ctx, e, heal.Observed{Health: heal.HealthStarting, Status: seen.Status})
	}
}

// wakeForTrouble has a container woken when heal wants it for its troubles.
func (w *Watcher) wakeForTrouble(e *entry, before heal.State) {
	if at := e.state.Trouble.WakeAt; !at.IsZero() && !at.Equal(before.Trouble.WakeAt) {
		w.wakes.add(at, e.container.ID)
	}
}

// engineNow gives the time on the engine's clock; zero before there is one.
func (w *Watcher) engineNow() time.Time {
	if eng := w.engine.Load(); eng != nil {
		return eng.now()
	}
	return time.Time{}
}

// wordsFor gives the constant message of a notice.
func wordsFor(n heal.Notice) string {
	switch {
	case n.Exited && n.Reason == heal.Restarted:
		return "started after it had exited; waiting for it to stay up"
	case n.Exited && n.Reason == heal.RestartFailed:
		return "could not be started; trying again"
	case n.Exited && n.Reason == heal.StillUnhealthy:
		return "is not well after the start"
	case n.Exited && n.Reason == heal.GaveUp:
		return "gave up: its starts did not help, a human is needed"
	case n.Exited && n.Reason == heal.ExitedByItself:
		return "exited; it is left down, since somebody may have stopped it"
	case n.Exited && n.Reason == heal.Recovered:
		return "runs again"
	}
	switch n.Ended {
	case heal.ProbesStopped:
		return "are probed again, or gone"
	case heal.LeftDown:
		return "run again, or are gone"
	case heal.CrashLooping, heal.OutOfMemory, heal.StuckStarting:
		return trouble(n.Ended) + " is over: " + map[heal.Reason]string{
			heal.Recovered: "it runs", heal.StoppedByOther: "somebody stopped it",
			heal.ExitedByItself: "it is down and no restart policy starts it", heal.Removed: "it was removed",
		}[n.Reason]
	default:
		return words(n.Reason)
	}
}

// trouble names a trouble that is told without being treated.
func trouble(r heal.Reason) string {
	switch r {
	case heal.CrashLooping:
		return "its crash loop"
	case heal.OutOfMemory:
		return "its want of memory"
	default:
		return "its long start"
	}
}

// startExited reads the label autoheal.start-exited and adds what is wrong with
// it. What "compose run" has begun carries the labels of its service, and is
// to end.
func startExited(labels map[string]string, wrong []string) (bool, []string) {
	text, set := labels[labelStartExited]
	on, ok := truth(text)
	if set && !ok {
		wrong = append(wrong, fmt.Sprintf("label %s=%s is ignored: it must be true or false", labelStartExited, cut(text, 40)))
	}
	return on && labels[labelOneOff] != "True", wrong
}

// startsExited tells whether a container is started when it has exited: then a
// missing HEALTHCHECK is nothing odd.
func (w *Watcher) startsExited(labels map[string]string) bool {
	p, _ := w.o.Selection.policyFor(w.o.Policy, labels)
	return p.StartExited
}
