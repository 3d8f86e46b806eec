package heal

import "time"

// Action is one thing that the caller must do. Actions are carried out in
// their order.
type Action interface{ action() }

// Look asks for an inspection; its result comes back as Looked.
type Look struct {
	// ToAct says that a treatment follows if the container is still
	// unhealthy: such looks wait for their turn on a busy host.
	ToAct bool
}

// Verb is what is done to a container.
type Verb uint8

// The verbs, after the engine's calls.
const (
	Restart Verb = iota
	Stop
	Start
)

// String gives the engine's word for the verb.
func (v Verb) String() string { return [...]string{"restart", "stop", "start"}[v] }

// Act asks the engine to do something to the container; its outcome comes back
// as Finished with the same number.
type Act struct {
	Verb        Verb
	Number      uint64
	StopTimeout time.Duration // what to ask for; negative: the container's own
	Grace       time.Duration // how long the container may really take to stop; the call must wait longer
}

// Tell hands over a notice. The caller fills in Container and Incident.
type Tell struct{ Notice Notice }

func (Look) action() {}
func (Act) action()  {}
func (Tell) action() {}
