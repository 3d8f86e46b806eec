package heal

import (
	"testing"
	"time"
)

// week plays a container for a virtual week against Decide: an engine that
// answers at once, and a container that behaves as its functions say.
type week struct {
	p     Policy
	s     State
	now   time.Time
	begun time.Time

	startedAt time.Time
	down      bool
	policy    int       // restarts by the engine's policy
	nextStart time.Time // by that policy; zero: none is due

	healthy  func(ran time.Duration) bool   // what its probes find; nil: it has none
	lasts    func(starts int) time.Duration // how long its runs last; nil: for ever
	noPolicy bool                           // no restart policy starts it again
	cannot   bool                           // every start fails
	heard    Health                         // what the last event said
	messages map[Reason]int
	starts   []time.Time // of acts that took place, or were tried
	queue    []Event
}

func newWeek() *week {
	begun := time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)
	return &week{p: policies()[0], now: begun, begun: begun, startedAt: begun, messages: map[Reason]int{}}
}

func (w *week) health() Health {
	switch {
	case w.healthy == nil:
		return HealthNone
	case w.now.Sub(w.startedAt) < 15*time.Second:
		return HealthStarting
	case w.healthy(w.now.Sub(w.startedAt)):
		return Healthy
	}
	return Unhealthy
}

func (w *week) sighting() Sighting {
	seen := Sighting{
		Health: w.health(), Status: StatusRunning, StartedAt: w.startedAt, PolicyRestarts: w.policy,
		StopSignal: "SIGTERM", StopTimeout: 10 * time.Second, Timing: Timing{Interval: 5 * time.Second, Timeout: time.Second, Retries: 3},
	}
	switch {
	case !w.nextStart.IsZero():
		seen.Status = StatusRestarting
	case w.down:
		seen.Status = StatusExited
	}
	if seen.Health == Unhealthy {
		seen.Streak, seen.Probe = 3, Probe{Start: w.now, ExitCode: 1}
	}
	return seen
}

// feed gives Decide an event and carries out what it asks for.
func (w *week) feed(e Event) {
	var actions []Action
	w.s, actions = Decide(w.p, w.s, e, w.now)
	for _, a := range actions {
		switch a := a.(type) {
		case Look:
			w.queue = append(w.queue, Looked{Sighting: w.sighting(), EngineNow: w.now})
		case Tell:
			if !a.Notice.Repeat && !a.Notice.Silent {
				w.messages[a.Notice.Reason]++
			}
		case Act:
			w.starts = append(w.starts, w.now)
			f := Finished{Number: a.Number, Took: time.Second}
			if w.down = w.cannot; w.cannot {
				f.Outcome = Failed
			} else {
				w.startedAt = w.now
			}
			seen := w.sighting()
			f.Seen = &seen
			w.queue = append(w.queue, f)
			if !w.down {
				w.queue = append(w.queue, Started{At: w.now.Add(1)}) // a little late
			}
		}
	}
}

// live lets a second pass: the container's own doings, the events of it, the
// list of every ten seconds, and the alarms that are due.
func (w *week) live() {
	w.now = w.now.Add(time.Second)
	switch {
	case !w.nextStart.IsZero() && !w.now.Before(w.nextStart):
		w.policy++
		w.nextStart, w.startedAt = time.Time{}, w.now
		w.feed(Started{At: w.now.Add(1)})
	case w.lasts != nil && !w.down && w.nextStart.IsZero() && w.now.Sub(w.startedAt) >= w.lasts(w.policy):
		if w.down = w.noPolicy; !w.down {
			w.nextStart = w.now.Add(time.Minute) // what Docker's pauses grow to
		}
		w.feed(Died{At: w.now})
	}
	if h := w.health(); !w.down && w.nextStart.IsZero() && h != w.heard && h != HealthNone {
		if w.heard = h; h != HealthStarting {
			w.feed(Observed{Health: h})
		}
	}
	if w.now.Sub(w.begun)%(10*time.Second) == 0 && !w.s.IsZero() {
		if w.health() == Unhealthy && !w.down {
			w.feed(Observed{Health: Unhealthy, Status: StatusRunning})
		} else {
			w.feed(Absent{})
		}
	}
	for _, at := range []time.Time{w.s.WakeAt, w.s.Trouble.WakeAt} {
		if !at.IsZero() && !at.After(w.now) {
			w.feed(Woke{})
		}
	}
	for len(w.queue) > 0 {
		e := w.queue[0]
		w.queue = w.queue[1:]
		w.feed(e)
	}
}

