package status

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"defib/internal/dockertest"
)

// reader follows the events of a server.
type reader struct {
	code   int
	header http.Header
	lines  chan string // closed at the end of the stream
	close  func()
}

// follow opens a stream.
func follow(t *testing.T, pipe *dockertest.Pipe) *reader {
	t.Helper()
	tr := &http.Transport{DialContext: pipe.DialContext}
	ctx, cancel := context.WithCancel(t.Context())
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://x/api/v1/events", nil)
	resp, err := tr.RoundTrip(r) //nolint:bodyclose // below, at its end
	if err != nil {
		t.Fatal(err)
	}
	f := &reader{code: resp.StatusCode, header: resp.Header, lines: make(chan string, 10000), close: func() { cancel(); tr.CloseIdleConnections() }}
	t.Cleanup(f.close)
	go func() {
		defer close(f.lines)
		defer resp.Body.Close() //nolint:errcheck // only read from
		in := bufio.NewScanner(resp.Body)
		for in.Scan() {
			f.lines <- in.Text()
		}
	}()
	return f
}

// heard gives what has come, without the empty lines.
func (f *reader) heard() string {
	var all []string
	for {
		select {
		case line, open := <-f.lines:
			switch {
			case !open:
				return strings.Join(append(all, "END"), "|")
			case line != "":
				all = append(all, line)
			}
		default:
			return strings.Join(all, "|")
		}
	}
}

const everything = `{"topics":["engine","containers","incidents","receivers"]}`

// TestEvents: all at first, then what changed, at once where it was quiet
// before, else twice a second; a sign of life every 15 s; an end after an hour.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(fullStage())
		o.Changes.Note(TopicReceivers) // long ago
		pipe, _ := servePipe(t, NewServer(o))
		f := follow(t, pipe)
		if f.code != http.StatusOK || f.header.Get("Content-Type") != "text/event-stream" || hardened(f.header) != nil {
			t.Errorf("%d %v", f.code, f.header)
		}
		hears := func(after time.Duration, want string) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if got := f.heard(); got != want {
				t.Errorf("heard %q; want %q", got, want)
			}
		}
		event := func(topics string) string { return `event: changed|data: {"topics":[` + topics + `]}` }
		hears(0, "retry: 3000|event: changed|data: "+everything)
		hears(5*time.Second, "")
		o.Changes.Note(TopicIncidents)
		hears(0, event(`"incidents"`))
		for range 40 { // for 400 ms
			o.Changes.Note(TopicContainers)
			o.Changes.Note(TopicEngine)
			time.Sleep(10 * time.Millisecond)
		}
		hears(0, "")
		hears(100*time.Millisecond, event(`"engine","containers"`))
		hears(9*time.Second, "")
		hears(500*time.Millisecond, ":")
		hears(15*time.Second, ":")
		for range 1000 { // for 100 s: no more than two a second
			o.Changes.Note(TopicContainers)
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		if n := strings.Count(f.heard(), "changed"); n < 190 || n > 201 {
			t.Errorf("%d events in 100 s", n)
		}
		time.Sleep(streamLife)
		synctest.Wait()
		if got := f.heard(); !strings.HasSuffix(got, ":|END") {
			t.Errorf("after an hour: %.100q", got)
		}
	})
}

// TestStreamsAreBounded: 64, and a place is free when one ends.
func TestStreamsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(fullStage())
		s := NewServer(o)
		pipe, stop := servePipe(t, s)
		var all []*reader
		for range maxStreams {
			f := follow(t, pipe)
			if f.code != http.StatusOK {
				t.Fatalf("stream %d: %d", len(all), f.code)
			}
			all = append(all, f)
		}
		f := follow(t, pipe)
		synctest.Wait()
		if got := f.heard(); f.code != http.StatusServiceUnavailable || f.header.Get("Retry-After") == "" || !strings.Contains(got, `{"error":"too many pages`) || hardened(f.header) != nil {
			t.Errorf("one more: %d %v %s", f.code, f.header, got)
		}
		if got := ask(s.Handler(), "HEAD", "/api/v1/events"); got.Code == http.StatusOK {
			t.Error("HEAD tells another story")
		}
		all[7].close()
		synctest.Wait()
		if f := follow(t, pipe); f.code != http.StatusOK {
			t.Errorf("after one left: %d", f.code)
		}
		o.Changes.Note(TopicEngine)
		time.Sleep(time.Second)
		synctest.Wait()
		for i, f := range all {
			if got := f.heard(); i != 7 && !strings.HasSuffix(got, `{"topics":["engine"]}`) {
				t.Errorf("stream %d: %s", i, got)
			}
		}
		begun := time.Now()
		stop()
		synctest.Wait()
		if n := s.streams.Load(); n != 0 || time.Since(begun) != 0 {
			t.Errorf("%d streams outlive the server, which ended after %s", n, time.Since(begun))
		}
	})
}

// TestReaderStops: one who does not read is dropped, and delays nobody.
func TestReaderStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(fullStage())
		s := NewServer(o)
		pipe, _ := servePipe(t, s)
		var stuck []net.Conn
		for range 10 {
			c, err := pipe.DialContext(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			stuck = append(stuck, c)
			if _, err := io.WriteString(c, "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
		}
		f := follow(t, pipe)
		for i := range 8 {
			time.Sleep(time.Second)
			o.Changes.Note(TopicEngine)
			synctest.Wait()
			if got := f.heard(); !strings.HasSuffix(got, `{"topics":["engine"]}`) {
				t.Errorf("after %d s: %q", i, got)
			}
		}
		if n := s.streams.Load(); n != 11 {
			t.Errorf("%d streams", n)
		}
		time.Sleep(streamWrite - 7*time.Second)
		synctest.Wait()
		if n := s.streams.Load(); n != 1 {
			t.Errorf("%d streams; want one: the others do not read", n)
		}
		for _, c := range stuck {
			if n, err := io.Copy(io.Discard, c); err != nil {
				t.Errorf("%d bytes, %v: the connection stays", n, err)
			}
		}
	})
}

// TestEventsOverTheWire: the server's own time limits do not end a stream.
func TestEventsOverTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe, _ := servePipe(t, NewServer(options(fullStage())))
		c, err := pipe.DialContext(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close() //nolint:errcheck // only read from
		go func() { _, _ = io.WriteString(c, "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n") }()
		begun, beats := time.Now(), 0
		in := bufio.NewScanner(c)
		for time.Since(begun) < 10*time.Minute && in.Scan() {
			if in.Text() == ":" {
				beats++
			}
		}
		if took := time.Since(begun); took < 10*time.Minute || beats < 39 {
			t.Errorf("it ended after %s with %d signs of life: %v", took, beats, in.Err())
		}
	})
}

// TestSlowEngineOverTheWire: nor do they end a list that takes long, those of the
// control socket included.
func TestSlowEngineOverTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fullStage()
		s.list = func(ctx context.Context) ([]Container, error) {
			select {
			case <-time.After(engineTimeout - time.Second):
				return crowd(1000), nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		pipe := dockertest.NewPipe()
		h := http.Server{Handler: NewServer(options(s)).API(), ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
		go func() { _ = h.Serve(pipe) }()
		defer h.Close() //nolint:errcheck // nobody is connected
		if code, text := fetch(t, pipe, "/api/v1/containers"); code != http.StatusOK || len(text) < 400000 {
			t.Errorf("%d, %d bytes", code, len(text))
		}
	})
}
