package heal

import (
	"slices"
	"time"
)

// Saved is what outlives defib of a State, in a form made for a file: words
// instead of numbers, so that a later version may number anew. Not in it is
// what the first look tells again (holds, the verdict's deadline), what only
// this process can know (a look under way), and health: what nobody watched
// does not count.
type Saved struct {
	Phase          string    `json:"phase"`
	Since          time.Time `json:"since,omitzero"`
	UnhealthySince time.Time `json:"unhealthy_since,omitzero"`
	Told           []string  `json:"told,omitempty"`
	Made           int       `json:"made,omitempty"`
	ByPerson       bool      `json:"by_person,omitempty"`

	Number      uint64      `json:"number,omitempty"`
	InFlight    string      `json:"in_flight,omitempty"`
	Restarts    []time.Time `json:"restarts,omitempty"`
	Tries       int         `json:"tries,omitempty"`
	LastRestart time.Time   `json:"last_restart,omitzero"`
	NotBefore   time.Time   `json:"not_before,omitzero"`
	RetryAt     time.Time   `json:"retry_at,omitzero"`
	Failures    int         `json:"failures,omitempty"`
	HalfDone    bool        `json:"half_done,omitempty"`
	Doubtful    time.Time   `json:"doubtful,omitzero"`
	ActAt       time.Time   `json:"act_at,omitzero"`
	ActEnd      time.Time   `json:"act_end,omitzero"`
	Kills       int         `json:"kills,omitempty"`
	KillSeen    time.Time   `json:"kill_seen,omitzero"`
	Untouched   bool        `json:"untouched,omitempty"`
	PersonAt    time.Time   `json:"person_at,omitzero"`
	Unverified  bool        `json:"unverified,omitempty"`
	SpentBudget bool        `json:"spent_budget,omitempty"`
	SilentTries int         `json:"silent_tries,omitempty"`

	After      []Owner `json:"after,omitempty"`
	Following  bool    `json:"following,omitempty"`
	FollowedBy string  `json:"followed_by,omitempty"`
	Revived    bool    `json:"revived,omitempty"`

	ExitedAt time.Time `json:"exited_at,omitzero"`
	ExitRun  time.Time `json:"exit_run,omitzero"`
	ExitCode int       `json:"exit_code,omitempty"`
	Trouble  Trouble   `json:"trouble,omitzero"`

	StartedAt  time.Time     `json:"started_at,omitzero"`
	StoppingAt time.Time     `json:"stopping_at,omitzero"`
	StopHeard  time.Time     `json:"stop_heard,omitzero"`
	StopSignal string        `json:"stop_signal,omitempty"`
	HoldUntil  time.Time     `json:"hold_until,omitzero"`
	NeedProbe  bool          `json:"need_probe,omitempty"`
	StaleProbe time.Time     `json:"stale_probe,omitzero"`
	StopGrace  time.Duration `json:"stop_grace,omitempty"`
	Timing     SavedTiming   `json:"timing,omitzero"`
	Probe      SavedProbe    `json:"probe,omitzero"`
}

// SavedTiming is the Timing of a Saved; durations are nanoseconds.
type SavedTiming struct {
	Interval    time.Duration `json:"interval,omitempty"`
	Timeout     time.Duration `json:"timeout,omitempty"`
	StartPeriod time.Duration `json:"start_period,omitempty"`
	Retries     int           `json:"retries,omitempty"`
}

// SavedProbe is the Probe of a Saved.
type SavedProbe struct {
	Start    time.Time `json:"start,omitzero"`
	ExitCode int       `json:"exit_code,omitempty"`
	Output   string    `json:"output,omitempty"`
}

