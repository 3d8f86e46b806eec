package heal

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// remade takes a saved state through a file's text.
func remade(t testing.TB, v Saved) Saved {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var back Saved
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return back
}

// TestEveryFieldIsDecided: a field of State is saved, or it is left out on
// purpose. One that is new must be put on either side.
func TestEveryFieldIsDecided(t *testing.T) {
	leftOut := []string{"Hold", "WakeAt", "Wave", "OwnerReady", "Looking", "ToAct", "Overtaken", "LookFails", "HealthySince", "Deadline", "Signal", "BlindSince", "DownSince"}
	saved, state := reflect.TypeFor[Saved](), reflect.TypeFor[State]()
	for i := range state.NumField() {
		name := state.Field(i).Name
		if _, kept := saved.FieldByName(name); kept == slices.Contains(leftOut, name) {
			t.Errorf("State.%s: saved %v; it must be either in Saved or left out on purpose", name, kept)
		}
	}
}

// TestSavedStatesComeBack: what is saved is what comes back, field by field.
func TestSavedStatesComeBack(t *testing.T) {
	now := time.Date(2026, 11, 22, 18, 0, 0, 123456789, time.UTC)
	before := State{
		Phase: GivenUp, Since: now.Add(-time.Hour), UnhealthySince: now.Add(-time.Minute), Told: 1<<Restarted | 1<<GaveUp,
		Made: 5, ByPerson: true, Number: 7, InFlight: Start, Restarts: []time.Time{now.Add(-9 * time.Minute), now.Add(-8 * time.Minute)},
		Tries: 4, LastRestart: now.Add(-8 * time.Minute), NotBefore: now.Add(20 * time.Second), RetryAt: now.Add(20 * time.Minute), Failures: 2,
		HalfDone: true, ActAt: now.Add(-8 * time.Minute), ActEnd: now.Add(-7 * time.Minute), Kills: 1, KillSeen: now.Add(-8 * time.Minute),
		Untouched: true, PersonAt: now.Add(-6 * time.Minute), Unverified: true, SpentBudget: true, SilentTries: 3,
		StartedAt: now.Add(-5 * time.Minute), StoppingAt: now.Add(time.Hour), StopHeard: now.Add(-4 * time.Minute), StopSignal: "SIGQUIT",
		HoldUntil: now.Add(30 * time.Second), NeedProbe: true, StaleProbe: now.Add(-3 * time.Minute), StopGrace: 12 * time.Second,
		Timing: Timing{Interval: time.Second, Timeout: 2 * time.Second, StartPeriod: 3 * time.Second, Retries: 4},
		Probe:  Probe{Start: now.Add(-2 * time.Minute), ExitCode: 7, Output: "no \x00\xff <answer>"},
	}
	after := remade(t, before.Saved()).Restore(policies()[0], nil, now)
	want := before
	want.WakeAt = now
	want.Probe.Output = "no \x00\ufffd <answer>"
	if !reflect.DeepEqual(after, want) {
		t.Errorf("came back\n%+v\nwant\n%+v", after, want)
	}
}

