package heal

import (
	"errors"
	"slices"
	"strconv"
	"time"
)

// Reason says why people are told something. It serves the log, the message
// and the tests alike.
type Reason uint8

// The reasons. Those before Recovered open or continue an incident; the others
// end it.
const (
	Restarted      Reason = iota + 1 // it was unhealthy; the engine restarted it; no verdict yet
	RestartFailed                    // the engine refused or failed the restart, or did not answer
	StillUnhealthy                   // it was restarted and did not become healthy
	GaveUp                           // the budget is spent; a human is needed
	OnlyTold                         // it is unhealthy and defib may not touch it (action notify, Swarm task)
	Quarantined                      // it was unhealthy and has been stopped on request (action stop)
	Followed                         // it was restarted because one that it depends on had been
	OwnerReplaced                    // the owner of its network was recreated: only recreating it as well repairs it
	Stormed                          // so much turned unhealthy at once that the host is the likely cause
	CrashLooping                     // it exits again and again; the engine's restart policy starts it
	OutOfMemory                      // the kernel killed it for want of memory
	StuckStarting                    // it has been starting for longer than its health check allows
	ProbesStopped                    // the engine does not run its health check any more
	LeftDown                         // the engine stopped it after its own crash and does not start it
	Flapping                         // it falls ill, is healed and falls ill again, time after time
	Recovered                        // it is healthy again and stayed so
	StoppedByOther                   // somebody stopped it while it was unhealthy
	ExitedByItself                   // it exited while it was unhealthy; defib does not start what it did not stop
	Removed                          // it was removed or replaced while it was unhealthy
	StormOver                        // the storm is over
	WatchBegan                       // defib has begun to watch; it is about no incident
)

// reasonWords are the reasons as logs, payloads and files spell them.
func reasonWords() [WatchBegan + 1]string {
	return [WatchBegan + 1]string{
		"none", "restarted", "restart-failed", "still-unhealthy", "gave-up", "unhealthy",
		"quarantined", "followed", "owner-replaced", "storm", "crash-loop", "out-of-memory", "stuck-starting",
		"probes-stopped", "left-down", "flapping",
		"recovered", "stopped", "exited", "removed", "storm-over", "watching",
	}
}

// String gives the reason as logs and payloads spell it.
func (r Reason) String() string { return reasonWords()[r] }

// MarshalText gives what String gives, so that a file outlives a change of the
// numbers.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what String gives.
func (r *Reason) UnmarshalText(text []byte) error {
	words := reasonWords()
	i := slices.Index(words[:], string(text))
	if i < 0 {
		return errors.New("no reason is called " + strconv.Quote(string(text)))
	}
	*r = Reason(i)
	return nil
}

// Resolves tells whether the reason ends an incident well: nothing is left to
// do for a human.
func (r Reason) Resolves() bool {
	return r == Recovered || r == Followed || r == StoppedByOther || r == Removed || r == StormOver || r == WatchBegan
}

// ForPeople tells whether the notice is news for a person.
func (n Notice) ForPeople() bool { return n.Reminder || !n.Repeat && !n.Silent && !n.Aside }

// Ends tells whether the reason ends an incident, well or not.
func (r Reason) Ends() bool { return r >= Recovered || r == Quarantined || r == Followed }

// Notice is one thing that people may be told.
type Notice struct {
	Reason    Reason
	Container Container
	Incident  string        // the same for all notices of one incident, and for no others
	At        time.Time     // when it happened
	Since     time.Time     // when the incident began
	Attempt   int           // restarts made in this incident
	Budget    int           // restarts allowed before defib gives up
	Took      time.Duration // Restarted: the restart call; Recovered: from the last restart to healthy, 0 when none was made; Flapping: how long it must be well for that to be over
	Next      time.Time     // when defib acts next if nothing changes; zero: nothing is planned
	Probe     Probe         // the last failing probe
	ExitCode  int           // ExitedByItself, OutOfMemory, Exited: of the container
	Err       string        // RestartFailed: the engine's words, or ours on the lack of them
	Verb      Verb          // RestartFailed: what was tried; Start where the restart left it down
	// Status and StopTimeout are what docker-autoheal passed to
	// POST_RESTART_SCRIPT: the state before the restart, the time allowed to stop.
	Status      Status
	StopTimeout time.Duration
	ByPerson    bool // Recovered: somebody started it anew during the incident
	// Ended is the trouble that a notice ends, where it was told of without
	// being treated, one from CrashLooping to LeftDown, or Flapping.
	Ended Reason
	// Exited says that the container had exited by itself and is one that defib
	// starts: its label autoheal.start-exited says so.
	Exited bool
	// Detail is one more sentence where there is something to add, such as why
	// defib may not touch the container.
	Detail string
	// Evidence is what was known of the container right before the last act;
	// nil where there was none, or nothing is known.
	Evidence *Evidence
	// Repeat marks a reason that was already told in this incident: news for a
	// log, not for a person.
	Repeat bool
	// Reminder marks a repeat that people are to see after all, since nothing has
	// changed for long.
	Reminder bool
	Times    int    // Flapping and its end: how often it fell ill since Since
	Level    Level  // what the container's label asks for; LevelUnset without one
	Owner    string // Followed, OwnerReplaced: the container that it depends on
	// Stormed and StormOver speak of many: Count of the Of watched containers,
	// at most ten of them by name. Left are still unhealthy at the end.
	// Container is the canary. ProbesStopped, LeftDown and their ends speak of
	// Count containers, and of Of 0; so does WatchBegan, of those that are watched.
	Count, Of, Left int
	Names           []string
	// Aside marks what people hear of in another message: that of a storm, or
	// that a dependent is well again. The log, the script and docker-autoheal's
	// receivers, who hear of every restart, learn of it all the same.
	Aside bool
	// Unsure marks the end of an incident whose beginning may or may not have been
	// told: it is for those only who are known to have heard of it.
	Unsure bool
	// Silent marks what is done after giving up: only the log and the script
	// learn of it.
	Silent bool
}
