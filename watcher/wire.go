package watcher

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// wire sits between Docker's client and the network. It keeps the engine's
// clock, and keeps bad lines of the event stream from the client's decoder,
// which would end the stream on the first one and meet it again at each
// reconnect for as long as the engine replays it.
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
		resp.Body = &eventLines{body: resp.Body, in: bufio.NewReaderSize(resp.Body, 4096), skipped: w.skipped}
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

// eventLines passes on whole lines that the client can decode, and nothing else.
type eventLines struct {
	body    io.ReadCloser
	in      *bufio.Reader
	line    []byte // what is left to hand out of the current line
	skipped func(error)
}

// Read hands out the good lines; it satisfies io.Reader.
func (e *eventLines) Read(p []byte) (int, error) {
	for len(e.line) == 0 {
		line, err := e.next()
		if err != nil {
			return 0, err
		}
		if bad := check(line); bad != nil {
			e.skipped(bad)
			continue
		}
		e.line = line
	}
	n := copy(p, e.line)
	e.line = e.line[n:]
	return n, nil
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

// check tells what is wrong with a line. Blank lines keep a proxy's idle
// timer quiet and are no events.
func check(line []byte) error {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return nil
	}
	if err := decodable(line); err != nil {
		return fmt.Errorf("it is %.80q: %w", line, err)
	}
	return nil
}
