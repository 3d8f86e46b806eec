package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// happening is an event as the engine tells it.
type happening struct {
	Action string
	Actor  struct {
		ID         string
		Attributes map[string]string
	}
	TimeNano int64
}

// recorder notes what an engine tells of the containers with a label.
type recorder struct {
	engine engine
	label  string
	from   time.Time

	mu   sync.Mutex
	seen []happening
}

// startRecorder notes everything from now on, also across the engine's own
// restarts, until the test ends.
func startRecorder(t *testing.T, e engine, label string) *recorder {
	t.Helper()
	r := &recorder{engine: e, label: label, from: time.Now()}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			r.follow(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond): // the engine is away
			}
		}
	})
	t.Cleanup(func() { cancel(); done.Wait() })
	return r
}

// follow notes events until the stream ends.
func (r *recorder) follow(ctx context.Context) {
	cmd := r.engine.command(ctx, "events", "--format", "{{json .}}",
		"--since", strconv.FormatInt(r.from.Unix()-1, 10), "--filter", "type=container", "--filter", "label="+r.label)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return
	}
	if cmd.Start() != nil {
		return
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var h happening
		// Probes are no news, nor is Podman's word for one.
		if json.Unmarshal(lines.Bytes(), &h) == nil && !strings.HasPrefix(h.Action, "exec") && h.Action != "health_status" {
			r.note(h)
		}
	}
	_ = cmd.Wait() // how it ended does not matter: it is started again
}

// note drops what was told before: each stream begins with the past.
func (r *recorder) note(h happening) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, old := range r.seen {
		if old.TimeNano == h.TimeNano && old.Action == h.Action && old.Actor.ID == h.Actor.ID {
			return
		}
	}
	r.seen = append(r.seen, h)
}

func (r *recorder) actions(id string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, h := range r.seen {
		if h.Actor.ID == id {
			all = append(all, h.Action)
		}
	}
	return all
}

func (r *recorder) count(id, action string) int {
	n := 0
	for _, a := range r.actions(id) {
		if a == action {
			n++
		}
	}
	return n
}

// follows tells whether one thing has happened since the last time of another.
func (r *recorder) follows(id, first, then string) bool {
	all := r.actions(id)
	slices.Reverse(all)
	last := slices.Index(all, first)
	return last >= 0 && slices.Contains(all[:last], then)
}

// when gives the time of the nth such event.
func (r *recorder) when(id, action string, n int) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.seen {
		if h.Actor.ID == id && h.Action == action {
			if n--; n == 0 {
				return time.Unix(0, h.TimeNano)
			}
		}
	}
	return time.Time{}
}

// lag gives the time from the first such event to the next of another kind.
func (r *recorder) lag(id, from, to string) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	var began int64
	for _, h := range r.seen {
		switch {
		case h.Actor.ID != id:
		case h.Action == from && began == 0:
			began = h.TimeNano
		case h.Action == to && began != 0:
			return time.Duration(h.TimeNano - began).Round(100 * time.Microsecond)
		}
	}
	return 0
}

// String lists the record, for a test that failed.
func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	for _, h := range r.seen {
		fmt.Fprintf(&b, "%s %s %s %s\n", time.Unix(0, h.TimeNano).Format("15:04:05.000"),
			h.Actor.Attributes["name"], h.Action, h.Actor.Attributes["signal"])
	}
	return b.String()
}
