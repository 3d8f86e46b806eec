package watcher

import (
	"slices"
	"strings"
	"time"

	"defib/heal"
)

// inspected is what is read of an inspection's answer: it has some hundred
// fields, and each restart waits for one.
type inspected struct {
	ID           string `json:"Id"`
	Name         string
	RestartCount int
	State        *containerState
	Config       *containerConfig
	HostConfig   *hostConfig
}

type containerState struct {
	Status                string
	OOMKilled             bool
	ExitCode              int
	StartedAt, FinishedAt string
	Health                *struct {
		Status        string
		FailingStreak int
		Log           []*probeRun
	}
}

type probeRun struct {
	Start, End time.Time
	ExitCode   int
	Output     string
}

type containerConfig struct {
	Image       string
	Labels      map[string]string
	Healthcheck *healthCheck
	StopSignal  string
	StopTimeout *int // seconds
}

type healthCheck struct {
	Test                           []string
	Interval, Timeout, StartPeriod time.Duration
	Retries                        int
}

type hostConfig struct {
	NetworkMode, PidMode, IpcMode string
	RestartPolicy                 struct{ Name string }
}

// inspection turns an answer, which has a state and a configuration, into what
// it tells of the container.
func (c inspected) inspection(podman bool) inspection {
	seen := heal.Sighting{
		Status: statusOf(c.State.Status), StartedAt: parseTime(c.State.StartedAt), ExitCode: c.State.ExitCode,
		FinishedAt: parseTime(c.State.FinishedAt), OOMKilled: c.State.OOMKilled, PolicyRestarts: c.RestartCount,
		Timing: timingOf(c.Config.Healthcheck), StopSignal: firstSet(c.Config.StopSignal, "SIGTERM"), StopTimeout: 10 * time.Second,
	}
	if t := c.Config.StopTimeout; t != nil && (*t != 0 || !podman) { // there Docker's and Compose's clients leave 0 behind
		seen.StopTimeout = time.Duration(*t) * time.Second
		if *t < 0 {
			seen.StopTimeout = time.Hour // for ever: no call can wait for that
		}
	}
	if label, set := c.Config.Labels["signal"]; set {
		seen.StopSignal = label // it hides the real one of a kill event, so each kill must count as a stop
	}
	var probes []heal.ProbeRun
	seen.Health = healthBefore(c.Config.Healthcheck)
	if h := c.State.Health; h != nil && seen.Health != heal.HealthNone {
		seen.Health, seen.Streak = healthOf(h.Status), h.FailingStreak
		if n := len(h.Log); n > 0 && h.Log[n-1] != nil {
			probes = probesOf(h.Log)
			last := h.Log[n-1]
			seen.Probe = heal.Probe{Start: last.Start, ExitCode: last.ExitCode, Output: cut(last.Output, 1000)}
		}
	}
	return inspection{
		Sighting: seen, probes: probes, labels: c.Config.Labels, container: containerOf(c.ID, c.Name, c.Config.Image, c.Config.Labels), shares: sharesOf(c.HostConfig), restarts: restartsOf(c.HostConfig),
	}
}

// probesOf gives the last runs of a health check, oldest first.
func probesOf(log []*probeRun) []heal.ProbeRun {
	var probes []heal.ProbeRun
	for _, p := range log[max(0, len(log)-maxProbes):] {
		if p != nil {
			probes = append(probes, heal.ProbeRun{Start: p.Start, Took: p.End.Sub(p.Start), ExitCode: p.ExitCode, Output: cut(p.Output, maxProbeOutput)})
		}
	}
	return probes
}

// sharesOf gives the containers whose namespaces one shares. The engine has
// turned names into ids (engine fact 5.1).
func sharesOf(h *hostConfig) []string {
	if h == nil {
		return nil
	}
	var ids []string
	for _, mode := range []string{h.NetworkMode, h.PidMode, h.IpcMode} {
		if id, shared := strings.CutPrefix(mode, "container:"); shared && !slices.Contains(ids, id) {
			ids = append(ids, cut(id, 64))
		}
	}
	return ids
}

// restartsOf gives the name of a restart policy.
func restartsOf(h *hostConfig) string {
	if h == nil {
		return ""
	}
	return cut(h.RestartPolicy.Name, 40)
}

// healthBefore is the health before a first start. Docker tells of none then,
// Podman of one even where there is no health check.
func healthBefore(h *healthCheck) heal.Health {
	if h == nil || len(h.Test) == 0 || h.Test[0] == "NONE" {
		return heal.HealthNone
	}
	return heal.HealthStarting
}

// timingOf reads a HEALTHCHECK with the engine's defaults (daemon/health.go).
func timingOf(h *healthCheck) heal.Timing {
	t := heal.Timing{Interval: 30 * time.Second, Timeout: 30 * time.Second, Retries: 3}
	if healthBefore(h) == heal.HealthNone {
		t.Interval, t.Timeout = 5*time.Second, 0 // running is all that it can show
		return t
	}
	if h.Interval > 0 {
		t.Interval = h.Interval
	}
	if h.Timeout > 0 {
		t.Timeout = h.Timeout
	}
	if h.Retries > 0 {
		t.Retries = h.Retries
	}
	t.StartPeriod = max(0, h.StartPeriod)
	return t
}
