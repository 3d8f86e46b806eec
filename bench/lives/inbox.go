package lives

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"defib/bench/rig"
)

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
	server *http.Server
	url    string
	down   atomic.Bool
	moment func()
	read   func(body []byte) map[string][]told // by container

	mu  sync.Mutex
	got map[string][]told
}

func newInbox(name string, read func([]byte) map[string][]told, moment func()) (*inbox, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback
	if err != nil {
		return nil, fmt.Errorf("listen for the %s's messages: %w", name, err)
	}
	b := &inbox{name: name, url: "http://" + l.Addr().String() + "/hook", moment: moment, read: read, got: map[string][]told{}}
	b.server = &http.Server{Handler: b, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)} // kills break connections
	go func() { _ = b.server.Serve(l) }()                                                                     // it ends with close
	return b, nil
}

func (b *inbox) close() { _ = b.server.Close() }

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
type journal struct{ rig.Log }

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
