package dockertest

import "time"

type wireVersion struct {
	Platform      struct{ Name string }
	Components    []wireComponent
	Version       string
	APIVersion    string `json:"ApiVersion"`
	MinAPIVersion string
	GitCommit     string
	GoVersion     string
	Os            string
	Arch          string
	KernelVersion string
	BuildTime     string
}

type wireComponent struct {
	Name    string
	Version string
	Details map[string]string
}

type wireInfo struct {
	ID                 string
	Containers         int
	ContainersRunning  int
	ContainersPaused   int
	ContainersStopped  int
	Images             int
	Driver             string
	NEventsListener    int
	SystemTime         time.Time
	LoggingDriver      string
	CgroupDriver       string
	CgroupVersion      string
	KernelVersion      string
	OperatingSystem    string
	OSType             string
	Architecture       string
	NCPU               int
	MemTotal           int64
	DockerRootDir      string
	Name               string
	Labels             []string
	ServerVersion      string
	Swarm              wireSwarm
	LiveRestoreEnabled bool
	Warnings           []string
}

type wireSwarm struct {
	NodeID         string
	LocalNodeState string
}

func (e *Engine) version() wireVersion {
	name := "Engine"
	if e.opts.Podman {
		name = "Podman Engine"
	}
	return wireVersion{
		Components: []wireComponent{{
			Name:    name,
			Version: e.opts.Version,
			Details: map[string]string{
				"ApiVersion":    e.opts.APIVersion,
				"MinAPIVersion": e.opts.MinAPIVersion,
				"Arch":          "amd64",
				"Os":            "linux",
			},
		}},
		Version:       e.opts.Version,
		APIVersion:    e.opts.APIVersion,
		MinAPIVersion: e.opts.MinAPIVersion,
		GitCommit:     "dockertest",
		GoVersion:     "go1.19.8",
		Os:            "linux",
		Arch:          "amd64",
		KernelVersion: "6.1.0",
	}
}

func (e *Engine) info() wireInfo {
	info := wireInfo{
		ID:                 "DOCK:ERTE:ST00",
		Containers:         len(e.all),
		Driver:             "overlay2",
		NEventsListener:    len(e.streams),
		SystemTime:         e.wall(time.Now()),
		LoggingDriver:      "json-file",
		CgroupDriver:       "cgroupfs",
		CgroupVersion:      "1",
		KernelVersion:      "6.1.0",
		OperatingSystem:    "dockertest",
		OSType:             "linux",
		Architecture:       "x86_64",
		NCPU:               2,
		MemTotal:           8 << 30,
		DockerRootDir:      "/var/lib/docker",
		Name:               e.opts.Name,
		Labels:             []string{},
		ServerVersion:      e.opts.Version,
		Swarm:              wireSwarm{LocalNodeState: "inactive"},
		LiveRestoreEnabled: e.opts.LiveRestore,
	}
	for _, c := range e.all {
		switch c.status() {
		case "paused":
			info.ContainersPaused++
		case "running", "restarting":
			info.ContainersRunning++
		default:
			info.ContainersStopped++
		}
	}
	return info
}
