package dockertest

import (
	"maps"
	"slices"
	"time"
)

// Spec describes a container and how it behaves.
type Spec struct {
	Name          string // without slash; default: made from the id
	Image         string // default "app:1"
	Labels        map[string]string
	Env           []string
	Health        *Health       // nil: no HEALTHCHECK
	RestartPolicy string        // "", "no", "always", "unless-stopped", "on-failure", "on-failure:3"
	StopSignal    string        // default SIGTERM
	StopTimeout   time.Duration // whole seconds; 0: the engine's default of 10 s
	AutoRemove    bool          // docker run --rm
	NetworkMode   string        // default "bridge"; "container:NAME" is kept as container:ID (fact 5.1)
	PidMode       string        // "" or "container:NAME"
	Logs          string        // what the container has printed, lines ending in \n

	StopTakes    time.Duration // how long its process takes to end after the stop signal
	StopExitCode int           // what it exits with then; 137 after SIGKILL
	StartTakes   time.Duration // how long a start takes inside the call
	FailStart    string        // non-empty: every start fails with this text (fact 4.8)
}

// Health describes a container's HEALTHCHECK and what its probes find.
type Health struct {
	Disabled      bool          // HEALTHCHECK NONE
	Interval      time.Duration // 0: never probed, only SetHealth changes the health
	Timeout       time.Duration // 0: the engine's default of 30 s
	StartPeriod   time.Duration
	StartInterval time.Duration // 0: the engine's default of 5 s (engines from 25 on, fact 11.3)
	Retries       int           // 0: the engine's default of 3

	Takes  time.Duration // how long a probe takes; it times out at Timeout (fact 8.2)
	WarmUp time.Duration // probes fail for so long after every start
	Sick   bool          // probes fail while true; Sicken and Cure change it
	Output string        // what a failing probe prints

	HealedByRestart bool          // a start, other than the first, ends the sickness
	RestartsToHeal  int           // the same, but it takes so many
	HealsAfter      time.Duration // the sickness ends by itself so long after Sicken
}

// State is what can be seen of a container from outside. The zero State is
// that of a container which does not exist.
type State struct {
	ID, Name      string
	Status        string // created, running, paused, restarting, removing, exited
	Running       bool   // also true while paused or restarting, as in Docker
	Paused        bool
	Restarting    bool   // waits for its restart policy
	Health        string // none, starting, healthy, unhealthy
	FailingStreak int
	StartedAt     time.Time
	FinishedAt    time.Time
	ExitCode      int
	Error         string // why the last start failed
	Starts        int    // successful starts of any kind
	Restarts      int    // completed calls of restart, the only ones that count here
	PolicyCount   int    // Docker's RestartCount: restarts by the restart policy
}

// clone copies all that the caller could still change.
func (s Spec) clone() Spec {
	s.Labels = maps.Clone(s.Labels)
	s.Env = slices.Clone(s.Env)
	if s.Health != nil {
		h := *s.Health
		s.Health = &h
	}
	return s
}
