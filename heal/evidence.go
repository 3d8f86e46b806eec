package heal

import (
	"slices"
	"time"
)

// Evidence is what is known of a container right before an act, which destroys
// it: a restart clears the state and buries the log. All of its texts are
// hostile input.
type Evidence struct {
	At             time.Time     `json:"at"`               // the caller's clock
	Uptime         time.Duration `json:"uptime,omitempty"` // ns; by the engine's clock
	Streak         int           `json:"failing_streak"`
	Attempt        int           `json:"restarts_before"` // in this incident
	PolicyRestarts int           `json:"policy_restarts"` // by the engine's own policy
	ExitCode       int           `json:"exit_code"`       // of the run before, or of this one where it has ended
	OOMKilled      bool          `json:"oom_killed"`
	Image          string        `json:"image"`
	Probes         []ProbeRun    `json:"probes"`        // oldest first
	Log            []string      `json:"log,omitempty"` // the last lines, only if asked for
	LogError       string        `json:"log_error,omitempty"`
}

// ProbeRun is one run of a health check in full.
type ProbeRun struct {
	Start    time.Time     `json:"start"` // the engine's clock
	Took     time.Duration `json:"took"`  // ns
	ExitCode int           `json:"exit_code"`
	Output   string        `json:"output"`
}

// Clone copies the evidence; nil gives nil.
func (e *Evidence) Clone() *Evidence {
	if e == nil {
		return nil
	}
	c := *e
	c.Probes, c.Log = slices.Clone(e.Probes), slices.Clone(e.Log)
	return &c
}
