// Package fake is a defib that heals nothing: it serves the status page, and
// answers the API with a world that its caller makes up and changes.
package fake

import (
	"slices"
	"strconv"
	"sync"
	"time"
)

// World is what the API answers. Its methods may be called from any goroutine.
type World struct {
	mu         sync.Mutex
	engine     Engine
	containers []Container
	incidents  []Incident // oldest first
	receivers  []Receiver
	alerts     []Alert // oldest first; nil: this is no demo
	counts     map[string]uint64
	wake       chan struct{} // closed at the next change
	bad        Fault
	number     int
	asked      map[string]int
}

// Fault is what is wrong with the server that shows the world.
type Fault struct {
	Delay      time.Duration // of each answer
	NoStream   bool          // the event stream is refused, and those that are open end
	Silent     bool          // new event streams are open and tell nothing
	Containers bool          // the engine does not tell which there are
	Skew       time.Duration // of the server's clock
	Proxy      int           // a proxy answers for the API, with this status
}

// The topics of the event stream.
const (
	topicEngine     = "engine"
	topicContainers = "containers"
	topicIncidents  = "incidents"
	topicReceivers  = "receivers"
)

func topics() []string {
	return []string{topicEngine, topicContainers, topicIncidents, topicReceivers}
}

// New gives a world without containers, watched since then.
func New(since time.Time) *World {
	return &World{
		engine: Engine{
			Host: "box", Version: "1.4.0", Engine: "Docker 29.0.2", Endpoint: "unix:///var/run/docker.sock",
			OK: true, Why: "watching", Since: since, Stream: true, Action: "restart",
		},
		counts: map[string]uint64{}, asked: map[string]int{},
	}
}

// note tells the streams; the caller holds the lock.
func (w *World) note(changed ...string) {
	for _, t := range changed {
		w.counts[t]++
	}
	if w.wake != nil {
		close(w.wake)
		w.wake = nil
	}
}

// since gives the topics that have changed since seen, which it brings up to
// date, and a channel that is closed at the next change.
func (w *World) since(seen map[string]uint64) ([]string, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var changed []string
	for _, t := range topics() {
		if w.counts[t] != seen[t] {
			seen[t] = w.counts[t]
			changed = append(changed, t)
		}
	}
	if w.wake == nil {
		w.wake = make(chan struct{})
	}
	return changed, w.wake
}

// Break changes what is wrong with the server.
func (w *World) Break(f Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bad = f
	w.note()
}

func (w *World) fault() Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bad
}

// Engine changes how the watch is doing.
func (w *World) Engine(change func(*Engine)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.engine)
	w.note(topicEngine)
}

// Receivers changes who is told.
func (w *World) Receivers(change func([]Receiver) []Receiver) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.receivers = change(w.receivers)
	w.note(topicReceivers)
}

// Demo makes the world one that tells what people would have been told.
func (w *World) Demo() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alerts = []Alert{}
}

// Add adds a container; what it leaves out is that of one that is watched and well.
func (w *World) Add(c Container) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.number++
	or(&c.ID, hex(w.number))
	or(&c.State, "running")
	or(&c.Health, "healthy")
	or(&c.Action, "restart")
	or(&c.Phase, "steady")
	or(&c.Image, c.Service+":1.4")
	if c.Budget == 0 {
		c.Budget = 5
	}
	if c.Rule == "" {
		c.Watched, c.Rule = true, "label autoheal=true"
	}
	if c.Outlook == "" {
		c.Outlook = outlook(c)
	}
	c.Would = c.Watched && c.Health != "none" && c.Action != "notify" && c.Action != "none"
	w.containers = append(w.containers, c)
	w.note(topicContainers)
}

// Change changes a container by name.
func (w *World) Change(name string, change func(*Container)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.container(name); c != nil {
		change(c)
		w.note(topicContainers)
	}
}

// Remove takes a container away by name.
func (w *World) Remove(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.containers = slices.DeleteFunc(w.containers, func(c Container) bool { return c.Name == name })
	w.note(topicContainers)
}

// Asked tells how often a path of the API was asked for.
func (w *World) Asked(path string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[path]
}

// container gives one by name; the caller holds the lock.
func (w *World) container(name string) *Container {
	for i := range w.containers {
		if w.containers[i].Name == name {
			return &w.containers[i]
		}
	}
	return nil
}

// outlook says what would happen to one that is well, or not watched.
func outlook(c Container) string {
	switch {
	case !c.Watched:
		return "Nothing: it is not watched."
	case c.Health == "none":
		return "Nothing: it has no HEALTHCHECK, so nothing tells when it is sick."
	case c.Action == "notify":
		return "Would only be told of when unhealthy."
	case c.Action == "none":
		return "Nothing, as its label asks for."
	case c.Action == "stop":
		return "Would be stopped when unhealthy."
	}
	return "Would be restarted when unhealthy."
}

func or(text *string, otherwise string) {
	if *text == "" {
		*text = otherwise
	}
}

// hex gives a container's id.
func hex(n int) string {
	text := strconv.FormatUint(uint64(n)*0x9e3779b97f4a7c15, 16)
	for len(text) < 64 {
		text += text
	}
	return text[:64]
}