// Saved gives what is to be saved of a state. It shares nothing with it.
func (s State) Saved() Saved {
	return Saved{
		Phase: s.Phase.String(), Since: s.Since, UnhealthySince: s.UnhealthySince, Told: toldWords(s.Told),
		Made: s.Made, ByPerson: s.ByPerson,
		Number: s.Number, InFlight: s.InFlight.String(), Restarts: slices.Clone(s.Restarts), Tries: s.Tries,
		LastRestart: s.LastRestart, NotBefore: s.NotBefore, RetryAt: s.RetryAt, Failures: s.Failures,
		HalfDone: s.HalfDone, Doubtful: s.Doubtful, ActAt: s.ActAt, ActEnd: s.ActEnd, Kills: s.Kills,
		KillSeen: s.KillSeen, Untouched: s.Untouched, PersonAt: s.PersonAt, Unverified: s.Unverified,
		SpentBudget: s.SpentBudget, SilentTries: s.SilentTries,
		After: slices.Clone(s.After), Following: s.Following, FollowedBy: s.FollowedBy, Revived: s.Revived, Trouble: s.Trouble,
		ExitedAt: s.ExitedAt, ExitRun: s.ExitRun, ExitCode: s.ExitCode,
		StartedAt: s.StartedAt, StoppingAt: s.StoppingAt, StopHeard: s.StopHeard, StopSignal: s.StopSignal,
		HoldUntil: s.HoldUntil, NeedProbe: s.NeedProbe, StaleProbe: s.StaleProbe, StopGrace: s.StopGrace,
		Timing: SavedTiming(s.Timing), Probe: SavedProbe(s.Probe),
	}
}

// Restore gives the state to go on with after a restart of defib, under the
// policy of now, which may be another. seen is an inspection of just now, nil
// where there is none yet. Every state that comes back wants to be woken, and
// but for one with which nothing is wrong it is looked at first.
//
// What was saved may be damaged or of another clock: no count is negative or
// huge, nothing lies in the future that cannot, and nothing waits for longer
// than it ever would.
func (v Saved) Restore(p Policy, seen *Sighting, now time.Time) State {
	s := v.state(p, now)
	s.WakeAt = now
	if s.Phase == Steady && len(s.Restarts) > 0 {
		s.HealthySince, s.WakeAt = now, now.Add(p.Forget) // the back-off is forgotten after health that was watched
	}
	grace := p.StopTimeout
	if grace < 0 {
		grace = s.StopGrace
	}
	if s.Phase == Restarting {
		// It may have happened, be under way or never have been asked for. That
		// is for a look to tell, and until its stop must be over it is not done
		// again. Its kills may be told only now, as if it had just begun.
		s.Phase = BackingOff
		s.NotBefore = latest(s.NotBefore, now.Add(failWait), s.ActAt.Add(grace+failWait))
		s.ActAt, s.ActEnd, s.Doubtful = now, now, now
	}
	if (s.Phase == BackingOff || s.Phase == Recovering) && !s.Doubtful.IsZero() {
		s.Doubtful = now.Add(grace + time.Minute) // that defib was away for long clears up nothing
	}
	if s.Phase == Failing && p.Treatment == TreatNotify && s.Since.IsZero() && !s.UnhealthySince.IsZero() {
		s.Since, s.Told = s.UnhealthySince, toldPerhaps // defib may have been killed right after it told of it
	}
	s.disown(p, seen)
	return s
}

// disown gives up what is not ours to start any more: somebody started the
// container while defib was away and it is down again, or the policy does not
// allow it now.
func (s *State) disown(p Policy, seen *Sighting) {
	down := seen != nil && seen.Status == StatusExited && !s.StartedAt.IsZero() && !seen.StartedAt.Equal(s.StartedAt)
	if down || p.Treatment != TreatRestart {
		s.HalfDone = false
		if s.InFlight != Stop {
			s.Doubtful = time.Time{}
		}
	}
}

