package heal

import "time"

// Container names one container to people. Everything in it comes from
// whoever wrote the Compose file or the image: whatever shows it must treat it
// as hostile input.
type Container struct {
	ID      string // 64 hex digits
	Name    string // without the leading slash
	Image   string
	Project string // Compose project; empty outside Compose
	Service string // Compose service; empty outside Compose
}

// ShortID gives the 12 digits that the docker command shows.
func (c Container) ShortID() string { return c.ID[:min(12, len(c.ID))] }

// Health is the engine's verdict on a container.
type Health uint8

// The healths of Docker. HealthUnknown is for sources that do not tell, such
// as Podman's bare health_status event.
const (
	HealthUnknown Health = iota
	HealthNone           // no HEALTHCHECK, or one that is turned off
	HealthStarting
	Healthy
	Unhealthy
)

// String gives Docker's word for the health.
func (h Health) String() string {
	return [...]string{"unknown", "none", "starting", "healthy", "unhealthy"}[h]
}

// Status is the state of a container's process, in Docker's words.
type Status uint8

// The states of Docker; StatusUnknown for sources that do not tell.
const (
	StatusUnknown Status = iota
	StatusRunning
	StatusPaused
	StatusRestarting // by the engine's own restart policy
	StatusExited     // also created, dead and being removed: nothing runs
)

// String gives Docker's word for the state.
func (s Status) String() string {
	return [...]string{"unknown", "running", "paused", "restarting", "exited"}[s]
}

// Probe is one run of a container's health check.
type Probe struct {
	Start    time.Time // the engine's clock
	ExitCode int       // 0 healthy; -1 when the probe timed out or could not be run
	Output   string    // what it printed; hostile input, at most 4096 bytes from an engine
}

// Sighting is what is known of a container at one instant. A list entry and an
// event tell Health and Status only; an inspection fills everything.
type Sighting struct {
	Health    Health
	Status    Status
	StartedAt time.Time // the engine's clock; changes with every start
	Streak    int       // failed probes in a row
	Probe     Probe     // the newest probe; zero when none has run
	ExitCode  int       // of the last run; meaningful only when exited
	// FinishedAt is the end of the run before, by the engine's clock.
	FinishedAt     time.Time
	OOMKilled      bool // the kernel killed the last run, or a process in it, for want of memory
	PolicyRestarts int  // restarts by the engine's own policy since somebody last started it
	Timing         Timing
	// StopSignal is what asks this container to stop, such as "15" or "SIGQUIT".
	StopSignal string
	// StopTimeout is the container's own; what a restart without a timeout uses.
	StopTimeout time.Duration
}

// Timing is what a container's HEALTHCHECK says about time, with the engine's
// defaults filled in.
type Timing struct {
	Interval    time.Duration
	Timeout     time.Duration
	StartPeriod time.Duration
	Retries     int
}

// maxVerdict bounds how long the failing probes of a restarted container are
// waited for (DESIGN: at most 10 min). A start period comes on top: within it
// the engine does not count failures either.
const maxVerdict = 10 * time.Minute

// Verdict is how long after a restart a container must have become healthy:
// start period + (retries+1) x (interval+timeout), of which at most 10 min
// beyond the start period.
func (t Timing) Verdict() time.Duration {
	probes := time.Duration(t.Retries+1) * (t.Interval + t.Timeout)
	return t.StartPeriod + max(time.Second, min(probes, maxVerdict))
}

// maxConfirm bounds Confirm: with an interval of hours nobody waits for two
// probes to hear that a container is well.
const maxConfirm = 5 * time.Minute

// Confirm is how long a container must stay healthy to count as recovered: two
// more probes, at most 5 min.
func (t Timing) Confirm() time.Duration {
	return max(time.Second, min(2*t.Interval, maxConfirm))
}
