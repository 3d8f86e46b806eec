package heal

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// world drives one container through Decide by hand.
type world struct {
	p    Policy
	s    State
	now  time.Time
	runs int // starts so far: StartedAt differs with each
}

func newWorld() *world {
	return &world{p: policies()[0], now: time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)}
}

// did feeds an event and gives what came of it in a few words.
func (w *world) did(e Event) string {
	var actions []Action
	w.s, actions = Decide(w.p, w.s, e, w.now)
	var words []string
	for _, a := range actions {
		switch a := a.(type) {
		case Look:
			words = append(words, map[bool]string{true: "look-to-act", false: "look"}[a.ToAct])
		case Act:
			words = append(words, a.Verb.String())
		case Tell:
			text := "tell " + a.Notice.Reason.String()
			if a.Notice.Repeat {
				text += " again"
			}
			if a.Notice.Silent {
				text += " silently"
			}
			words = append(words, text)
		}
	}
	if w.s.Hold != NotHeld {
		words = append(words, "("+w.s.Hold.String()+")")
	}
	return fmt.Sprintf("%s: %s", w.s.Phase, strings.Join(words, ", "))
}

func (w *world) sighting(h Health, s Status) Sighting {
	started := w.startedAt()
	seen := Sighting{
		Health: h, Status: s, StartedAt: started, StopSignal: "SIGTERM", StopTimeout: 10 * time.Second,
		Timing: Timing{Interval: 5 * time.Second, Timeout: time.Second, Retries: 3},
	}
	if h == Unhealthy {
		seen.Streak, seen.Probe = 3, Probe{Start: w.now, ExitCode: 1, Output: "no answer"}
	}
	return seen
}

func (w *world) startedAt() time.Time {
	return time.Date(2026, 11, 22, 12, 0, 0, w.runs, time.UTC)
}

// word reads an event from a few words, as seen now.
func (w *world) word(text string) Event {
	seen := func(h Health, s Status) Event { return Looked{Sighting: w.sighting(h, s)} }
	finished := func(o Outcome, s *Sighting) Event {
		return Finished{Number: w.s.Number, Outcome: o, Err: "why", Took: time.Second, Seen: s}
	}
	running, exited := w.sighting(HealthStarting, StatusRunning), w.sighting(HealthStarting, StatusExited)
	again := running
	again.StartedAt = again.StartedAt.Add(1)
	switch text {
	case "unhealthy":
		return Observed{Health: Unhealthy}
	case "healthy":
		return Observed{Health: Healthy}
	case "unknown":
		return Observed{}
	case "paused-unhealthy":
		return Observed{Health: Unhealthy, Status: StatusPaused}
	case "absent":
		return Absent{}
	case "seen unhealthy":
		return seen(Unhealthy, StatusRunning)
	case "seen healthy":
		return seen(Healthy, StatusRunning)
	case "seen starting":
		return seen(HealthStarting, StatusRunning)
	case "seen paused":
		return seen(Unhealthy, StatusPaused)
	case "seen restarting":
		return seen(Unhealthy, StatusRestarting)
	case "seen exited":
		return seen(Unhealthy, StatusExited)
	case "seen gone":
		return Looked{Gone: true}
	case "not seen":
		return Looked{Err: "the engine is away"}
	case "done":
		w.runs++
		again.StartedAt = w.startedAt()
		return finished(Done, &again)
	case "done unseen":
		w.runs++
		return finished(Done, nil)
	case "refused":
		return finished(Refused, &running)
	case "failed":
		return finished(Failed, &running)
	case "failed down":
		return finished(Failed, &exited)
	case "failed but restarted":
		w.runs++
		return finished(Failed, &again)
	case "no answer":
		return finished(NoAnswer, &running)
	case "not found":
		return finished(NotFound, nil)
	case "stale":
		return Finished{Number: w.s.Number - 1}
	case "term":
		return Killed{At: w.startedAt().Add(time.Hour), Signal: "15"}
	case "late term":
		return Killed{At: w.startedAt().Add(-time.Second), Signal: "15"}
	case "hup":
		return Killed{At: w.startedAt().Add(time.Hour), Signal: "1"}
	case "died":
		return Died{At: w.startedAt().Add(2 * time.Hour)}
	case "started":
		return Started{At: w.startedAt().Add(3 * time.Hour)}
	case "replayed start":
		return Started{At: w.startedAt().Add(time.Millisecond), Replayed: true}
	case "replayed term":
		return Killed{At: w.startedAt().Add(-time.Second), Signal: "15", Replayed: true}
	case "kill":
		return Killed{At: w.startedAt().Add(time.Hour), Signal: "SIGKILL"}
	case "quit":
		return Killed{At: w.startedAt().Add(time.Hour), Signal: "3"}
	case "seen blind":
		l := Looked{Sighting: w.sighting(Unhealthy, StatusRunning), Blind: 11 * time.Second}
		return l
	case "seen after a gap":
		return Looked{Sighting: w.sighting(Unhealthy, StatusRunning), Gap: 11 * time.Second}
	case "seen exited and busy":
		return Looked{Sighting: w.sighting(Unhealthy, StatusExited), Busy: 7 * time.Second}
	case "seen busy":
		return Looked{Sighting: w.sighting(Unhealthy, StatusRunning), Busy: 7 * time.Second}
	case "unreached":
		return finished(Unreached, &running)
	case "unreached down":
		return finished(Unreached, &exited)
	case "failed unseen":
		return finished(Failed, nil)
	case "paused":
		return Paused{}
	case "unpaused":
		return Unpaused{}
	case "destroyed":
		return Destroyed{}
	case "crashed": // and started by its restart policy
		w.did(w.word("died"))
		w.runs++
		return w.word("started")
	case "exit":
		return Died{At: w.startedAt().Add(2 * time.Second)}
	case "unclear exit":
		return Died{At: w.startedAt().Add(2 * time.Second), Unclear: true}
	case "seen down after a gap":
		return Looked{Sighting: w.sighting(HealthNone, StatusExited), Gap: 11 * time.Second}
	case "oom":
		return OOMKilled{At: w.startedAt().Add(2 * time.Second)}
	case "seen killed":
		seen := w.sighting(HealthNone, StatusExited)
		seen.OOMKilled, seen.ExitCode, seen.FinishedAt = true, 137, seen.StartedAt.Add(2*time.Second)
		return Looked{Sighting: seen}
	case "seen running":
		return seen(HealthNone, StatusRunning)
	case "seen grown":
		l := Looked{Sighting: w.sighting(HealthNone, StatusRunning)}
		l.PolicyRestarts = 3
		return l
	case "starting":
		return Observed{Health: HealthStarting}
	case "seen starting for 2m", "seen starting for 50s":
		l := Looked{Sighting: w.sighting(HealthStarting, StatusRunning)}
		d, _ := time.ParseDuration(text[len("seen starting for "):])
		l.EngineNow = l.StartedAt.Add(d)
		return l
	case "trouble":
		w.now = w.s.Trouble.WakeAt
		return Woke{}
	case "wake":
		if w.s.WakeAt.After(w.now) {
			w.now = w.s.WakeAt
		}
		return Woke{}
	}
	if d, err := time.ParseDuration(text); err == nil {
		w.now = w.now.Add(d)
		return Woke{}
	}
	panic("no event is called " + text)
}

