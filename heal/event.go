package heal

import "time"

// Event is one thing that the caller learned about a container.
type Event interface{ event() }

// Observed is what a list entry or an engine event says. It may be late or
// stale: before anything is done the container is looked at.
type Observed struct {
	Health   Health
	Status   Status
	Replayed bool // told again by a new stream: older than that
}

// Absent says that a complete list of the unhealthy did not hold the container.
type Absent struct{}

// Looked is the result of an inspection.
type Looked struct {
	Sighting

	// Blind is how long to wait because somebody may be stopping the container
	// and no event could have told: 0 where the stream is trusted.
	Blind time.Duration
	// Gap is how long, from now on, a stop may still be under way that began
	// while no event could tell: in a gap of the stream, or before defib started.
	Gap time.Duration
	// Busy is how long its Compose project is still to be left alone, because
	// somebody is changing it.
	Busy time.Duration

	// EngineNow is the time on the engine's clock; zero where it is not known.
	EngineNow time.Time
	// Owners are those whose namespaces it shares, and those of State.After.
	Owners []OwnerSeen
	// Held and HeldFor are what Host.Judge said: what else is in the way, and
	// for how long at most.
	Held    Hold
	HeldFor time.Duration

	Gone bool   // the engine does not know the container any more
	Err  string // the engine could not be asked; Sighting is empty
}

// Killed is the engine's kill event: somebody sent the container a signal.
type Killed struct {
	At       time.Time // the engine's clock
	Signal   string    // a number or a name
	Replayed bool      // told again by a new stream: older than that
}

// Died is the end of the container's process.
type Died struct {
	At       time.Time // the engine's clock
	Replayed bool
	Unclear  bool // this engine tells of no kill: nobody knows whether a person stopped it
}

// OOMKilled says that the kernel killed a process of the container for want of
// memory; its end, where that follows, is told as well.
type OOMKilled struct {
	At time.Time // the engine's clock
}

// Started is the start of the container's process, by whomever.
type Started struct {
	At       time.Time // the engine's clock
	Replayed bool
}

// Paused says that somebody paused the container.
type Paused struct{}

// Unpaused says that somebody unpaused the container.
type Unpaused struct{}

// Destroyed says that the container does not exist any more.
type Destroyed struct{}

// Woke says that State.WakeAt has come.
type Woke struct{}

// Freed says that what held the treatment may be over.
type Freed struct{}

// Outcome is how the engine answered a restart, stop or start.
type Outcome uint8

// The outcomes.
const (
	Done      Outcome = iota // it says that it is done
	Refused                  // it, or a proxy before it, does not allow it; nothing happened
	Unreached                // it could not be asked; nothing happened
	Failed                   // it tried and failed; the container may be down
	NoAnswer                 // the call ran into a deadline or lost its connection; it may still happen
	NotFound                 // there is no such container
)

// Finished is the outcome of the Act with the same number.
type Finished struct {
	Number  uint64
	Outcome Outcome
	Err     string        // the engine's words
	Took    time.Duration // of the call
	Seen    *Sighting     // an inspection after the call; nil when that failed
}

func (Observed) event()  {}
func (Absent) event()    {}
func (Looked) event()    {}
func (Killed) event()    {}
func (Died) event()      {}
func (Started) event()   {}
func (Paused) event()    {}
func (Unpaused) event()  {}
func (Destroyed) event() {}
func (OOMKilled) event() {}
func (Woke) event()      {}
func (Freed) event()     {}
func (Finished) event()  {}
