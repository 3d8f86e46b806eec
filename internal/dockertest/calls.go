package dockertest

import (
	"net/http"
	"slices"
	"time"
)

// Call is one request to the API.
type Call struct {
	At     time.Time
	Method string
	Path   string
	Query  string // raw
	// Kind is ping, version, info, list, inspect, logs, events, restart,
	// stop, start, kill, pause, unpause, rename, remove, or empty for what
	// the engine does not know.
	Kind   string
	ID     string // of the container; empty when there is none
	Name   string // of the container; as the client called it when there is none
	Status int    // of the answer; 0 while there is none, and for event streams and broken connections
}

// Calls gives the requests so far, oldest first, see Options.KeptCalls.
func (e *Engine) Calls() []Call {
	e.mu.Lock()
	defer e.mu.Unlock()
	calls := make([]Call, len(e.calls))
	for i, c := range e.calls {
		calls[i] = *c
	}
	return calls
}

// OnCall adds an observer of requests. It is called when the request arrives,
// before any fault and even while the engine hangs, without a lock held; it
// may be called by several goroutines at once.
func (e *Engine) OnCall(observe func(Call)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.observers = append(e.observers, observe)
}

func (e *Engine) observe(q *request, r *http.Request) *Call {
	call := &Call{
		At:     time.Now(),
		Method: r.Method,
		Path:   r.URL.Path,
		Query:  r.URL.RawQuery,
		Kind:   q.kind,
		Name:   q.ref,
	}
	e.mu.Lock()
	if q.ref != "" {
		if c, err := e.find(q.ref); err == nil {
			call.ID, call.Name = c.id, c.name
		}
	}
	if len(e.calls) >= e.opts.KeptCalls {
		e.calls = append([]*Call(nil), e.calls[len(e.calls)/2:]...)
	}
	e.calls = append(e.calls, call)
	observers := slices.Clip(e.observers)
	told := *call
	e.mu.Unlock()
	for _, observe := range observers {
		observe(told)
	}
	return call
}

func (e *Engine) note(call *Call, status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	call.Status = status
}
