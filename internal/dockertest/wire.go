package dockertest

import (
	"encoding/json"
	"time"
)

// The structs below are spelt as the engine's JSON, in its order. Fields that
// the simulation has nothing to say about are there where they make answers
// about as long as real ones: list entries about 1 kB, inspections 3 kB.

type wireError struct {
	Message string `json:"message"`
}

type wirePodmanError struct {
	Cause    string `json:"cause"`
	Message  string `json:"message"`
	Response int    `json:"response"`
}

type wireEvent struct {
	Status   string `json:"status,omitempty"`
	ID       string `json:"id,omitempty"`
	From     string `json:"from,omitempty"`
	Type     string
	Action   string
	Actor    wireActor
	Scope    string          `json:"scope"`
	Time     int64           `json:"time"`
	TimeNano json.RawMessage `json:"timeNano"`
}

type wireActor struct {
	ID         string
	Attributes map[string]string
}

type wireSummary struct {
	ID              string `json:"Id"`
	Names           []string
	Image           string
	ImageID         string
	Command         string
	Created         int64
	Ports           []struct{}
	Labels          map[string]string
	State           string
	Status          string
	Health          *wireListHealth `json:",omitempty"`
	HostConfig      *wireListHost   `json:",omitempty"`
	NetworkSettings wireListNetworks
	Mounts          []struct{}
}

type wireListHealth struct {
	Status        string
	FailingStreak int
}

type wireListHost struct {
	NetworkMode string
}

type wireListNetworks struct {
	Networks map[string]wireNetwork
}

type wireNetwork struct {
	IPAMConfig          *struct{}
	Links               []string
	Aliases             []string
	NetworkID           string
	EndpointID          string
	Gateway             string
	IPAddress           string
	IPPrefixLen         int
	IPv6Gateway         string
	GlobalIPv6Address   string
	GlobalIPv6PrefixLen int
	MacAddress          string
	DriverOpts          map[string]string
}

type wireInspect struct {
	ID              string `json:"Id"`
	Created         time.Time
	Path            string
	Args            []string
	State           wireState
	Image           string
	ResolvConfPath  string
	HostnamePath    string
	HostsPath       string
	LogPath         string
	Name            string
	RestartCount    int
	Driver          string
	Platform        string
	MountLabel      string
	ProcessLabel    string
	AppArmorProfile string
	ExecIDs         []string
	HostConfig      wireHostConfig
	Mounts          []struct{}
	Config          wireConfig
	NetworkSettings wireListNetworks
}

type wireState struct {
	Status     string
	Running    bool
	Paused     bool
	Restarting bool
	OOMKilled  bool
	Dead       bool
	Pid        int
	ExitCode   int
	Error      string
	StartedAt  time.Time
	FinishedAt time.Time
	Health     *wireHealth `json:",omitempty"`
}

type wireHealth struct {
	Status        string
	FailingStreak int
	Log           []wireProbe
}

type wireProbe struct {
	Start    time.Time
	End      time.Time
	ExitCode int
	Output   string
}

type wireHostConfig struct {
	Binds           []string
	ContainerIDFile string
	LogConfig       wireLogConfig
	NetworkMode     string
	PortBindings    struct{}
	RestartPolicy   wireRestartPolicy
	AutoRemove      bool
	VolumeDriver    string
	VolumesFrom     []string
	CapAdd          []string
	CapDrop         []string
	CgroupnsMode    string
	Dns             []string
	ExtraHosts      []string
	IpcMode         string
	PidMode         string
	Privileged      bool
	ReadonlyRootfs  bool
	SecurityOpt     []string
	ShmSize         int64
	Runtime         string
	Memory          int64
	NanoCpus        int64
	MaskedPaths     []string
	ReadonlyPaths   []string
}

type wireLogConfig struct {
	Type   string
	Config struct{}
}

type wireRestartPolicy struct {
	Name              string
	MaximumRetryCount int
}

type wireConfig struct {
	Hostname    string
	User        string
	Tty         bool
	Env         []string
	Cmd         []string
	Healthcheck *wireHealthcheck `json:",omitempty"`
	Image       string
	WorkingDir  string
	Entrypoint  []string
	Labels      map[string]string
	StopSignal  string `json:",omitempty"`
	StopTimeout *int   `json:",omitempty"` // seconds
}

// wireHealthcheck has its durations in nanoseconds.
type wireHealthcheck struct {
	Test          []string      `json:",omitempty"`
	Interval      time.Duration `json:",omitempty"`
	Timeout       time.Duration `json:",omitempty"`
	StartPeriod   time.Duration `json:",omitempty"`
	StartInterval time.Duration `json:",omitempty"`
	Retries       int           `json:",omitempty"`
}