// state reads what was saved, within bounds.
func (v Saved) state(p Policy, now time.Time) State {
	past := func(t time.Time) time.Time { return earliest(t, now) }
	soon := func(t time.Time, most time.Duration) time.Time { return earliest(t, now.Add(most)) }
	s := State{
		Phase: phaseNamed(v.Phase), Since: past(v.Since), UnhealthySince: past(v.UnhealthySince), Told: toldBits(v.Told),
		Made: bounded(v.Made), ByPerson: v.ByPerson,
		Number: v.Number, InFlight: verbNamed(v.InFlight), Tries: bounded(v.Tries), LastRestart: past(v.LastRestart),
		RetryAt: soon(v.RetryAt, max(p.RetryAfter, p.RetryAfterMax)), Failures: bounded(v.Failures),
		HalfDone: v.HalfDone, Doubtful: past(v.Doubtful), ActAt: past(v.ActAt), ActEnd: past(v.ActEnd), Kills: bounded(v.Kills),
		KillSeen: v.KillSeen, Untouched: v.Untouched, PersonAt: v.PersonAt, Unverified: v.Unverified,
		SpentBudget: v.SpentBudget, SilentTries: bounded(v.SilentTries),
		After: v.After[:min(len(v.After), maxOwners)], Following: v.Following, FollowedBy: v.FollowedBy, Revived: v.Revived,
		Trouble: v.Trouble.restored(now), ExitedAt: v.ExitedAt, ExitRun: v.ExitRun, ExitCode: v.ExitCode,
		StartedAt: v.StartedAt, StoppingAt: v.StoppingAt, StopHeard: past(v.StopHeard), StopSignal: v.StopSignal,
		HoldUntil: soon(v.HoldUntil, signalHold), NeedProbe: v.NeedProbe, StaleProbe: v.StaleProbe,
		StopGrace: max(0, min(v.StopGrace, 24*time.Hour)), Probe: Probe(v.Probe),
		Timing: Timing{
			Interval: max(0, min(v.Timing.Interval, 24*time.Hour)), Timeout: max(0, min(v.Timing.Timeout, 24*time.Hour)),
			StartPeriod: max(0, min(v.Timing.StartPeriod, 24*time.Hour)), Retries: bounded(v.Timing.Retries),
		},
	}
	s.NotBefore = soon(v.NotBefore, max(p.BackoffMax+p.BackoffMax/4, failWaitMax, s.StopGrace))
	for _, at := range v.Restarts {
		s.Restarts = append(s.Restarts, past(at))
	}
	slices.SortFunc(s.Restarts, time.Time.Compare)
	if over := len(s.Restarts) - max(1, p.MaxRestarts); over > 0 {
		s.Restarts = slices.Clone(s.Restarts[over:])
	}
	return s
}

// toldPerhaps is bit 0 of State.Told. It stands for a reason of another version,
// or for one that was told if defib came so far: whoever heard of it must hear
// of the end, too.
const toldPerhaps = 1

// toldWords and toldBits turn the bits of State.Told to reasons and back.
func toldWords(bits uint32) []string {
	var words []string
	for r := Reason(0); r <= StormOver; r++ {
		if bits&(1<<r) != 0 {
			words = append(words, r.String())
		}
	}
	return words
}

func toldBits(words []string) uint32 {
	var bits uint32
	for _, w := range words {
		known := Reason(0)
		for r := Reason(0); r <= StormOver; r++ {
			if r.String() == w {
				known = r
			}
		}
		bits |= 1 << known
	}
	return bits
}

// phaseNamed finds a phase by its word. One that does not exist is taken for
// trouble, which a look clears up.
func phaseNamed(word string) Phase {
	for p := Steady; p <= GivenUp; p++ {
		if p.String() == word {
			return p
		}
	}
	return Failing
}

func verbNamed(word string) Verb {
	for v := Restart; v <= Start; v++ {
		if v.String() == word {
			return v
		}
	}
	return Restart
}

// bounded keeps a count within what can be: the back-off and the waits are at
// their longest long before.
func bounded(n int) int { return max(0, min(n, 1000)) }

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func latest(first time.Time, others ...time.Time) time.Time {
	for _, t := range others {
		if t.After(first) {
			first = t
		}
	}
	return first
}
