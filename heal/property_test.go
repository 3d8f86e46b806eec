package heal

import (
	"math/rand/v2"
	"testing"
	"time"
)

// policies are what the random scripts run under.
func policies() []Policy {
	base := Policy{
		Backoff: 10 * time.Second, BackoffMax: 5 * time.Minute, MaxRestarts: 5, Window: 30 * time.Minute,
		RetryAfter: 30 * time.Minute, RetryAfterMax: 6 * time.Hour, Forget: 10 * time.Minute, StopTimeout: -1,
	}
	patient, single, finite, quarantine, mute, none := base, base, base, base, base, base
	patient.UnhealthyFor = time.Minute
	single.MaxRestarts = 1
	finite.RetryAfter = 0
	quarantine.Treatment = TreatStop
	mute.Treatment = TreatNotify
	none.Treatment = TreatNone
	starter := base
	starter.StartExited = true
	return []Policy{base, patient, single, finite, quarantine, mute, none, starter}
}

// script turns a stream of random choices into events: mostly what a sensible
// world does next, sometimes anything.
type script struct {
	c     *checker
	next  func() byte // the choices
	start time.Time   // of the container, on the engine's clock
}

func (s *script) event() Event {
	switch k := s.next(); {
	case k < 60 && s.c.s.Looking:
		return s.looked()
	case k < 120 && s.c.inFlight != nil:
		return s.finished(s.c.inFlight.Number)
	case k < 150 && !s.c.s.WakeAt.IsZero() && s.c.s.WakeAt.After(s.c.now):
		s.c.now = s.c.s.WakeAt
		return Woke{}
	case k < 154 && s.c.s.Trouble.WakeAt.After(s.c.now):
		s.c.now = s.c.s.Trouble.WakeAt
		return Woke{}
	case k < 175:
		return Observed{Health: Health(s.next() % 5), Status: Status(s.next() % 5), Replayed: s.next() < 50}
	case k < 190:
		return Absent{}
	case k < 200:
		return s.looked()
	case k < 208:
		return Killed{At: s.engineTime(), Signal: []string{"15", "9", "1", "SIGTERM", "", "28"}[s.next()%6], Replayed: s.next() < 50}
	case k < 216:
		if s.next() < 40 {
			return OOMKilled{At: s.engineTime()}
		}
		return Died{At: s.engineTime(), Replayed: s.next() < 50, Unclear: s.next() < 20}
	case k < 224:
		s.start = s.engineTime()
		return Started{At: s.start, Replayed: s.next() < 50}
	case k < 230:
		return Paused{}
	case k < 236:
		return Unpaused{}
	case k < 240:
		return s.finished(s.c.s.Number - 1 + uint64(s.next()%3))
	case k < 241:
		return Destroyed{}
	case k < 244:
		return OwnerStarted{s.owner()}
	case k < 246:
		return OwnerLost{s.owner()}
	case k < 248:
		return Freed{}
	}
	return Woke{}
}

// engineTime is the engine's clock: near ours, and jumping.
func (s *script) engineTime() time.Time {
	return s.c.now.Add(time.Duration(int(s.next())-128) * time.Second)
}

func (s *script) sighting() Sighting {
	seen := Sighting{
		Health: Health(s.next() % 5), Status: StatusRunning, StartedAt: s.start, Streak: int(s.next() % 4),
		Probe:  Probe{Start: s.engineTime(), ExitCode: int(s.next() % 2)},
		Timing: Timing{Interval: 5 * time.Second, Timeout: 5 * time.Second, Retries: 3}, StopSignal: "SIGTERM", StopTimeout: 10 * time.Second,
	}
	if k := s.next(); k < 60 {
		seen.Status = Status(k % 5)
	}
	if s.next() < 128 {
		seen.Health = Unhealthy
	}
	seen.OOMKilled, seen.PolicyRestarts, seen.FinishedAt = s.next() < 40, int(s.next()%8), s.engineTime()
	return seen
}

func (s *script) looked() Event {
	switch k := s.next(); {
	case k < 8:
		return Looked{Err: "the engine is away"}
	case k < 10:
		return Looked{Gone: true}
	}
	e := Looked{Sighting: s.sighting(), EngineNow: s.c.now.Add(time.Duration(s.next()) * time.Second)}
	for range s.next() % 3 {
		if s.next() < 100 {
			o := s.owner()
			e.Owners = append(e.Owners, OwnerSeen{
				ID: o.ID, Name: o.ID, Tie: o.Tie, Gone: s.next() < 20, Status: Status(1 + s.next()%4),
				Health: Health(s.next() % 5), StartedAt: s.engineTime(),
			})
		}
	}
	if k := s.next(); k < 40 {
		e.Held, e.HeldFor = []Hold{HoldPeer, HoldCause, HoldStorm}[k%3], time.Duration(1+k)*time.Second
	}
	if k := s.next(); k < 20 {
		e.Blind = time.Duration(k) * time.Second
	} else if k < 40 {
		e.Busy = time.Duration(k) * time.Second
	} else if k < 50 {
		e.Gap = time.Duration(k) * time.Second
	}
	return e
}

func (s *script) owner() Owner {
	id := []string{"a", "b", "c"}[s.next()%3]
	return Owner{ID: id, Name: id, Tie: Tie(s.next() % 5), Ours: s.next() < 128, Died: s.next() < 40, Path: []string{id}}
}

func (s *script) finished(number uint64) Event {
	f := Finished{Number: number, Outcome: Outcome(s.next() % 6), Took: time.Second}
	if s.next() < 160 {
		f.Outcome = Done
		s.start = s.engineTime()
	}
	if s.next() < 200 {
		seen := s.sighting()
		f.Seen = &seen
	}
	return f
}

// run feeds n events; it gives what was violated.
func (s *script) run(n int) []string {
	for range n {
		pace := 10 * time.Millisecond
		if s.next() < 20 {
			pace = 2 * time.Second
		}
		s.c.now = s.c.now.Add(time.Duration(s.next()) * pace)
		s.c.step(s.event())
		if len(s.c.violations) > 0 {
			break
		}
	}
	return s.c.violations
}

// TestPromises holds the invariants of DESIGN section 9 against a million
// random steps; a tenth of them with -short, which the race detector gets: the
// code under test starts no goroutine.
func TestPromises(t *testing.T) {
	scripts, steps := 700, 1500
	if testing.Short() {
		scripts = 70
	}
	for i := range scripts {
		random := rand.New(rand.NewPCG(uint64(i), 42))
		c := newChecker(policies()[i%len(policies())])
		s := &script{c: c, next: func() byte { return byte(random.Uint32()) }}
		if bad := s.run(steps); len(bad) > 0 {
			t.Fatalf("script %d: %v\nstate: %+v", i, bad, c.s)
		}
	}
}

// FuzzDecide holds the same promises against whatever the fuzzer makes up.
func FuzzDecide(f *testing.F) {
	f.Add([]byte{0, 160, 3, 1, 0, 0, 10, 200, 200, 200, 1, 1, 255, 0, 90, 100, 200, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 2 {
			return
		}
		c := newChecker(policies()[int(data[0])%len(policies())])
		rest := data[1:]
		s := &script{c: c, next: func() byte {
			if len(rest) == 0 {
				return 255
			}
			b := rest[0]
			rest = rest[1:]
			return b
		}}
		if bad := s.run(len(data) / 3); len(bad) > 0 {
			t.Fatalf("%v\nstate: %+v", bad, c.s)
		}
	})
}