// TestDecisions is the state machine as a table: what leads to a phase, then
// an event, then what comes of it.
func TestDecisions(t *testing.T) {
	const (
		failing    = "unhealthy"
		restarting = failing + "; seen unhealthy"
		recovering = restarting + "; done"
		// Two restarts that did not help: the third has to wait.
		backingOff = recovering + "; 13s; unhealthy; seen unhealthy; seen unhealthy; done; 1s; unhealthy; seen unhealthy"
		gaveUp     = backingOff + "; wake; seen unhealthy; done; unhealthy; seen unhealthy; wake; seen unhealthy; done" +
			"; unhealthy; seen unhealthy; wake; seen unhealthy; done; unhealthy; seen unhealthy"
		halfDone = restarting + "; failed down"
	)
	for _, row := range []struct{ before, event, want string }{
		{"", "unhealthy", "failing: look-to-act"},
		{"", "healthy", "steady: "},
		{"", "unknown", "steady: look"},
		{"", "paused-unhealthy", "steady: "},
		{"", "absent", "steady: "},
		{"", "term", "steady: "},
		{"", "hup", "steady: look"},
		{"", "died", "steady: "},
		{"", "started", "steady: "},
		{"", "paused", "steady: "},
		{"", "unpaused", "steady: look"},
		{"", "destroyed", "steady: "},
		{"unknown", "seen unhealthy", "failing: look-to-act"},
		{"unknown", "seen healthy", "steady: "},
		{"term", "unhealthy", "failing: look-to-act"},
		{"term; unhealthy", "seen unhealthy", "failing: (being stopped by somebody)"},
		{"term; unhealthy; seen unhealthy", "started", "steady: "},
		{"hup; seen healthy; unhealthy", "seen unhealthy", "failing: (somebody sent it a signal)"},
		{"hup; seen healthy; unhealthy; seen unhealthy; wake", "seen unhealthy", "restarting: restart"},
		{"quit; seen healthy; unhealthy; seen unhealthy; wake", "seen unhealthy", "restarting: restart"},
		{"term; unhealthy; seen unhealthy; 5m; seen unhealthy; 6m", "seen unhealthy", "failing: tell unhealthy, (being stopped by somebody)"},
		{"term; unhealthy; seen unhealthy; 11m; seen unhealthy; wake", "seen unhealthy", "failing: (being stopped by somebody)"},
		{"replayed term", "unhealthy", "failing: look-to-act"},
		{"unpaused; seen unhealthy", "wake", "failing: look-to-act, (waiting for a fresh probe)"},
		{"unpaused; seen unhealthy; wake", "seen unhealthy", "restarting: restart"},

		{failing, "unhealthy", "failing: "},
		{failing, "healthy", "steady: "},
		{failing, "absent", "failing: "}, // a look is under way
		{failing, "seen unhealthy", "restarting: restart"},
		{failing, "seen healthy", "steady: "},
		{failing + "; healthy", "seen unhealthy", "steady: look"},
		{failing + "; healthy; seen unhealthy", "seen unhealthy", "failing: look-to-act"},
		{failing + "; healthy; unhealthy", "seen unhealthy", "failing: look-to-act"},
		{failing + "; healthy; unhealthy; seen unhealthy", "seen unhealthy", "restarting: restart"},
		{failing + "; term; died; started", "seen unhealthy", "steady: look"},
		{failing, "seen busy", "failing: (its project is being changed)"},
		{failing + "; seen busy; wake", "seen unhealthy", "restarting: restart"},
		{failing, "seen blind", "failing: (no events tell whether somebody is stopping it)"},
		{failing + "; seen blind; wake", "seen blind", "restarting: restart"},
		{failing + "; seen blind; 1s; absent", "seen blind", "failing: (no events tell whether somebody is stopping it)"},
		{failing, "seen after a gap", "failing: (no events tell whether somebody is stopping it)"},
		{failing + "; seen after a gap; wake", "seen unhealthy", "restarting: restart"},
		{failing + "; seen blind", "unhealthy", "failing: look-to-act, (no events tell whether somebody is stopping it)"},
		{failing + "; seen blind; unhealthy", "seen unhealthy", "restarting: restart"},
		{failing, "seen starting", "steady: "},
		{failing, "seen paused", "failing: (paused)"},
		{failing, "seen restarting", "failing: (restarted by its restart policy)"},
		{failing, "seen exited", "failing: (exited)"},
		{failing + "; seen exited; wake", "seen exited", "steady: "},
		{failing, "seen gone", "steady: "},
		{failing, "not seen", "failing: "},
		{failing + "; not seen", "wake", "failing: look-to-act"},
		{failing + "; seen paused", "unpaused", "failing: look-to-act, (paused)"},
		{failing + "; seen paused; unpaused; seen unhealthy; wake", "seen unhealthy", "restarting: restart"},
		{failing + "; term", "seen unhealthy", "failing: (being stopped by somebody)"},
		{failing, "destroyed", "steady: "},

		{restarting, "unhealthy", "restarting: "},
		{restarting, "healthy", "restarting: "},
		{restarting, "absent", "restarting: "},
		{restarting, "term", "restarting: "}, // ours
		{restarting, "died", "restarting: "},
		{restarting, "started", "restarting: "},
		{restarting, "unpaused", "restarting: "},
		{restarting, "stale", "restarting: "},
		{restarting, "done", "recovering: tell restarted"},
		{restarting, "done unseen", "recovering: tell restarted, look"},
		{restarting, "refused", "backing-off: tell restart-failed"},
		{restarting, "failed", "backing-off: tell restart-failed"},
		{restarting, "failed down", "backing-off: tell restart-failed"},
		{restarting, "failed but restarted", "recovering: tell restarted"},
		{restarting, "no answer", "backing-off: tell restart-failed"},
		// A stop just after an act that did nothing is not that act's.
		{restarting + "; failed", "term", "backing-off: (being stopped by somebody)"},
		{restarting + "; refused", "term", "backing-off: (being stopped by somebody)"},
		{restarting + "; unreached", "term", "backing-off: (being stopped by somebody)"},
		// One of an engine that came as far as the start is, if late.
		{restarting + "; 6s; term", "failed down", "backing-off: tell restart-failed"},
		{restarting + "; done unseen; 3s", "term", "recovering: (being stopped by somebody)"},
		{restarting, "not found", "steady: "},
		{restarting, "unreached", "backing-off: tell restart-failed"},
		{restarting + "; term", "unreached", "backing-off: tell restart-failed, (being stopped by somebody)"},
		{restarting + "; term", "unreached down", "backing-off: tell restart-failed, (being stopped by somebody)"},
		{restarting + "; term", "refused", "backing-off: tell restart-failed, (being stopped by somebody)"},
		{restarting + "; term; term", "failed down", "backing-off: tell restart-failed, (being stopped by somebody)"},
		{restarting + "; 6s; term", "no answer", "backing-off: tell restart-failed, (being stopped by somebody)"},
		{restarting + "; term; 10s; kill", "failed down", "backing-off: tell restart-failed"},
		{restarting + "; term; term", "done", "recovering: tell restarted"},
		{restarting, "destroyed", "steady: "},

		{recovering, "stale", "recovering: "},
		{recovering, "late term", "recovering: "},
		{recovering, "healthy", "recovering: "},
		{recovering + "; healthy; wake", "seen healthy", "steady: tell recovered"},
		{recovering + "; healthy", "seen healthy", "recovering: "}, // it must stay so
		{recovering + "; wake", "seen starting", "recovering: tell still-unhealthy"},
		{recovering, "unhealthy", "recovering: look"},
		{recovering + "; 1s; unhealthy", "seen unhealthy", "backing-off: tell still-unhealthy"},
		{recovering + "; 20s; unhealthy", "seen unhealthy", "failing: tell still-unhealthy, look-to-act"},
		{recovering, "absent", "recovering: look"},
		{recovering, "term", "recovering: (being stopped by somebody)"},
		{recovering + "; term", "died", "recovering: (exited)"},
		{recovering + "; term; died; wake", "seen exited", "steady: tell stopped"},
		{recovering + "; term; died", "started", "recovering: "},
		{recovering + "; died; wake; seen exited; wake", "seen exited", "steady: tell exited"},
		{recovering, "destroyed", "steady: tell removed"},
		{restarting + "; done unseen", "term", "recovering: "}, // ours, for all that is known

		{backingOff, "unhealthy", "backing-off: "},
		{backingOff, "1s", "backing-off: "},
		{backingOff, "wake", "backing-off: look-to-act"},
		{backingOff + "; wake", "seen unhealthy", "restarting: restart"},
		{backingOff, "healthy", "recovering: "},
		{backingOff, "absent", "backing-off: look"},
		{backingOff + "; absent", "seen starting", "recovering: "}, // somebody else restarted it
		{backingOff + "; term; died", "started", "recovering: "},
		{backingOff, "destroyed", "steady: tell removed"},

		{halfDone, "wake", "backing-off: look-to-act"},
		{halfDone + "; wake", "seen exited", "restarting: start"},
		{halfDone + "; wake", "seen exited and busy", "backing-off: (its project is being changed)"},
		{halfDone + "; wake; seen exited", "failed down", "backing-off: tell restart-failed again"},
		{halfDone + "; wake; seen exited", "done", "recovering: tell restarted"},
		{halfDone, "started", "backing-off: look"},
		{halfDone, "replayed start", "backing-off: look"},
		{halfDone + "; replayed start", "seen exited", "backing-off: "},
		{halfDone, "healthy", "backing-off: "},
		{halfDone, "term", "backing-off: "}, // ours, a little late
		{restarting + "; failed unseen; wake", "seen exited", "restarting: start"},
		{halfDone + "; wake", "seen starting", "recovering: "},

		{restarting + "; no answer; wake", "seen unhealthy", "restarting: restart"},
		{restarting + "; no answer", "term", "backing-off: "}, // ours, late
		{restarting + "; 40s; no answer", "term", "backing-off: (being stopped by somebody)"},
		{restarting + "; 40s; no answer; term; 10s", "seen exited", "backing-off: (exited)"},
		{restarting + "; no answer; wake", "seen exited", "restarting: start"},
		{restarting + "; refused; wake; seen unhealthy", "refused", "backing-off: tell restart-failed again"},

		{gaveUp, "unhealthy", "gave-up: "},
		{gaveUp, "29m", "gave-up: "},
		{gaveUp, "wake", "gave-up: look-to-act"},
		{gaveUp + "; wake", "seen unhealthy", "restarting: restart"},
		{gaveUp + "; wake; seen unhealthy", "done", "recovering: tell restarted again silently"},
		{gaveUp + "; wake; seen unhealthy; done; unhealthy", "seen unhealthy", "gave-up: tell still-unhealthy again silently"},
		{gaveUp, "healthy", "recovering: "},
		{gaveUp + "; healthy; wake", "seen healthy", "recovering: "}, // it must be well for longer
		{gaveUp + "; healthy; wake; seen healthy; wake", "seen healthy", "steady: tell recovered"},
		{gaveUp + "; term; died", "started", "recovering: "},
	} {
		w := newWorld()
		if row.before != "" {
			for word := range strings.SplitSeq(row.before, "; ") {
				w.did(w.word(word))
			}
		}
		if got := w.did(w.word(row.event)); strings.TrimSpace(got) != strings.TrimSpace(row.want) {
			t.Errorf("after %q:\n%s -> %q; want %q", row.before, row.event, got, row.want)
		}
	}
}

