package status

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	// maxStreams is how many browsers can follow at a time.
	maxStreams = 64
	// streamGap is the least time between two events of a stream.
	streamGap = 500 * time.Millisecond
	// streamBeat is how often a stream says something, for what is between.
	streamBeat = 15 * time.Second
	// streamWrite is how long a reader may take to take what it is sent.
	streamWrite = 10 * time.Second
	// streamLife ends a stream whose reader may be asleep; others come back at
	// once.
	streamLife = time.Hour
)

// events streams which topics have changed, as server-sent events: first all,
// then those that did.
func (s *Server) events(rw http.ResponseWriter, r *http.Request) {
	if _, ok := query(rw, r); !ok {
		return
	}
	if s.streams.Add(1) > maxStreams {
		s.streams.Add(-1)
		rw.Header().Set("Retry-After", "30")
		refuse(rw, r, http.StatusServiceUnavailable, "too many pages follow already: close some, or ask again in a while")
		return
	}
	defer s.streams.Add(-1)
	rw.Header().Set("Content-Type", "text/event-stream")
	rw.Header().Set("X-Accel-Buffering", "no") // nginx would keep events back
	if r.Method == http.MethodHead {
		return
	}
	st := stream{rw, http.NewResponseController(rw)}
	_ = s.follow(r.Context(), st) // its reader has gone
}

// follow feeds a stream until its reader has gone, or its time is over.
func (s *Server) follow(ctx context.Context, st stream) error {
	ctx, cancel := context.WithTimeout(ctx, streamLife)
	defer cancel()
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	seen := map[Topic]uint64{}
	_, next := s.o.Changes.Since(seen)
	err := st.send("retry: 3000\n" + changed(topics()))
	for err == nil {
		if err = rest(ctx, streamGap); err == nil {
			err = st.await(ctx, next, beat.C)
		}
		if err == nil {
			var news []Topic
			news, next = s.o.Changes.Since(seen)
			err = st.send(changed(news))
		}
	}
	return err
}

// changed is the event that says so of some topics.
func changed(some []Topic) string {
	data, _ := json.Marshal(map[string][]Topic{"topics": some})
	return "event: changed\ndata: " + string(data) + "\n\n"
}

// stream is one reader of events.
type stream struct {
	rw http.ResponseWriter
	rc *http.ResponseController
}

// await waits for a change, and lets the reader know that it does.
func (st stream) await(ctx context.Context, next <-chan struct{}, beat <-chan time.Time) error {
	for {
		select {
		case <-next:
			return nil
		case <-ctx.Done():
			return ctx.Err() //nolint:wrapcheck // nobody reads it
		case <-beat:
			if err := st.send(":\n\n"); err != nil {
				return err
			}
		}
	}
}

// send sends text, and fails when the reader does not take it.
func (st stream) send(text string) error {
	_ = st.rc.SetWriteDeadline(time.Now().Add(streamWrite)) // what cannot have one is a test's
	if _, err := io.Copy(st.rw, strings.NewReader(text)); err != nil {
		return err //nolint:wrapcheck // nobody reads it
	}
	return st.rc.Flush() //nolint:wrapcheck // nobody reads it
}

// rest waits for a while.
func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // the caller's own
	}
}
