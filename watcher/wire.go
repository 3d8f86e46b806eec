package watcher

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// wire sits between Docker's client and the network. It keeps the engine's
// clock, and reads the event stream past the client's decoder, which would end
// the stream on the first bad line and meet it again at each reconnect for as
// long as the engine replays it.
type wire struct {
	base    *http.Transport
	skipped func(err error) // told of each bad line; called from the reader
	skew    atomic.Int64    // engine's clock minus ours, ns, to the second
	opened  atomic.Bool     // an event stream was opened
	server  text            // the Server header, such as "Docker/20.10.24 (linux)"
}

// text is a string that goroutines share.
type text struct{ atomic.Pointer[string] }

// Load gives the string, empty at first.
func (t *text) Load() string {
	if s := t.Pointer.Load(); s != nil {
		return *s
	}
	return ""
}

// RoundTrip does one request; it satisfies http.RoundTripper.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if req.Method == http.MethodPost && gateway(resp.StatusCode) {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("a proxy answered %s", resp.Status)
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		w.skew.Store(int64(time.Until(date)))
	}
	if name := resp.Header.Get("Server"); name != "" && name != w.server.Load() {
		name = cut(name, 100)
		w.server.Store(&name)
	}
	if strings.HasSuffix(req.URL.Path, "/events") && resp.StatusCode == http.StatusOK {
		w.opened.Store(true)
		hear, ok := req.Context().Value(hearerKey{}).(func(event))
		if !ok {
			hear = func(event) {}
		}
		resp.Body = &eventLines{body: resp.Body, in: bufio.NewReaderSize(resp.Body, 4096), hear: hear, skipped: w.skipped}
	}
	passToReader(req, resp)
	return resp, nil
}

// gateway tells the answers of a proxy that lost patience or the engine: what
// was asked may still happen, which the client's errors would not tell.
func gateway(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// maxEvent bounds one event. The engine puts all labels of a container into
// it; the largest seen in the wild are a few hundred KB.
const maxEvent = 4 << 20

// event is what is read of an event.
type event struct {
	Type   string
	Action string
	Actor  struct {
		ID         string
		Attributes map[string]string
	}
	TimeNano int64 `json:"timeNano"`
}

// hearerKey is the context's key of a func(event).
type hearerKey struct{}

// withHearer has the events of the stream that is opened with a context handed
// to hear, by the goroutine that reads them, until the stream's error comes. The
// client hears none.
func withHearer(ctx context.Context, hear func(event)) context.Context {
	return context.WithValue(ctx, hearerKey{}, hear)
}

// eventLines is the body of an event stream. A Read hands over its events, and
// returns at its end only.
type eventLines struct {
	body    io.ReadCloser
	in      *bufio.Reader
	hear    func(event)
	skipped func(error)
}

// Read satisfies io.Reader; it gives no bytes.
func (e *eventLines) Read([]byte) (int, error) {
	for {
		line, err := e.next()
		if err != nil {
			return 0, err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue // a proxy keeps its idle timer quiet
		}
		var m event
		if err := json.Unmarshal(line, &m); err != nil {
			e.skipped(fmt.Errorf("it is %.80q: %w", line, err))
			continue
		}
		e.hear(m)
	}
}

// Close ends the stream; it satisfies io.Closer.
func (e *eventLines) Close() error { return e.body.Close() }

// next reads one line. One that is too long is read to its end and dropped,
// one that the stream's end cuts is an unexpected end.
func (e *eventLines) next() ([]byte, error) {
	var line []byte
	size := 0
	for {
		part, err := e.in.ReadSlice('\n')
		size += len(part)
		if size <= maxEvent {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && size > 0 && errors.Is(err, io.EOF):
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		case size > maxEvent:
			e.skipped(fmt.Errorf("it is %d bytes long; at most %d are read", size, maxEvent))
			line, size = nil, 0
		default:
			return line, nil
		}
	}
}