// TestRestartUnderWay: an act that was under way when defib was killed is
// looked into, and never done again before its stop must be over.
func TestRestartUnderWay(t *testing.T) {
	p := policies()[0]
	begun := time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)
	start := begun.Add(-time.Hour)
	saved := State{
		Phase: Restarting, Since: begun, UnhealthySince: begun, Number: 1, ActAt: begun, StartedAt: start, StopGrace: 10 * time.Second,
		Timing: Timing{Interval: 5 * time.Second, Timeout: time.Second, Retries: 3},
	}.Saved()
	sick := Sighting{
		Health: Unhealthy, Status: StatusRunning, StartedAt: start, Streak: 3, Probe: Probe{Start: begun, ExitCode: 1},
		Timing: Timing{Interval: 5 * time.Second, Timeout: time.Second, Retries: 3}, StopSignal: "SIGTERM", StopTimeout: 10 * time.Second,
	}
	well, down, ours := sick, sick, sick
	well.Health = Healthy
	down.Status = StatusExited
	ours.StartedAt, ours.Health, ours.Streak = begun.Add(time.Second), HealthStarting, 0

	t.Run("its kill is told late", func(t *testing.T) {
		s := saved.Restore(p, nil, begun.Add(2*time.Second))
		s, _ = Decide(p, s, Killed{At: begun.Add(time.Millisecond), Signal: "15", Replayed: true}, begun.Add(2*time.Second))
		if !s.StoppingAt.IsZero() {
			t.Error("our own stop signal is taken for a person's")
		}
		s, _ = Decide(p, s, Killed{At: begun.Add(time.Second), Signal: "15", Replayed: true}, begun.Add(2*time.Second))
		if s.StoppingAt.IsZero() {
			t.Error("a second stop signal is not taken for a person's")
		}
	})
	t.Run("it is well, and defib is killed again", func(t *testing.T) {
		now := begun.Add(2 * time.Second)
		s, _ := Decide(p, saved.Restore(p, nil, now), Observed{Health: Healthy, Status: StatusRunning}, now)
		s = remade(t, s.Saved()).Restore(p, nil, now.Add(time.Second))
		again := well
		again.StartedAt = ours.StartedAt
		_, actions := Decide(p, s, Looked{Sighting: again}, now.Add(time.Second))
		if len(actions) != 1 || actions[0].(Tell).Notice.Reason != Restarted {
			t.Errorf("%+v; want that it was restarted", actions)
		}
	})
	t.Run("it was between its stop and its start", func(t *testing.T) {
		now := begun.Add(2 * time.Second)
		s := saved.Restore(p, nil, now)
		var told []Reason
		for _, e := range []Event{Woke{}, Looked{Sighting: down}, Started{At: ours.StartedAt}, Looked{Sighting: ours}} {
			var actions []Action
			s, actions = Decide(p, s, e, now)
			for _, a := range actions {
				if a, ok := a.(Tell); ok {
					told = append(told, a.Notice.Reason)
				}
			}
		}
		if !slices.Equal(told, []Reason{Restarted}) || len(s.Restarts) != 1 || s.ByPerson {
			t.Errorf("told %v; %d restarts are remembered, by a person %v", told, len(s.Restarts), s.ByPerson)
		}
	})
	for _, c := range []struct {
		name string
		seen Sighting
		want []Reason
		acts []Verb
		at   time.Duration // of the act, since the restart began
	}{
		{"it never happened", sick, nil, []Verb{Restart}, 11 * time.Second},
		{"it has happened", ours, []Reason{Restarted}, nil, 0},
		{"the container is down", down, nil, []Verb{Start}, 11 * time.Second},
		{"it got well by itself", well, nil, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := begun.Add(2 * time.Second)
			s := remade(t, saved).Restore(p, &c.seen, now)
			var told []Reason
			var acts []Verb
			for now.Before(begun.Add(14*time.Second)) && len(acts) == 0 {
				var actions []Action
				s, actions = Decide(p, s, Woke{}, now)
				for len(actions) > 0 {
					a := actions[0]
					actions = actions[1:]
					switch a := a.(type) {
					case Look:
						var more []Action
						s, more = Decide(p, s, Looked{Sighting: c.seen}, now)
						actions = append(actions, more...)
					case Act:
						acts = append(acts, a.Verb)
						if since := now.Sub(begun); since != c.at {
							t.Errorf("%s %s after the restart began; want %s", a.Verb, since, c.at)
						}
					case Tell:
						told = append(told, a.Notice.Reason)
					}
				}
				now = now.Add(time.Second)
			}
			if !slices.Equal(told, c.want) || !slices.Equal(acts, c.acts) {
				t.Errorf("told %v, did %v; want %v, %v", told, acts, c.want, c.acts)
			}
		})
	}
}

// TestReplayedHealth: that a container was healthy once ends no incident that is
// known; a look tells whether it is.
func TestReplayedHealth(t *testing.T) {
	now := time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)
	for _, phase := range []Phase{Failing, BackingOff, GivenUp, Recovering} {
		before := State{Phase: phase, UnhealthySince: now.Add(-time.Minute), Told: toldPerhaps, Since: now.Add(-time.Minute)}
		s, actions := Decide(policies()[0], before, Observed{Health: Healthy, Status: StatusRunning, Replayed: true}, now)
		if s.Phase != phase || !s.UnhealthySince.Equal(before.UnhealthySince) || !s.HealthySince.IsZero() || len(actions) != 1 {
			t.Errorf("%s becomes %s, healthy since %s; %+v", phase, s.Phase, s.HealthySince, actions)
		}
		stuck := State{Trouble: Trouble{Stuck: now.Add(-time.Hour)}}
		if s, _ = Decide(policies()[0], stuck, Observed{Health: Healthy, Status: StatusRunning, Replayed: true}, now); s.Trouble.Stuck.IsZero() {
			t.Error("a start that does not end is over")
		}
	}
}