func TestVerdictTimes(t *testing.T) {
	for _, c := range []struct {
		t                Timing
		verdict, confirm time.Duration
	}{
		{Timing{Interval: 5 * time.Second, Timeout: time.Second, Retries: 3}, 24 * time.Second, 10 * time.Second},
		{Timing{Interval: 30 * time.Second, Timeout: 30 * time.Second, Retries: 3, StartPeriod: time.Minute}, 5 * time.Minute, time.Minute},
		{Timing{Interval: time.Hour, Timeout: time.Minute, Retries: 3, StartPeriod: 20 * time.Minute}, 30 * time.Minute, 5 * time.Minute},
		{Timing{}, time.Second, time.Second},
	} {
		if v, k := c.t.Verdict(), c.t.Confirm(); v != c.verdict || k != c.confirm {
			t.Errorf("%+v: %s, %s; want %s, %s", c.t, v, k, c.verdict, c.confirm)
		}
	}
}

// TestSlowFailuresSpendTheBudget: a container that takes longer to fail than
// the budget's window is not restarted for ever.
func TestSlowFailuresSpendTheBudget(t *testing.T) {
	w := newWorld()
	for _, word := range []string{"unhealthy", "seen unhealthy", "done"} {
		w.did(w.word(word))
	}
	restarts := 1
	for range 50 {
		w.now = w.now.Add(20 * time.Minute)
		w.did(w.word("unhealthy"))
		w.did(w.word("seen unhealthy"))
		if w.s.Phase == Failing {
			w.did(w.word("seen unhealthy"))
		}
		if w.s.Phase == GivenUp {
			break
		}
		w.did(w.word("done"))
		restarts++
	}
	if w.s.Phase != GivenUp || restarts != w.p.MaxRestarts {
		t.Errorf("%s after %d restarts; want gave-up after %d", w.s.Phase, restarts, w.p.MaxRestarts)
	}
}

