package heal

import "time"

// Phase is how far the healing of a container has come.
type Phase uint8

// The phases.
const (
	Steady     Phase = iota // nothing is wrong, or not any more
	Failing                 // unhealthy, not treated yet
	Restarting              // an Act is under way
	Recovering              // restarted, or healthy again: the verdict is awaited
	BackingOff              // unhealthy; the next restart has a date
	GivenUp                 // the budget is spent; "gave-up" in logs
)

// String gives the phase as logs spell it.
func (p Phase) String() string {
	return [...]string{"steady", "failing", "restarting", "recovering", "backing-off", "gave-up"}[p]
}

// Hold is why an unhealthy container is not treated now.
type Hold uint8

// The holds.
const (
	NotHeld        Hold = iota
	HoldStopping        // somebody is stopping it
	HoldPaused          // it is paused
	HoldRestarting      // the engine's restart policy is at work
	HoldProbe           // no probe has failed since it was started or unpaused
	HoldExited          // it is down; somebody may start it again
	HoldSignal          // somebody sent it a signal that may end it
	HoldDeploy          // its Compose project is being changed
	HoldBlind           // no event could have told that somebody is stopping it
	HoldCause           // one that it depends on is unhealthy or being healed
	HoldOwner           // one that it is to be restarted after is not ready
	HoldStorm           // the host seems to be in trouble: a canary is healed first
	HoldAsked           // somebody asked defib to pause
	HoldPeer            // another container of its service is being healed
)

// String gives the hold as logs spell it.
func (h Hold) String() string {
	return [...]string{
		"", "being stopped by somebody", "paused", "restarted by its restart policy",
		"waiting for a fresh probe", "exited", "somebody sent it a signal", "its project is being changed",
		"no events tell whether somebody is stopping it", "one that it depends on is healed first",
		"one that it is restarted after is not ready", "many turned unhealthy at once: a canary is healed first",
		"defib is paused for it", "another of its service is healed first",
	}[h]
}

// State is the memory of one container. The zero State is that of a container
// with which nothing is or was wrong; it need not be kept.
type State struct {
	Phase Phase
	Hold  Hold
	// WakeAt is when Decide wants a Woke; zero: never.
	WakeAt time.Time
	// Looking says that a Look is under way: one at a time.
	Looking   bool
	ToAct     bool // that Look was asked for in order to act
	Overtaken bool // since it was asked for, an event told what it may not have seen

	// The incident. Since is zero while none is open.
	Since          time.Time
	UnhealthySince time.Time // first unhealthy observation, for UnhealthyFor
	Told           uint32    // a bit per Reason that was told in this incident
	Made           int       // restarts made in this incident since a person took a hand in it
	ByPerson       bool      // a person did

	// Acts. Number is that of the last Act: outcomes of older ones are stale.
	Number      uint64
	InFlight    Verb
	Restarts    []time.Time // the newest restarts, at most Policy.MaxRestarts
	Tries       int         // restarts since they were last forgotten: the back-off's exponent
	LastRestart time.Time
	NotBefore   time.Time // no act before this
	RetryAt     time.Time // after giving up: no restart before this
	Failures    int       // acts that the engine refused or failed, in a row
	LookFails   int       // looks that failed, in a row
	HalfDone    bool      // our restart stopped it and did not start it
	Doubtful    time.Time // until then an act without a good answer may still happen; zero: none
	ActAt       time.Time // when the last act began
	ActEnd      time.Time // when its outcome came
	Kills       int       // stop signals since the last act began, KILL aside
	KillSeen    time.Time // the first of them, by the engine's clock
	Untouched   bool      // the last act did nothing to the container
	PersonAt    time.Time // a person's stop during the last act, by the engine's clock
	Unverified  bool      // our restart is done, its new StartedAt not known yet
	SpentBudget bool      // gave up; stays while single restarts are tried
	SilentTries int       // restarts made after giving up

	// The verdict.
	HealthySince time.Time
	Deadline     time.Time
	Timing       Timing

	// What it is to be restarted after.
	After      []Owner
	Wave       []string  // ids of those whose restart led to the last act
	Following  bool      // the incident began with an owner's restart
	FollowedBy string    // the owner that it was last restarted after
	OwnerReady time.Time // since when all of them are ready

	// What the gate needs. StartedAt, StoppingAt and StaleProbe are times of
	// the engine's clock and are compared with each other only.
	StartedAt  time.Time
	StoppingAt time.Time // a kill that is not ours; zero: nobody is stopping it
	StopHeard  time.Time // when StoppingAt was set, by the caller's clock
	Signal     string    // a signal that may or may not mean to stop it
	StopSignal string    // what asks it to stop; empty: not known
	HoldUntil  time.Time // such a signal was sent: no treatment before
	BlindSince time.Time // held because no event could have told of a stop
	NeedProbe  bool      // a probe newer than StaleProbe must fail first
	StaleProbe time.Time
	DownSince  time.Time // seen exited, not by our doing
	Probe      Probe     // the last failing one, for people
	StopGrace  time.Duration

	// A container that exited by itself and may be started.
	ExitedAt time.Time // when it did, by the engine's clock; zero: it did not, or may not
	ExitRun  time.Time // the start of the run of which that is certain, by the engine's clock
	ExitCode int
	Revived  bool // the last act was to start it for that reason

	Trouble Trouble
}

// IsZero tells whether nothing need be remembered of the container: its State
// may be dropped and a zero one used when it is heard of again.
func (s State) IsZero() bool { return s.Healed() && s.Trouble.IsZero() }

// Healed tells whether nothing but troubles need be remembered of the container.
func (s State) Healed() bool {
	return s.Phase == Steady && !s.Looking && len(s.Restarts) == 0 &&
		len(s.After) == 0 && s.StoppingAt.IsZero() && s.Signal == "" && !s.NeedProbe && s.HoldUntil.IsZero()
}
