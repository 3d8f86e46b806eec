package dockertest

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// stream is one open call of /events. The engine's lock guards it.
type stream struct {
	filter  filters
	dialect dialect
	pending [][]byte      // whole lines
	wake    chan struct{} // has a token when there is something to do
	end     ending
	done    chan struct{} // closed when nothing will be written any more
}

// ending says how a stream ends once its pending lines are written.
type ending int

const (
	goesOn  ending = iota
	orderly        // the client sees io.EOF
	broken         // the client sees io.ErrUnexpectedEOF
	midLine        // the same, in the middle of a line
)

// push queues a line unless too many wait already: then it is lost, and the
// reader never learns of it (fact 2.5).
func (s *stream) push(line []byte, limit int) {
	if len(s.pending) >= limit {
		return
	}
	s.pending = append(s.pending, line)
	s.ring()
}

func (s *stream) ring() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// follow answers GET /events.
func (e *Engine) follow(life chan struct{}, w http.ResponseWriter, q *request) error {
	since, err := eventTime(q.query.Get("since"))
	if err != nil {
		return err
	}
	until, err := eventTime(q.query.Get("until"))
	if err != nil {
		return err
	}
	if !until.IsZero() && until.Before(since) {
		return refuse(http.StatusBadRequest, "`since` time (%s) cannot be after `until` time (%s)",
			q.query.Get("since"), q.query.Get("until"))
	}
	f, err := e.parseFilters(q.query.Get("filters"))
	if err != nil {
		return err
	}
	s := &stream{filter: f, dialect: e.dialectOf(q.api), wake: make(chan struct{}, 1), done: make(chan struct{})}
	if e.opts.SubscribeLag == 0 {
		e.subscribe(s, since, until)
	}
	defer e.unsubscribe(s)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	flush(w)
	if e.opts.SubscribeLag > 0 {
		if err := sleep(life, e.opts.SubscribeLag); err != nil {
			return err
		}
		e.subscribe(s, since, until)
	}
	return e.pump(life, w, q.gone, s, until)
}

func (e *Engine) subscribe(s *stream, since, until time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.muted && (!since.IsZero() || !until.IsZero()) {
		for _, ev := range e.past(since, until, s.filter) {
			s.push(ev.line(s.dialect), e.opts.StreamBuffer)
		}
	}
	e.streams[s] = struct{}{}
}

func (e *Engine) unsubscribe(s *stream) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.streams, s)
	close(s.done)
}

// pump writes what is pending, and waits for more, until the stream ends in
// one of many ways. An error makes the end a disorderly one.
func (e *Engine) pump(life chan struct{}, w http.ResponseWriter, gone <-chan struct{}, s *stream, until time.Time) error {
	var over <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(until.Sub(e.clock()))
		defer timer.Stop()
		over = timer.C
	}
	for {
		if _, err := e.enter(gone); err != nil {
			return err
		}
		text, end := e.takePending(s)
		if len(text) > 0 {
			if _, err := w.Write(text); err != nil {
				return errAway
			}
			flush(w)
		}
		switch end {
		case goesOn:
		case orderly:
			return nil
		case broken, midLine:
			return errAway
		}
		select {
		case <-s.wake:
		case <-over:
			e.finish(s, orderly)
		case <-gone:
			return errAway
		case <-life:
			return errAway
		}
	}
}

// finish ends one stream, after what is pending.
func (e *Engine) finish(s *stream, how ending) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s.end = how
	s.ring()
}

func (e *Engine) takePending(s *stream) (text []byte, end ending) {
	e.mu.Lock()
	defer e.mu.Unlock()
	text = bytes.Join(s.pending, nil) // a copy: other streams share the lines
	s.pending = nil
	if s.end == midLine {
		text = append(text, `{"status":"health_status: unhe`...)
	}
	return text, s.end
}

func flush(w http.ResponseWriter) {
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

// eventTime reads seconds, seconds with up to nine digits after the point, or
// RFC 3339; the empty text gives the zero time.
func eventTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	whole, fraction, _ := strings.Cut(text, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, refuse(http.StatusInternalServerError, "%s", err)
	}
	if fraction == "" {
		return time.Unix(sec, 0), nil
	}
	nano, err := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	if err != nil {
		return time.Time{}, refuse(http.StatusInternalServerError, "%s", err)
	}
	return time.Unix(sec, nano), nil
}
