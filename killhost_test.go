package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"defib/internal/dockertest"
)

// host is what outlives the program that is killed: an engine with containers,
// two receivers, and a folder.
type host struct {
	t    *testing.T
	r    *rand.Rand // of the goroutine that starts and kills
	eng  *dockertest.Engine
	dir  string
	env  []string
	log  *journal
	near int // kills right after something happened

	containers    []*troubled
	program, chat *inbox
	fates         sync.WaitGroup // what is still to happen to containers
	calm, end     func()         // end what takes a receiver down, and what people do

	moments chan struct{} // something happened that a kill may follow
	moved   atomic.Int64  // when it last did, in ns since 1970
	mu      sync.Mutex
	calls   map[string]int // restarts and starts that were asked for, by container
}

// troubled is a container that falls ill once.
type troubled struct {
	kind
	name   string
	life   int           // the one in which it does
	within time.Duration // of that life
}

// kind is a way to be in trouble.
type kind struct {
	spec     dockertest.Spec
	hopeless bool          // no restart helps: a person removes it
	onlyTold bool          // defib does not touch it: a person cures it
	unstarts time.Duration // for so long no start of it succeeds
}

// kinds are ten, since a chat's message of many names no more.
func kinds() []kind {
	heals := kind{spec: dockertest.Spec{Name: "heals", Health: &dockertest.Health{HealedByRestart: true}}}
	slow := kind{spec: dockertest.Spec{
		Name: "slow", StopTakes: 300 * time.Millisecond, StartTakes: 300 * time.Millisecond,
		Health: &dockertest.Health{HealedByRestart: true},
	}}
	hopeless := kind{spec: dockertest.Spec{Name: "hopeless", Health: &dockertest.Health{}}, hopeless: true}
	refused := kind{spec: dockertest.Spec{Name: "refused", Health: &dockertest.Health{HealedByRestart: true}}, unstarts: 3 * time.Second}
	watched := kind{spec: dockertest.Spec{
		Name: "watched", Health: &dockertest.Health{}, Labels: map[string]string{"autoheal.action": "notify"},
	}, onlyTold: true}
	return []kind{heals, slow, slow, hopeless, hopeless, refused, refused, watched, watched, watched}
}

// bystanders are so many that what falls ill is never most of the host.
const bystanders = 60

// newHost makes a host whose containers fall ill in the first four fifths of the lives.
func newHost(t *testing.T, number, lives int, troubles []kind) *host {
	t.Helper()
	h := &host{
		t: t, r: rand.New(rand.NewPCG(uint64(number), 11)), dir: t.TempDir(), log: &journal{},
		moments: make(chan struct{}), calls: map[string]int{},
	}
	h.eng = dockertest.New(dockertest.Options{Name: fmt.Sprint("host-", number)})
	socket := filepath.Join(h.dir, "docker.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	h.eng.Serve(l)
	t.Cleanup(h.eng.Close)
	h.eng.OnCall(h.onCall)
	h.program, h.chat = newInbox(t, "program", readJSON, h.moment), newInbox(t, "chat", readSlack, h.moment)
	for i := range bystanders {
		h.eng.Run(dockertest.Spec{Name: fmt.Sprint("bystander-", i)})
	}
	for i, k := range troubles {
		k.spec.Name = fmt.Sprintf("%s-%d", k.spec.Name, i)
		k.spec.Health.Interval, k.spec.Health.Timeout, k.spec.Health.Retries = 100*time.Millisecond, 100*time.Millisecond, 1
		k.spec.StopTimeout = 900 * time.Millisecond // 0 s to the engine's clients: nobody waits longer than 1 s for a stop that was not heard of
		h.eng.Run(k.spec)
		h.containers = append(h.containers, &troubled{
			kind: k, name: k.spec.Name, life: h.r.IntN(max(1, lives*4/5)), within: time.Duration(h.r.Int64N(int64(3 * time.Second))),
		})
	}
	h.env = []string{
		killedChild + "=1", "DOCKER_HOST=unix://" + socket, "AUTOHEAL_CONTAINER_LABEL=all", "AUTOHEAL_STATE_DIR=" + h.dir,
		"AUTOHEAL_HOST_NAME=box", "SLACK_WEBHOOK_URL=" + h.chat.server.URL + "/hook", "AUTOHEAL_ALERT_URLS=json+" + h.program.server.URL + "/hook",
		"AUTOHEAL_INTERVAL=500ms", "AUTOHEAL_BACKOFF=1s", "AUTOHEAL_MAX_RESTARTS=2", "AUTOHEAL_RETRY_AFTER=0", "LOG_LEVEL=debug", "LOG_FORMAT=json",
	}
	flaky := []*inbox{h.program, h.chat}[number%2]
	still := h.until(func(r *rand.Rand) time.Duration {
		flaky.down.Store(!flaky.down.Load())
		return 200*time.Millisecond + time.Duration(r.Int64N(int64(2*time.Second)))
	})
	h.calm = func() {
		still()
		flaky.down.Store(false)
	}
	h.end = h.until(h.people)
	return h
}

// until does something again and again, with the wait that it gives, until it
// is ended.
func (h *host) until(do func(r *rand.Rand) time.Duration) (end func()) {
	quit := make(chan struct{})
	var ended sync.WaitGroup
	seed := h.r.Uint64()
	ended.Go(func() {
		for r := rand.New(rand.NewPCG(seed, 3)); ; {
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
				h.t.Error(err)
			}
			time.Sleep(c.unstarts)
			h.edit(c, func(s *dockertest.Spec) { s.FailStart = "" })
		})
	}
}

