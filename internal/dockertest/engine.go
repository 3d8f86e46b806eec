package dockertest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options say which engine is simulated. The zero value is Docker 20.10.24.
// What differs between engines follows from Version: the order of stop and die
// (29), the rounding of timeNano (29), the start interval (25), what becomes of
// probes after a live restore (23, 25).
type Options struct {
	Version       string // engine version; default "20.10.24", for Podman "4.3.1"
	APIVersion    string // newest API answered; default: what Version really has
	MinAPIVersion string // oldest API answered; default: what Version really has
	Podman        bool   // Podman's Docker-compatible socket instead of Docker
	Name          string // host name in /info; default "dockertest"
	LiveRestore   bool   // containers outlive the engine (fact 2.8), else they follow fact 2.9
	ExecNoise     bool   // every probe makes its three exec events (fact 1.3)

	// StreamBuffer is how many events wait for a slow reader before further
	// ones are lost without a trace. The default is 65536; Docker has 1024,
	// but makes whoever causes the event wait (fact 2.5), which this engine
	// never does.
	StreamBuffer int

	// KeptCalls bounds the memory of a long-lived engine: when there are so
	// many, Calls forgets the older half. The default is 65536.
	KeptCalls int

	// SubscribeLag is the time between the headers of /events and the
	// subscription; what happens within it is missed unless the client passed
	// since (fact 2.6). The default is none, so that tests are deterministic.
	SubscribeLag time.Duration
}

// Engine is a simulated Docker engine. Its methods may be called from any
// goroutine.
type Engine struct {
	opts  Options
	major int // of the Docker version; 0 for Podman

	handlers sync.WaitGroup // requests being answered

	mu sync.Mutex // guards all below; never held while waiting or writing

	endpoints []*endpoint
	closed    bool
	away      bool          // down; closed engines are away as well
	life      chan struct{} // closed when the engine goes away, new when it is back
	hung      chan struct{} // nil unless hung; closed when it goes on
	shutting  bool          // it stops all containers before it goes away

	alarms     alarms
	alarmsMade int
	timer      *time.Timer // rings at the earliest alarm
	frozen     []*alarm    // became due while the engine hung or was away

	made      int          // ids given so far
	sharing   bool         // some container has a PidMode
	all       []*container // oldest first
	byID      map[string]*container
	byName    map[string]*container
	ring      []*event // the last ringSize events of all types, oldest first
	streams   map[*stream]struct{}
	dropping  bool
	muted     bool
	faults    []*fault
	jumps     []jump // oldest first
	calls     []*Call
	observers []func(Call)
}

// ringSize is how many past events an engine can replay (fact 2.2).
const ringSize = 256

// errAway ends whatever waits inside an engine that went down or was closed.
var errAway = errors.New("the engine is away")

// New makes an engine without containers and listeners.
func New(o Options) *Engine {
	if o.Version == "" {
		o.Version = "20.10.24"
		if o.Podman {
			o.Version = "4.3.1"
		}
	}
	if o.Name == "" {
		o.Name = "dockertest"
	}
	if o.StreamBuffer == 0 {
		o.StreamBuffer = 1 << 16
	}
	if o.KeptCalls == 0 {
		o.KeptCalls = 1 << 16
	}
	e := &Engine{
		opts:    o,
		life:    make(chan struct{}),
		byID:    map[string]*container{},
		byName:  map[string]*container{},
		streams: map[*stream]struct{}{},
	}
	if !o.Podman {
		e.major = majorOf(o.Version)
	}
	e.fillAPIVersions()
	return e
}

func majorOf(version string) int {
	first, _, _ := strings.Cut(version, ".")
	n, _ := strconv.Atoi(first) // an odd version counts as the oldest
	return n
}

// fillAPIVersions chooses what the version really has (facts 9.1 and 12.1).
func (e *Engine) fillAPIVersions() {
	newest, oldest := "1.41", "1.12"
	_, minor := versionOf(e.opts.Version)
	switch {
	case e.opts.Podman:
		oldest = "1.24"
		if majorOf(e.opts.Version) >= 5 {
			newest = "1.44"
		}
	case e.major == 29 && minor < 3:
		newest, oldest = "1.52", "1.44"
	case e.major >= 29:
		newest, oldest = "1.55", "1.40"
	case e.major == 28:
		newest, oldest = fmt.Sprintf("1.%d", 48+min(minor, 3)), "1.24"
	case e.major >= 25:
		newest, oldest = fmt.Sprintf("1.%d", e.major+19), "1.24"
	case e.major >= 23:
		newest = fmt.Sprintf("1.%d", e.major+19)
	}
	if e.opts.APIVersion == "" {
		e.opts.APIVersion = newest
	}
	if e.opts.MinAPIVersion == "" {
		e.opts.MinAPIVersion = oldest
	}
}

// Close ends the engine for good: listeners, streams, calls in progress and
// timers. When it returns no request is being answered any more, so an observer
// of calls must not call it. The state of the containers can still be read.
func (e *Engine) Close() {
	e.mu.Lock()
	e.leave()
	e.closed = true
	e.alarms, e.frozen = nil, nil
	if e.timer != nil {
		e.timer.Stop()
	}
	e.mu.Unlock()
	e.handlers.Wait()
}

// leave cuts all connections and ends all waiting. Called with the lock held.
func (e *Engine) leave() {
	if e.away {
		return
	}
	e.away = true
	close(e.life)
	if e.hung != nil {
		close(e.hung)
		e.hung = nil
	}
	for _, ep := range e.endpoints {
		ep.close()
	}
}

// enter waits while the engine hangs and gives the channel that is closed when
// the engine goes away. It fails when it is away, or when gone is closed first.
func (e *Engine) enter(gone <-chan struct{}) (life chan struct{}, err error) {
	for {
		e.mu.Lock()
		life, hung, away := e.life, e.hung, e.away
		e.mu.Unlock()
		if away {
			return nil, errAway
		}
		if hung == nil {
			return life, nil
		}
		select {
		case <-hung:
		case <-gone:
			return nil, errAway
		}
	}
}

// sleep waits for d, and fails when the engine goes away meanwhile.
func sleep(life chan struct{}, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-life:
		return errAway
	}
}

// newID gives the next id: 64 hex digits, the same in every run.
func (e *Engine) newID(kind string) string {
	e.made++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", e.opts.Name, kind, e.made))
	return hex.EncodeToString(sum[:])
}
