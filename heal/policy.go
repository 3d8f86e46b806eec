package heal

import "time"

// Treatment is what is done about an unhealthy container.
type Treatment uint8

// The treatments, as AUTOHEAL_ACTION and the label autoheal.action spell them.
const (
	TreatRestart Treatment = iota // restart it
	TreatStop                     // stop it and leave it stopped (quarantine)
	TreatNotify                   // tell people, touch nothing
	TreatNone                     // nothing at all
)

// String gives the treatment as the configuration spells it.
func (t Treatment) String() string {
	return [...]string{"restart", "stop", "notify", "none"}[t]
}

// Policy holds the limits for one container. All durations are zero or more.
type Policy struct {
	Treatment Treatment
	// Detail is told with every notice, such as why the treatment is only notify.
	Detail string
	// UnhealthyFor is how long a container must have been unhealthy before it is treated.
	UnhealthyFor time.Duration
	// Backoff is the least time between a restart and the next one; it doubles
	// with every restart up to BackoffMax (kubelet's rule for crashing
	// containers: 10 s doubling to 5 min).
	Backoff, BackoffMax time.Duration
	// MaxRestarts restarts are allowed within Window (systemd's StartLimitBurst
	// and StartLimitInterval); then defib gives up. A restart also counts,
	// however old it is, while the container has not been well since: else one
	// that takes ten minutes to fail would be restarted for ever.
	MaxRestarts int
	Window      time.Duration
	// RetryAfter is when one silent restart is tried after giving up; it
	// doubles to RetryAfterMax. Zero: never.
	RetryAfter, RetryAfterMax time.Duration
	// Forget is how long a container must be healthy until its restarts are forgotten.
	Forget time.Duration
	// StartExited says that a container which exited by itself is started, if
	// it is one to restart.
	StartExited bool
	// Alert is the level that a label asks for; LevelUnset without one. Decide
	// does not read it.
	Alert Level
	// StopTimeout is how long the container may take to stop; negative: its own.
	StopTimeout time.Duration
}

// The waits after a restart that the engine refused or failed. They are short
// because the container may be down, and not the user's to choose.
const (
	failWait    = time.Second
	failWaitMax = time.Minute
)

// recheck is how often a container is looked at again while something holds
// its treatment and no event tells that the hold has ended.
const recheck = time.Minute

// rarely is how often a steady container is looked at of which something is
// remembered that only an event would end.
const rarely = time.Hour

// stuckFor is how long somebody's stop may take until people are told that it
// keeps an unhealthy container from being healed.
const stuckFor = 10 * time.Minute

// signalHold is for how long a signal that may end a container keeps it from
// being treated.
const signalHold = time.Minute

// How the kills of an act are told from a person's: the engine sends the stop
// signal within moments of the call, and what is left of an act's events is
// here within moments of its end.
const (
	killsWithin = 5 * time.Second
	lateBy      = 2 * time.Second
)

// exitedFor is how long a container must have been down before its incident
// ends: an engine that boots, or a person's "docker restart", takes it down
// for a few seconds only.
const exitedFor = 10 * time.Second

// doubled gives first x 2^(n-1), at most limit; n counts from 1.
func doubled(first, limit time.Duration, n int) time.Duration {
	for ; n > 1 && first < limit; n-- {
		first *= 2
	}
	return min(first, limit)
}

// backoff gives the wait after the nth restart: doubled, with up to 25 % on
// top so that containers that failed together do not restart together. The
// share is drawn from seed, which keeps Decide pure.
func (p Policy) backoff(n int, seed uint64) time.Duration {
	wait := doubled(p.Backoff, p.BackoffMax, n)
	return wait + time.Duration(float64(wait)*0.25*fraction(seed))
}

// retryGap gives the wait before the nth single restart after giving up, with
// up to 25 % on top for the same reason.
func (p Policy) retryGap(n int, seed uint64) time.Duration {
	wait := doubled(p.RetryAfter, p.RetryAfterMax, n)
	return wait + time.Duration(float64(wait)*0.25*fraction(seed))
}

// fraction spreads seed evenly over [0,1): the finisher of splitmix64.
func fraction(seed uint64) float64 {
	seed += 0x9e3779b97f4a7c15
	seed = (seed ^ seed>>30) * 0xbf58476d1ce4e5b9
	seed = (seed ^ seed>>27) * 0x94d049bb133111eb
	seed ^= seed >> 31
	return float64(seed>>11) / (1 << 53)
}
