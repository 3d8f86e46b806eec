package fake

import "time"

// The types of status/api.go once more, since nothing of defib is imported here;
// TestContract holds them to it.

// Engine is the answer of /api/v1/engine: how the watch itself is doing.
type Engine struct {
	Host       string     `json:"host"`     // its name in messages; may be empty
	Version    string     `json:"version"`  // of defib
	Engine     string     `json:"engine"`   // such as "Docker 20.10.24"; empty before the first connection
	Endpoint   string     `json:"endpoint"` // without secrets
	OK         bool       `json:"ok"`       // as /healthz has it
	Why        string     `json:"why"`      // likewise
	Since      time.Time  `json:"since"`    // when the watch began
	Stream     bool       `json:"stream"`   // the event stream is open
	StreamGone *time.Time `json:"stream_gone"`
	LastList   *time.Time `json:"last_list"`
	Trouble    string     `json:"trouble"` // the last thing that did not work; empty when all does
	Action     string     `json:"action"`  // what is done about the unhealthy unless a label says otherwise
	Pauses     []Pause    `json:"pauses"`
}

// Pause is a time in which something is watched and not touched.
type Pause struct {
	What  string    `json:"what"` // as "defib pause" takes it; "everything"
	Until time.Time `json:"until"`
}

// Container is one of the answer of /api/v1/containers: those that are watched,
// and those that are not, with the reason.
type Container struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Image   string `json:"image"`
	Project string `json:"project"` // of Compose; empty without
	Service string `json:"service"` // likewise

	Watched bool   `json:"watched"`
	Rule    string `json:"rule"`   // why, or why not, such as "label autoheal=true"
	State   string `json:"state"`  // running, paused, restarting or exited
	Health  string `json:"health"` // healthy, unhealthy, starting or none; empty: not known
	Action  string `json:"action"` // restart, stop, notify or none

	Phase   string     `json:"phase"`    // steady, failing, restarting, recovering, backing-off or gave-up
	Hold    string     `json:"hold"`     // why it is not treated now; empty: nothing keeps it
	Outlook string     `json:"outlook"`  // what happens next, or would happen, in a sentence
	Would   bool       `json:"would"`    // it would be restarted, stopped or started if it needed it now
	NextAt  *time.Time `json:"next_at"`  // when defib acts next if nothing changes
	Since   *time.Time `json:"since"`    // of the open incident
	Restart int        `json:"restarts"` // that count against the budget
	Budget  int        `json:"budget"`   // restarts until defib gives up

	Incident   string     `json:"incident"`     // the open one; empty: none
	Paused     *time.Time `json:"paused_until"` // by a person, with "defib pause"
	Dependents []string   `json:"dependents"`   // those that are restarted after it
	Warnings   []string   `json:"warnings"`     // labels that are not understood, a missing HEALTHCHECK
}

// Incident is one of the answer of /api/v1/incidents, newest first; alone, at
// /api/v1/incidents/{id}, it has its happenings.
type Incident struct {
	ID        string     `json:"id"`
	Container string     `json:"container"` // its name; empty where it is about many
	Project   string     `json:"project"`
	Service   string     `json:"service"`
	Image     string     `json:"image"`
	Since     time.Time  `json:"since"`
	At        time.Time  `json:"at"` // of the newest happening
	Ended     *time.Time `json:"ended"`
	Status    string     `json:"status"` // firing or resolved
	Reason    string     `json:"reason"` // of the newest happening, as in the JSON webhook
	Title     string     `json:"title"`  // likewise, as people are told it
	Restarts  int        `json:"restarts"`

	Happenings []Happening `json:"happenings,omitempty"` // oldest first
	LeftOut    int         `json:"left_out,omitempty"`   // happenings in the middle
}

// Happening is one thing that people were told, or would have been.
type Happening struct {
	At       time.Time  `json:"at"`
	Reason   string     `json:"reason"`
	Severity string     `json:"severity"` // critical, warning or info
	Title    string     `json:"title"`
	Text     string     `json:"text"` // sentences, one a line; lines of the probe begin with "| "
	Attempt  int        `json:"attempt"`
	Took     float64    `json:"took_seconds"`
	NextAt   *time.Time `json:"next_at"`
	Evidence *Evidence  `json:"evidence"`
}

// Evidence is what was known of a container before an act.
type Evidence struct {
	At        time.Time `json:"at"`
	Uptime    float64   `json:"uptime_seconds"`
	Streak    int       `json:"failing_streak"`
	ExitCode  int       `json:"exit_code"`
	OOMKilled bool      `json:"oom_killed"`
	Probes    []Probe   `json:"probes"` // oldest first
	Log       []string  `json:"log"`
	LogError  string    `json:"log_error"`
}

// Probe is one run of a health check.
type Probe struct {
	Start    time.Time `json:"start"` // the engine's clock
	Took     float64   `json:"took_seconds"`
	ExitCode int       `json:"exit_code"`
	Output   string    `json:"output"`
}

// Receiver is one of the answer of /api/v1/receivers. It holds no secret.
type Receiver struct {
	Name      string     `json:"name"`      // its kind, such as slack
	Place     string     `json:"place"`     // host and port, or the path of a script
	Waiting   int        `json:"waiting"`   // alerts in its queue
	Oldest    *time.Time `json:"oldest"`    // since when the oldest of them waits
	Delivered uint64     `json:"delivered"` // alerts, since defib's start
	Dropped   uint64     `json:"dropped"`   // likewise: refused for good, too old, too many
	Last      *time.Time `json:"last"`      // when it last took one
	Trouble   string     `json:"trouble"`   // why it takes none now; empty when it does
	Since     *time.Time `json:"since"`     // of that trouble
	RetryAt   *time.Time `json:"retry_at"`  // when it is tried again
}

// Alert is one of the answer of /api/v1/demo/alerts, newest first: what somebody
// would have been told.
type Alert struct {
	At       time.Time `json:"at"`
	Receiver string    `json:"receiver"`
	Status   string    `json:"status"`
	Title    string    `json:"title"`
	Text     string    `json:"text"`
	Color    string    `json:"color"`
}
