package dockertest

import (
	"strconv"
	"strings"
	"time"
)

// inspection is GET /containers/{id}/json. Called with the lock held.
func (e *Engine) inspection(c *container) wireInspect {
	dir := "/var/lib/docker/containers/" + c.id
	return wireInspect{
		ID:             c.id,
		Created:        e.wall(c.created),
		Path:           "/app",
		Args:           []string{},
		State:          e.wireState(c),
		Image:          c.imageID,
		ResolvConfPath: dir + "/resolv.conf",
		HostnamePath:   dir + "/hostname",
		HostsPath:      dir + "/hosts",
		LogPath:        dir + "/" + c.id + "-json.log",
		Name:           "/" + c.name,
		RestartCount:   c.policyCount,
		Driver:         "overlay2",
		Platform:       "linux",
		HostConfig:     c.hostConfig(),
		Mounts:         []struct{}{},
		Config:         c.config(),
		NetworkSettings: wireListNetworks{
			Networks: c.networks(),
		},
	}
}

func (e *Engine) wireState(c *container) wireState {
	s := wireState{
		Status:     c.status(),
		Running:    c.running,
		Paused:     c.paused,
		Restarting: c.restarting,
		OOMKilled:  c.oomKilled,
		ExitCode:   c.exitCode,
		Error:      c.failure,
		StartedAt:  e.wall(c.startedAt),
		FinishedAt: e.wall(c.finishedAt),
	}
	if c.running && !c.restarting {
		s.Pid = 1000 + c.starts // any number but 0 will do
	}
	if c.podman {
		s.Health = &wireHealth{} // also of what has no health check (fact 9.4)
	}
	if c.health != nil {
		s.Health = &wireHealth{Status: c.health.status, FailingStreak: c.health.streak, Log: []wireProbe{}}
		for _, p := range c.health.log {
			s.Health.Log = append(s.Health.Log, wireProbe{e.wall(p.start), e.wall(p.end), p.exitCode, p.output})
		}
	}
	return s
}

// utc drops the monotonic reading and the zone, but keeps the zero time, which
// Docker writes as 0001-01-01T00:00:00Z.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.Round(0).UTC()
}

func (c *container) hostConfig() wireHostConfig {
	policy, limit, _ := strings.Cut(c.spec.RestartPolicy, ":")
	if policy == "" {
		policy = "no"
	}
	most, _ := strconv.Atoi(limit) // no number: no limit, which is 0
	return wireHostConfig{
		LogConfig:     wireLogConfig{Type: "json-file"},
		NetworkMode:   c.networkMode(),
		RestartPolicy: wireRestartPolicy{Name: policy, MaximumRetryCount: most},
		AutoRemove:    c.spec.AutoRemove,
		CgroupnsMode:  "host",
		Dns:           []string{},
		IpcMode:       "private",
		PidMode:       c.spec.PidMode,
		ShmSize:       64 << 20,
		Runtime:       "runc",
		MaskedPaths: []string{"/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
			"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"},
		ReadonlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
	}
}

func (c *container) networkMode() string {
	if c.spec.NetworkMode == "" {
		return "default"
	}
	return c.spec.NetworkMode
}

// networks is empty for those who share another's network (fact 5.1).
func (c *container) networks() map[string]wireNetwork {
	mode := c.networkMode()
	switch {
	case strings.HasPrefix(mode, "container:"):
		return map[string]wireNetwork{}
	case mode == "default":
		mode = "bridge"
	}
	n := wireNetwork{NetworkID: c.networkID}
	if c.running && !c.restarting {
		n.EndpointID = c.id
	}
	return map[string]wireNetwork{mode: n}
}

func (c *container) config() wireConfig {
	w := wireConfig{
		Hostname:    c.id[:12],
		Env:         c.spec.Env,
		Cmd:         []string{"/app"},
		Healthcheck: c.spec.Health.wire(),
		Image:       c.spec.Image,
		Labels:      c.spec.Labels,
		StopSignal:  c.spec.StopSignal,
	}
	if w.Labels == nil {
		w.Labels = map[string]string{}
	}
	if c.spec.StopTimeout != 0 || c.podman {
		seconds := int(c.spec.StopTimeout / time.Second)
		w.StopTimeout = &seconds
	}
	return w
}

func (h *Health) wire() *wireHealthcheck {
	switch {
	case h == nil:
		return nil
	case h.Disabled:
		return &wireHealthcheck{Test: []string{"NONE"}}
	}
	return &wireHealthcheck{
		Test:          []string{"CMD-SHELL", "probe"},
		Interval:      h.Interval,
		Timeout:       h.Timeout,
		StartPeriod:   h.StartPeriod,
		StartInterval: h.StartInterval,
		Retries:       h.Retries,
	}
}