// TestAWeekOfTrouble: a container that never recovers makes at most 15
// messages in a week, however it fails.
func TestAWeekOfTrouble(t *testing.T) {
	never := func(time.Duration) bool { return false }
	for _, c := range []struct {
		name  string
		tells Reason // what must be among the messages
		set   func(*week)
	}{
		{"never healthy", GaveUp, func(w *week) { w.healthy = never }},
		{"healthy for 3 min after each restart", GaveUp, func(w *week) {
			w.healthy = func(ran time.Duration) bool { return ran < 3*time.Minute }
		}},
		{"action notify", OnlyTold, func(w *week) { w.p.Treatment, w.healthy = TreatNotify, never }},
		{"crash loop", CrashLooping, func(w *week) { w.lasts = func(int) time.Duration { return 5 * time.Second } }},
		{"crash loop with runs of 2 min", CrashLooping, func(w *week) {
			w.lasts = func(int) time.Duration { return 2 * time.Minute }
		}},
		{"three crashes every quarter of an hour", CrashLooping, func(w *week) {
			w.lasts = func(starts int) time.Duration {
				if starts%3 == 0 {
					return 15 * time.Minute
				}
				return time.Second
			}
		}},
		{"exits after 3 min and is to be started", GaveUp, func(w *week) {
			w.p.StartExited, w.noPolicy = true, true
			w.lasts = func(int) time.Duration { return 3 * time.Minute }
		}},
		{"starts always fail", RestartFailed, func(w *week) { w.healthy, w.cannot = never, true }},
	} {
		w := newWeek()
		c.set(w)
		for w.now.Sub(w.begun) < 7*24*time.Hour {
			w.live()
		}
		total := 0
		for _, n := range w.messages {
			total += n
		}
		t.Logf("%s: %d messages, %d acts: %v", c.name, total, len(w.starts), w.messages)
		if total > 15 || w.messages[c.tells] == 0 {
			t.Errorf("%s: %d messages, of them %d of %s; want at most 15, and that one among them: %v",
				c.name, total, w.messages[c.tells], c.tells, w.messages)
		}
		if c.tells != CrashLooping && w.messages[CrashLooping] > 0 {
			t.Errorf("%s: defib's own starts were taken for a restart policy's", c.name)
		}
	}
}

// TestSingleRetriesGrow: after giving up the gaps between the single restarts
// are 30 min doubling to 6 h, with up to a quarter on top, which differs.
func TestSingleRetriesGrow(t *testing.T) {
	w := newWeek()
	w.healthy = func(time.Duration) bool { return false }
	for w.now.Sub(w.begun) < 7*24*time.Hour {
		w.live()
	}
	if len(w.starts) < 25 {
		t.Fatalf("%d restarts in a week", len(w.starts))
	}
	least := w.p.RetryAfter
	different := map[time.Duration]bool{}
	for i := w.p.MaxRestarts; i < len(w.starts); i++ {
		gap := w.starts[i].Sub(w.starts[i-1])
		// A minute for the verdict, the list and the look.
		if gap < least || gap > least*5/4+time.Minute {
			t.Errorf("retry %d comes after %s; want %s and at most a quarter more", i-w.p.MaxRestarts+1, gap, least)
		}
		if least == w.p.RetryAfterMax {
			different[gap] = true
		}
		least = min(2*least, w.p.RetryAfterMax)
	}
	if len(different) < 10 {
		t.Errorf("only %d different gaps of 6 h and more", len(different))
	}
}
