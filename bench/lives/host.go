// Package lives ends a defib again and again at random moments of its work, and
// reckons what was lost by that: bench/faults has it do so, and a test of the
// program.
package lives

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"defib/internal/dockertest"
)

// host is what outlives the program that is killed: an engine with containers,
// two receivers, and a folder.
type host struct {
	trial   Trial
	r       *rand.Rand // of the goroutine that starts and kills
	eng     *dockertest.Engine
	dir     string
	env     []string
	log     *journal
	near    int           // ends right after something happened
	longest time.Duration // that an end took

	containers    []*troubled
	program, chat *inbox
	fates         sync.WaitGroup // what is still to happen to containers
	calm, end     func()         // end what takes a receiver down, and what people do

	moments  chan struct{} // something happened that a kill may follow
	moved    atomic.Int64  // when it last did, in ns since 1970
	mu       sync.Mutex
	calls    map[string]int // restarts and starts that were asked for, by container
	restarts map[string]int
	needless int     // to bystanders
	wrong    []error // what must not be, beside what is reckoned
}

// troubled is a container that falls ill once.
type troubled struct {
	kind
	name   string
	life   int           // the one in which it does
	within time.Duration // of that life
}

// budget is how many restarts a container is allowed.
const budget = 2

// bystanders are so many that what falls ill is never most of the host.
const bystanders = 60

// newHost makes a host whose containers fall ill in the first four fifths of the
// lives. Where it fails, what it has begun ends with the process.
func newHost(t Trial, number int) (*host, error) {
	h := &host{
		trial: t, r: rand.New(rand.NewPCG(uint64(number), 11)), //nolint:gosec // nothing is secret
		dir: filepath.Join(t.Dir, fmt.Sprint(number)), log: &journal{},
		moments: make(chan struct{}), calls: map[string]int{}, restarts: map[string]int{},
	}
	socket := filepath.Join(h.dir, "docker.sock")
	if err := os.Mkdir(h.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for a host: %w", err)
	}
	l, err := net.Listen("unix", socket) //nolint:noctx // a unix socket is there at once
	if err != nil {
		return nil, fmt.Errorf("listen for an engine: %w", err)
	}
	h.eng = dockertest.New(dockertest.Options{Name: fmt.Sprint("host-", number)})
	h.eng.Serve(l)
	h.eng.OnCall(h.onCall)
	if h.program, err = newInbox("program", readJSON, h.moment); err != nil {
		return nil, err
	}
	if h.chat, err = newInbox("chat", readSlack, h.moment); err != nil {
		return nil, err
	}
	h.fill()
	h.env = []string{
		"DOCKER_HOST=unix://" + socket, "AUTOHEAL_CONTAINER_LABEL=all", "AUTOHEAL_STATE_DIR=" + h.dir,
		"AUTOHEAL_HOST_NAME=box", "SLACK_WEBHOOK_URL=" + h.chat.url, "AUTOHEAL_ALERT_URLS=json+" + h.program.url, "AUTOHEAL_LISTEN=off",
		"AUTOHEAL_INTERVAL=500ms", "AUTOHEAL_BACKOFF=1s", fmt.Sprint("AUTOHEAL_MAX_RESTARTS=", budget), "AUTOHEAL_RETRY_AFTER=0", "LOG_LEVEL=debug", "LOG_FORMAT=json",
	}
	h.disturb([]*inbox{h.program, h.chat}[number%2])
	return h, nil
}

// fill makes the containers.
func (h *host) fill() {
	for i := range bystanders {
		h.eng.Run(dockertest.Spec{Name: fmt.Sprint("bystander-", i)})
	}
	for i, k := range h.trial.kinds() {
		k.spec.Name = fmt.Sprintf("%s-%d", k.spec.Name, i)
		k.spec.Health.Interval, k.spec.Health.Timeout, k.spec.Health.Retries = 100*time.Millisecond, 100*time.Millisecond, 1
		k.spec.StopTimeout = 900 * time.Millisecond // 0 s to the engine's clients: nobody waits longer than 1 s for a stop that was not heard of
		h.eng.Run(k.spec)
		h.containers = append(h.containers, &troubled{
			kind: k, name: k.spec.Name, life: h.r.IntN(max(1, h.trial.Lives*4/5)), within: time.Duration(h.r.Int64N(int64(3 * time.Second))),
		})
	}
}

