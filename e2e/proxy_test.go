package e2e

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// proxy stands between defib and an engine, as socket proxies do.
type proxy struct {
	mount []string // for the container that shall use it

	mu       sync.Mutex
	rules    rules
	streams  map[*http.Request]context.CancelFunc // the open streams of events
	opened   int                                  // streams of events so far
	requests []string                             // method and path of each
}

// rules are what a proxy does to those who use it. They can change.
type rules struct {
	readOnly   bool // refuses everything that changes something
	noEvents   bool // cuts the streams of events, and lets none be opened
	muteEvents bool // opens streams that never tell anything
	// allows says what is let through; nil: all.
	allows func(r *http.Request) bool
}

// startProxy puts a proxy in front of an engine.
func startProxy(t *testing.T, e engine, r rules) *proxy {
	t.Helper()
	p := newProxy(t, r)
	p.listen(t, e)
	return p
}

// newProxy is a proxy that does not answer yet.
func newProxy(t *testing.T, r rules) *proxy {
	t.Helper()
	folder, err := os.MkdirTemp("", "defib-e2e-") // a test's own would have too long a name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return &proxy{
		mount:   []string{"-v", folder + ":/engine", "-e", "DOCKER_HOST=unix:///engine/docker.sock"},
		rules:   r,
		streams: map[*http.Request]context.CancelFunc{},
	}
}

func (p *proxy) folder() string { return strings.TrimSuffix(p.mount[1], ":/engine") }

func (p *proxy) listen(t *testing.T, e engine) {
	t.Helper()
	path := filepath.Join(p.folder(), "docker.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil { // for defib as any user
		t.Fatal(err)
	}
	var dialer net.Dialer
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	forward.FlushInterval = -1
	forward.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "unix", e.socket)
	}}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(forward, w, r) })}
	go server.Serve(listener) //nolint:errcheck // it ends with the test
	t.Cleanup(func() { _ = server.Close() })
}

func (p *proxy) serve(forward http.Handler, w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests = append(p.requests, r.Method+" "+r.URL.Path)
	rules := p.rules
	p.mu.Unlock()
	switch {
	case rules.readOnly && r.Method != http.MethodGet && r.Method != http.MethodHead, rules.allows != nil && !rules.allows(r):
		// As HAProxy has it.
		http.Error(w, "<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>", http.StatusForbidden)
	case strings.HasSuffix(r.URL.Path, "/events"):
		p.serveEvents(forward, w, r)
	default:
		forward.ServeHTTP(w, r)
	}
}

// serveEvents forwards a stream until it is cut. A cut connection looks like
// the engine's own end: unexpected EOF.
func (p *proxy) serveEvents(forward http.Handler, w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	p.mu.Lock()
	rules := p.rules
	if rules.noEvents {
		p.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	p.opened++
	p.streams[r] = cancel
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.streams, r)
		p.mu.Unlock()
	}()
	if rules.muteEvents {
		w.Header().Set("Content-Type", "application/json")
		_ = http.NewResponseController(w).Flush() // fails if the client has gone
		<-ctx.Done()
		panic(http.ErrAbortHandler)
	}
	forward.ServeHTTP(w, r.WithContext(ctx))
}

// set changes the rules and cuts the streams that were opened under the old ones.
func (p *proxy) set(r rules) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = r
	for _, cancel := range p.streams {
		cancel()
	}
}

// following tells whether somebody follows the events.
func (p *proxy) following() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.streams) > 0
}

// asked counts the requests with a method and an end of the path.
func (p *proxy) asked(method, end string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, r := range p.requests {
		if strings.HasPrefix(r, method+" ") && strings.HasSuffix(r, end) {
			n++
		}
	}
	return n
}