func (h *host) edit(c *troubled, change func(*dockertest.Spec)) {
	if err := h.eng.Edit(c.name, change); err != nil && !c.hopeless {
		h.t.Error(err)
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
	if c.ID == "" || strings.HasPrefix(c.Name, "bystander") {
		return
	}
	if c.Kind == "restart" || c.Kind == "start" {
		h.mu.Lock()
		h.calls[c.Name]++
		h.mu.Unlock()
	}
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

// told is one thing that a receiver was told of a container.
type told struct {
	id       string // the same for the same news
	incident string // a container's name to a chat, which names incidents only now and then
	reason   string
	over     bool
	gaveUp   bool
}

// inbox is a receiver.
type inbox struct {
	name   string
	server *httptest.Server
	down   atomic.Bool
	moment func()
	read   func(body []byte) map[string][]told // by container

	mu  sync.Mutex
	got map[string][]told
}

func newInbox(t *testing.T, name string, read func([]byte) map[string][]told, moment func()) *inbox {
	t.Helper()
	b := &inbox{name: name, moment: moment, read: read, got: map[string][]told{}}
	b.server = httptest.NewServer(b)
	t.Cleanup(b.server.Close)
	return b
}

// ServeHTTP takes a message. The program may be killed before the answer.
func (b *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // it was killed within its request
	}
	defer b.moment()
	if b.down.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	b.mu.Lock()
	for name, said := range b.read(body) {
		b.got[name] = append(b.got[name], said...)
	}
	b.mu.Unlock()
	b.moment()
	_, _ = w.Write([]byte("ok"))
}

func (b *inbox) about(name string) []told {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.got[name])
}

func readJSON(body []byte) map[string][]told {
	var m struct {
		ID, Status, Reason, Incident string
		Container                    struct{ Name string }
	}
	if err := json.Unmarshal(body, &m); err != nil {
		m.Reason = err.Error()
	}
	return map[string][]told{m.Container.Name: {{
		id: m.ID, incident: m.Incident, reason: m.Reason, over: m.Status == "resolved", gaveUp: m.Reason == "gave-up",
	}}}
}

// readSlack finds the containers in a title, or in the lines of a message about
// many.
func readSlack(body []byte) map[string][]told {
	var m struct {
		Attachments []struct{ Title, Text string }
	}
	_ = json.Unmarshal(body, &m) // what is no message is about nobody
	found := map[string][]told{}
	for _, a := range m.Attachments {
		for line := range strings.SplitSeq(a.Title+"\n"+a.Text, "\n") {
			about := regexp.MustCompile(`^\[(FIRING|RESOLVED)\] ([a-z]+-[0-9]+)\b(.*)`).FindStringSubmatch(line)
			if about == nil {
				continue
			}
			found[about[2]] = append(found[about[2]], told{
				id: line, incident: about[2], reason: about[3], over: about[1] == "RESOLVED", gaveUp: strings.Contains(line, ": gave up"),
			})
		}
	}
	return found
}

// journal is the log of all lives of a host.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// of gives the lines that hold a text, and the kills.
func (j *journal) of(text string) []string {
	var lines []string
	found := false
	for line := range strings.Lines(j.String()) {
		here := strings.Contains(line, text)
		found = found || here
		if here || strings.HasPrefix(line, "KILLED") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if !found {
		return nil
	}
	return lines
}
