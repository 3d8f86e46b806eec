package notify

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"defib/heal"

	"github.com/rs/zerolog"
)

// pipes is a listener in memory: sockets hang in a synctest bubble.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.once.Do(func() { close(p.done) }); return nil }

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.done:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serve runs a real HTTP server on pipes and gives a transport to it, whatever
// the host.
func serve(t *testing.T, handle http.HandlerFunc) *http.Transport {
	t.Helper()
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: handle}
	served := make(chan struct{})
	go func() { _ = server.Serve(p); close(served) }()
	transport := newTransport()
	transport.Proxy = nil
	transport.DialContext = p.dial
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
		<-served
	})
	return transport
}

// output is a log that can be read while it is written.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func newLog() (*output, zerolog.Logger) {
	o := &output{}
	return o, zerolog.New(o).Level(zerolog.TraceLevel)
}

// fake is a receiver that a test drives.
type fake struct {
	mu    sync.Mutex
	did   func(ctx context.Context, a alert) error
	tried []string // the incidents of all attempts
	at    []time.Time
}

func (f *fake) name() string           { return "fake" }
func (f *fake) place() string          { return "example.org" }
func (f *fake) pace() time.Duration    { return 0 }
func (f *fake) wants(heal.Notice) bool { return true }

func (f *fake) deliver(ctx context.Context, m message) error {
	a := m.alerts[0]
	f.mu.Lock()
	f.tried = append(f.tried, a.Notice.Incident)
	f.at = append(f.at, time.Now())
	f.mu.Unlock()
	if f.did == nil {
		return nil
	}
	return f.did(ctx, a)
}

func (f *fake) attempts() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.tried...)
}

// all is the longest back-off, none the shortest.
func all(n int64) int64 { return n - 1 }
func none(int64) int64  { return 0 }

// start runs a notifier and gives what stops it and waits for its end.
func start(t *testing.T, n *Notifier) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		if err := n.Run(ctx); err != nil {
			t.Errorf("Run gave %v", err)
		}
		close(ended)
	}()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return stop
}

func mustNew(t *testing.T, o Options, log zerolog.Logger) *Notifier {
	t.Helper()
	n, err := New(o, log)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// say gives the message for a notice.
func say(n heal.Notice) message { return tell(alert{Notice: n}, n.At) }

// unhealthy is the notice of a restart.
func unhealthy() heal.Notice {
	at := time.Date(2026, 11, 22, 18, 2, 13, 0, time.UTC)
	return heal.Notice{
		Reason: heal.Restarted,
		Container: heal.Container{
			ID:   "4f5e6a7b8c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091",
			Name: "shop-web-1", Image: "shop/web:1.4", Project: "shop", Service: "web",
		},
		Incident: "web-1764000000", At: at, Since: at.Add(-12 * time.Second),
		Attempt: 1, Budget: 5, Took: 1200 * time.Millisecond,
		Probe: heal.Probe{
			Start: at.Add(-time.Second), ExitCode: 7,
			Output: "curl: (7) Failed to connect to localhost port 80 after 0 ms: Connection refused\n",
		},
		Status: heal.StatusRunning, StopTimeout: 10 * time.Second,
	}
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}