func TestBackoffGrowsWithJitter(t *testing.T) {
	p := policies()[0]
	for n, least := range map[int]time.Duration{1: 10 * time.Second, 2: 20 * time.Second, 3: 40 * time.Second, 6: 5 * time.Minute, 60: 5 * time.Minute} {
		different := map[time.Duration]bool{}
		for seed := range uint64(100) {
			wait := p.backoff(n, seed)
			different[wait] = true
			if wait < least || wait > least*5/4 {
				t.Errorf("restart %d, seed %d: %s; want %s and at most a quarter more", n, seed, wait, least)
			}
		}
		if len(different) < 50 {
			t.Errorf("restart %d: only %d different waits for 100 seeds", n, len(different))
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	w := newWorld()
	for _, word := range []string{"unhealthy", "seen unhealthy", "done"} {
		w.did(w.word(word))
	}
	e := w.word("seen starting")
	b.ReportAllocs()
	for b.Loop() {
		Decide(w.p, w.s, e, w.now)
	}
}

// TestEngineClockSetBack: probes that seem older than the start do not keep a
// container from being healed for ever, and a person's stop that seems older
// than the start is still a person's.
func TestEngineClockSetBack(t *testing.T) {
	w := newWorld()
	w.did(w.word("unhealthy"))
	seen := w.sighting(Unhealthy, StatusRunning)
	seen.Probe.Start = seen.StartedAt.Add(-time.Hour)
	if got := w.did(Looked{Sighting: seen}); got != "failing: (waiting for a fresh probe)" {
		t.Errorf("a probe of an earlier run: %s", got)
	}
	w.did(w.word("wake"))
	seen.Probe.Start = seen.Probe.Start.Add(5 * time.Second)
	if got := w.did(Looked{Sighting: seen}); got != "restarting: restart" {
		t.Errorf("another probe, still older than the start: %s", got)
	}
	w.did(w.word("done"))
	w.now = w.now.Add(2 * time.Minute)
	if got := w.did(w.word("late term")); got != "recovering: (being stopped by somebody)" {
		t.Errorf("a kill long after our restart, with an old time: %s", got)
	}
}
