package watcher

import (
	"context"
	"errors"
	"strings"
	"time"

	"defib/heal"
)

// The limits of evidence.
const (
	maxProbes = 5 // the engine keeps no more
	// maxProbeOutput is in bytes. The engine keeps four times that; the memory
	// must not, for hundreds that are unhealthy at once.
	maxProbeOutput = 1000
	// logTimeout is how long a restart waits at most for the container's log.
	logTimeout = 3 * time.Second
	// logHolds is how long one that was read serves the next look as well.
	logHolds = 2 * time.Second
	// logRest is how long no log is read after one that did not come: where a
	// disk hangs it hangs for all, and each would wait for it in its turn.
	logRest = time.Minute
)

// wantsLog tells whether a look is to read the end of the container's log: if
// that is asked for, and an act or a verdict may follow; and whether what the
// look before read still serves.
func (w *Watcher) wantsLog(e *entry, toAct bool) (read, keep bool) {
	if w.o.LogLines == 0 || (!toAct && e.state.Phase != heal.Recovering) {
		return false, false
	}
	v := e.evidence
	keep = v != nil && (len(v.Log) > 0 || v.LogError != "") && time.Since(v.At) < logHolds
	return !keep, keep
}

// see inspects a container and, if asked to, reads the end of its log where it
// is unhealthy. That may take a while, in which it may have turned healthy or a
// person may have stopped it: what an act follows is looked at once more.
func (w *Watcher) see(ctx context.Context, id string, withLog, toAct bool) (inspection, error) {
	seen, err := w.inspect(ctx, id)
	if err != nil || !withLog || seen.Status != heal.StatusRunning || seen.Health != heal.Unhealthy {
		return seen, err
	}
	lines, failed := w.readLog(ctx, id)
	if toAct {
		seen, err = w.inspect(ctx, id)
	}
	seen.log, seen.logError = lines, failed
	return seen, err
}

// readLog gives the last lines of a container's log, and what went wrong in
// words; both where it broke off.
func (w *Watcher) readLog(ctx context.Context, id string) ([]string, string) {
	eng := w.engine.Load()
	if eng == nil {
		return nil, plain(errAway)
	}
	if time.Now().UnixNano() < w.noLogsBefore.Load() {
		return nil, "not asked for, since the engine did not answer for another one just now"
	}
	call, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	text, err := eng.logTail(call, id, w.o.LogLines)
	lines := lastLines(text, w.o.LogLines)
	switch {
	case err == nil:
		return lines, ""
	case errors.Is(err, context.DeadlineExceeded):
		w.noLogsBefore.Store(time.Now().Add(logRest).UnixNano())
		return lines, "the engine gave no answer within " + logTimeout.String()
	case isForbidden(err):
		return lines, "the endpoint does not allow it (403 Forbidden): allow GET /containers/{id}/logs"
	}
	return lines, strings.TrimPrefix(plain(err), "read the log: ") // which is said where it is shown
}

// takeEvidence keeps what a look tells of an unhealthy container until the next
// one. What is down says less than what was seen before it was stopped.
func (w *Watcher) takeEvidence(e *entry, l looked) {
	seen := l.seen
	running := seen.Status == heal.StatusRunning
	if (!running || seen.Health != heal.Unhealthy) && (seen.Status != heal.StatusExited || e.evidence != nil) {
		return
	}
	v := &heal.Evidence{
		At: time.Now(), Streak: seen.Streak, Attempt: e.state.Made, PolicyRestarts: seen.PolicyRestarts,
		ExitCode: seen.ExitCode, OOMKilled: seen.OOMKilled, Image: seen.container.Image, Probes: seen.probes,
		Log: seen.log, LogError: seen.logError,
	}
	if up := w.engineNow().Sub(seen.StartedAt); up > 0 && !seen.StartedAt.IsZero() && running {
		v.Uptime = up
	}
	if l.keepLog && e.evidence != nil {
		v.Log, v.LogError = e.evidence.Log, e.evidence.LogError
	}
	e.evidence = v
}

// evidenceFor gives what a notice is to tell of: what was seen before the act,
// or just now where it is about how things stand. The end of an incident has
// none, and forgets it.
func (e *entry) evidenceFor(n heal.Notice) *heal.Evidence {
	v := e.evidence
	switch n.Reason {
	case heal.Restarted, heal.RestartFailed, heal.Quarantined:
		return v
	case heal.StillUnhealthy, heal.GaveUp, heal.OnlyTold:
		if v != nil && n.At.Sub(v.At) < time.Second { // else it is of the run before
			return v
		}
	default:
		if n.Reason.Ends() && !n.OfTrouble() {
			e.evidence = nil
		}
	}
	return nil
}