// disturb takes a receiver down half of the time, until h.calm, and has people
// do what they do, until h.end.
func (h *host) disturb(flaky *inbox) {
	still := h.until(func(r *rand.Rand) time.Duration {
		flaky.down.Store(!flaky.down.Load())
		return 200*time.Millisecond + time.Duration(r.Int64N(int64(2*time.Second)))
	})
	h.calm = func() {
		still()
		flaky.down.Store(false)
	}
	h.end = h.until(h.people)
}

// close ends the engine and the receivers.
func (h *host) close() {
	h.eng.Close()
	h.program.close()
	h.chat.close()
}

// until does something again and again, with the wait that it gives, until it
// is ended.
func (h *host) until(do func(r *rand.Rand) time.Duration) (end func()) {
	quit := make(chan struct{})
	var ended sync.WaitGroup
	seed := h.r.Uint64()
	ended.Go(func() {
		for r := rand.New(rand.NewPCG(seed, 3)); ; { //nolint:gosec // nothing is secret
			select {
			case <-time.After(do(r)):
			case <-quit:
				return
			}
		}
	})
	return func() {
		close(quit)
		ended.Wait()
	}
}

// fallIll has those containers fall ill whose life this is.
func (h *host) fallIll(life int) {
	for _, c := range h.containers {
		if c.life != life {
			continue
		}
		h.fates.Go(func() {
			time.Sleep(c.within)
			h.edit(c, func(s *dockertest.Spec) {
				if c.unstarts > 0 {
					s.FailStart = "no space left on device"
				}
			})
			if err := h.eng.Sicken(c.name, "no answer"); err != nil {
				h.fail(err)
			}
			time.Sleep(c.unstarts)
			h.edit(c, func(s *dockertest.Spec) { s.FailStart = "" })
		})
	}
}

func (h *host) edit(c *troubled, change func(*dockertest.Spec)) {
	if err := h.eng.Edit(c.name, change); err != nil && !c.hopeless {
		h.fail(err)
	}
}

// people remove what defib gave up on, and cure what it may only tell about,
// some time after both receivers know of it.
func (h *host) people(r *rand.Rand) time.Duration {
	for _, c := range h.containers {
		known := true
		for _, b := range []*inbox{h.program, h.chat} {
			known = known && slices.ContainsFunc(b.about(c.name), func(a told) bool { return a.gaveUp || c.onlyTold })
		}
		switch {
		case !known || r.IntN(10) > 0:
		case c.hopeless:
			_ = h.eng.Remove(c.name, true) // it may be gone already
		case c.onlyTold:
			_ = h.eng.Cure(c.name)
		}
	}
	return 100 * time.Millisecond
}

// settled tells whether nothing is left to tell.
func (h *host) settled() bool {
	for _, c := range h.containers {
		if h.asked(c.name) == 0 && !c.onlyTold {
			return false
		}
		for _, b := range []*inbox{h.program, h.chat} {
			if beginnings, gaveUps, ends := h.missing(c, b.about(c.name)); beginnings+gaveUps+ends > 0 {
				return false
			}
		}
	}
	return true
}

func (h *host) onCall(c dockertest.Call) {
	acts := c.Kind == "restart" || c.Kind == "start"
	if c.ID == "" || (!acts && strings.HasPrefix(c.Name, "bystander")) {
		return
	}
	h.mu.Lock()
	switch {
	case strings.HasPrefix(c.Name, "bystander"):
		h.needless++
	case acts:
		h.calls[c.Name]++
		if c.Kind == "restart" {
			h.restarts[c.Name]++
		}
	}
	h.mu.Unlock()
	h.moment()
}

// moment says that something happened.
func (h *host) moment() {
	h.moved.Store(time.Now().UnixNano())
	select {
	case h.moments <- struct{}{}:
	default:
	}
}

func (h *host) asked(name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls[name]
}

// fail keeps what must not be.
func (h *host) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wrong = append(h.wrong, err)
}