// TestHalfDoneIsOursUntilSomebodyStartsIt: what our restart left down is
// started after a restart of defib, unless somebody else had it up meanwhile
// or the policy does not allow it any more.
func TestHalfDoneIsOursUntilSomebodyStartsIt(t *testing.T) {
	now := time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)
	saved := State{Phase: BackingOff, Since: now, HalfDone: true, StartedAt: now.Add(-time.Hour)}.Saved()
	same := &Sighting{Status: StatusExited, StartedAt: now.Add(-time.Hour)}
	other := &Sighting{Status: StatusExited, StartedAt: now.Add(-time.Minute)}
	for _, c := range []struct {
		policy Policy
		seen   *Sighting
		want   bool
	}{
		{Policy{}, same, true},
		{Policy{}, nil, true},
		{Policy{}, other, false},
		{Policy{Treatment: TreatNotify}, same, false},
		{Policy{Treatment: TreatStop}, same, false},
	} {
		if got := saved.Restore(c.policy, c.seen, now).HalfDone; got != c.want {
			t.Errorf("%s, seen %+v: half done %v; want %v", c.policy.Treatment, c.seen, got, c.want)
		}
	}
}

// TestNonsenseIsBounded: a damaged file, or one of a clock that was ahead, makes
// nothing wait for longer than it ever would.
func TestNonsenseIsBounded(t *testing.T) {
	p := policies()[0]
	now := time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)
	far := now.AddDate(5000, 0, 0)
	v := Saved{
		Phase: "on the moon", Since: far, UnhealthySince: far, Told: []string{"beamed-up"}, Made: -5, InFlight: "explode",
		Restarts: []time.Time{far, far, far, now, far, far, far, far}, Tries: 1 << 62, LastRestart: far, NotBefore: far, RetryAt: far,
		Failures: -1 << 62, Doubtful: far, ActAt: far, ActEnd: far, HoldUntil: far, StopHeard: far, SilentTries: 1 << 62,
		StopGrace: -1, Timing: SavedTiming{Interval: -1, Timeout: 1 << 62, StartPeriod: 1 << 62, Retries: 1 << 62},
	}
	for _, phase := range []string{"on the moon", "steady", "failing", "restarting", "recovering", "backing-off", "gave-up"} {
		v.Phase = phase
		s := v.Restore(p, nil, now)
		if s.NotBefore.After(now.Add(7*time.Minute)) || s.RetryAt.After(now.Add(6*time.Hour)) || s.HoldUntil.After(now.Add(time.Minute)) ||
			s.Doubtful.After(now.Add(25*time.Hour)) {
			t.Errorf("%s: waits for ever: %+v", phase, s)
		}
		if s.Since.After(now) || s.UnhealthySince.After(now) || s.LastRestart.After(now) || s.Restarts[4].After(now) || len(s.Restarts) != 5 {
			t.Errorf("%s: the past lies in the future: %+v", phase, s)
		}
		if s.Made != 0 || s.Failures != 0 || s.Tries > 1000 || s.SilentTries > 1000 || s.Told == 0 || s.WakeAt.IsZero() {
			t.Errorf("%s: %+v", phase, s)
		}
		if wait := s.Timing.Verdict(); wait <= 0 || wait > 25*time.Hour {
			t.Errorf("%s: the verdict is awaited for %s", phase, wait)
		}
		if (phase == "on the moon") != (s.Phase == Failing && phase != "failing") {
			t.Errorf("%s came back as %s", phase, s.Phase)
		}
	}
}

// TestPromisesOverRestartsOfDefib holds the promises against random scripts in
// which defib is killed at any moment and comes back, after seconds or hours.
func TestPromisesOverRestartsOfDefib(t *testing.T) {
	scripts, steps := 280, 1000
	if testing.Short() {
		scripts = 28
	}
	for i := range scripts {
		random := rand.New(rand.NewPCG(uint64(i), 77))
		c := newChecker(policies()[i%len(policies())])
		s := &script{c: c, next: func() byte { return byte(random.Uint32()) }}
		for range steps {
			if bad := s.run(1); len(bad) > 0 {
				t.Fatalf("script %d: %v\nstate: %+v", i, bad, c.s)
			}
			if random.IntN(20) > 0 || c.s.IsZero() {
				continue
			}
			text := remade(t, c.s.Saved())
			c.now = c.now.Add(time.Duration(random.IntN(4)*random.IntN(600)) * time.Second)
			c.s, c.inFlight, c.healthySince = text.Restore(c.p, nil, c.now), nil, c.now
			if c.s.WakeAt.IsZero() {
				t.Fatalf("script %d: came back without a wake-up: %+v", i, c.s)
			}
			if c.s.IsZero() { // as the watcher does
				c.s = State{}
			}
		}
	}
}
