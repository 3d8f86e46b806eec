package dockertest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fault says what goes wrong with a call. A Fault with a Delay only is slow but
// succeeds.
type Fault struct {
	Delay time.Duration // waits so long first
	Hang  bool          // never answers
	Drop  bool          // closes the connection without an answer
	// Half carries the call out, and breaks the connection after the headers and
	// half of the body; that of a stream after its headers.
	Half   bool
	Status int // answers with this status and Body
	// Body is sent as it is when it begins with { or <, as proxies' pages do;
	// other texts become the message of a JSON error.
	Body string
	// AfterEffect carries the call out first: the client sees the fault, the
	// container the effect.
	AfterEffect bool
}

// fault is a Fault in force.
type fault struct {
	Fault
	match func(Call) bool
}

// Fail breaks the calls for which match is true, until undo is called. Of
// several faults that match the oldest counts. match is called with the
// engine's lock held: it must not call the engine.
func (e *Engine) Fail(match func(Call) bool, f Fault) (undo func()) {
	added := &fault{Fault: f, match: match}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.faults = append(e.faults, added)
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.faults = slices.DeleteFunc(e.faults, func(f *fault) bool { return f == added })
	}
}

func (e *Engine) faultFor(call *Call) (Fault, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, f := range e.faults {
		if f.match(*call) {
			return f.Fault, true
		}
	}
	return Fault{}, false
}

// breaks tells a fault that replaces the answer from a mere delay.
func (f Fault) breaks() bool { return f.Hang || f.Drop || f.Half || f.Status != 0 }

// suffer carries out the fault. errAway means to break the connection.
func (e *Engine) suffer(life chan struct{}, w http.ResponseWriter, q *request, call *Call, f Fault) error {
	if err := waitFor(life, q.gone, f.Delay); err != nil {
		return err
	}
	switch {
	case f.Hang:
		select {
		case <-q.gone:
		case <-life:
		}
		return errAway
	case f.Drop:
		return errAway
	case f.Half, f.Status == 0:
		return nil
	}
	e.note(call, f.Status)
	e.greet(w)
	switch {
	case strings.HasPrefix(f.Body, "{"):
		e.reply(w, f.Status, content{"application/json", []byte(f.Body)})
	case strings.HasPrefix(f.Body, "<"):
		e.reply(w, f.Status, content{"text/html", []byte(f.Body)})
	default:
		e.reply(w, f.Status, e.complaint(f.Body))
	}
	return nil
}

// answerHalf carries the call out and breaks off within the answer.
func (e *Engine) answerHalf(life chan struct{}, w http.ResponseWriter, r *http.Request, q *request) error {
	if q.kind == "events" {
		e.greet(w)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
	} else {
		status, body, err := e.act(life, w, r, q)
		if err != nil {
			return err
		}
		if body == nil {
			return errAway // there is no half of it
		}
		e.reply(half{w}, status, body)
	}
	flush(w)
	return errAway
}

// half writes half of what it is given.
type half struct{ http.ResponseWriter }

func (h half) Write(p []byte) (int, error) { return h.ResponseWriter.Write(p[:len(p)/2]) }

// waitFor is sleep for a client that may lose patience.
func waitFor(life chan struct{}, gone <-chan struct{}, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-gone:
	case <-life:
	}
	return errAway
}
