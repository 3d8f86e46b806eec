package rig

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Alert is what the rig reads of a message of the JSON webhook
// (docs/webhook.schema.json).
type Alert struct {
	ID        string // the same for the same news
	Incident  string
	Status    string // firing, resolved, started
	Reason    string
	Container struct{ Name string }
	At        time.Time `json:"-"` // when it came
}

// Inbox is a receiver of alerts on loopback.
type Inbox struct {
	// Down has it answer 503.
	Down atomic.Bool

	server *http.Server
	url    string
	mu     sync.Mutex
	got    []Alert
	bad    []string // what could not be read
}

func newInbox() (*Inbox, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback
	if err != nil {
		return nil, fmt.Errorf("listen for a receiver of alerts: %w", err)
	}
	b := &Inbox{url: "http://" + l.Addr().String() + "/hook"}
	b.server = &http.Server{Handler: http.HandlerFunc(b.take), ReadHeaderTimeout: time.Minute}
	go func() {
		if err := b.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.bad = append(b.bad, err.Error())
		}
	}()
	return b, nil
}

// URL is where it takes alerts, as in AUTOHEAL_ALERT_URLS.
func (b *Inbox) URL() string { return "json+" + b.url }

func (b *Inbox) take(w http.ResponseWriter, r *http.Request) {
	if b.Down.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	a := Alert{At: time.Now()}
	err := json.NewDecoder(r.Body).Decode(&a)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.bad = append(b.bad, err.Error())
		return
	}
	b.got = append(b.got, a)
}

// Alerts are those that came so far, oldest first. An error tells of what
// could not be read.
func (b *Inbox) Alerts() ([]Alert, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.bad) > 0 {
		return nil, fmt.Errorf("read an alert: %s", b.bad[0])
	}
	return slices.Clone(b.got), nil
}

func (b *Inbox) close() {
	_ = b.server.Close() // what is under way was of a defib that has ended
}
