package status

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

// Options is what a Server is made of.
type Options struct {
	Source  Source
	Changes *Changes
	Health  func() Answer
	// Password gives what the page asks for, anew at each request; nil: it
	// asks for none.
	Password func() (string, error)
	// Names are those by which a proxy leads here. Where there is no password, the
	// Server answers to no others that anybody could register.
	Names    []string
	Counters *Counters
	// Tally gives what is remembered, without asking the engine; nil: not known.
	Tally func() Tally
	Log   zerolog.Logger
}

// Server shows a Source over HTTP. Nothing that it serves has an effect, and no
// number of readers costs the watch more than a list of the containers twice a
// second.
type Server struct {
	o       Options
	routes  map[string]func(http.ResponseWriter, *http.Request)
	files   map[string]file
	list    *listing
	guard   *guard // nil: no password
	streams atomic.Int32
	began   time.Time
}

// What one reader may cost.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 30 * time.Second
	maxHeader     = 16 << 10 // bytes
	maxConns      = 128      // of them maxStreams streams; more wait in the kernel
)

// NewServer makes a Server.
func NewServer(o Options) *Server {
	if o.Changes == nil {
		o.Changes = &Changes{}
	}
	if o.Counters == nil {
		o.Counters = &Counters{}
	}
	s := &Server{o: o, files: pageFiles(), list: &listing{source: o.Source, changes: o.Changes}, began: time.Now()}
	if o.Password != nil {
		s.guard = newGuard(o.Password, o.Log)
	}
	s.routes = map[string]func(http.ResponseWriter, *http.Request){
		healthPath:           func(rw http.ResponseWriter, _ *http.Request) { health(rw, s.o.Health()) },
		"/metrics":           s.metrics,
		"/api/v1/engine":     s.engine,
		"/api/v1/containers": s.containers,
		"/api/v1/incidents":  s.incidents,
		incidentPath:         s.incident,
		"/api/v1/receivers":  s.receivers,
		"/api/v1/events":     s.events,
	}
	return s
}

// Handler serves the page, the API, /metrics and /healthz to whoever may see
// them.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !s.sound(rw, r) || !s.rightHost(rw, r) {
			return
		}
		switch met := s.meet(r); {
		case met == friend:
			s.serve(rw, r)
		case met != crowded && r.URL.Path == healthPath:
			a := s.o.Health()
			health(rw, Answer{OK: a.OK})
		default:
			s.turnAway(rw, r, met)
		}
	})
}

// API serves the same to anybody: it is for the control socket, which has one
// owner.
func (s *Server) API() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if s.sound(rw, r) {
			s.serve(rw, r)
		}
	})
}

// sound answers what no handler should see, and sets the headers of all answers.
func (s *Server) sound(rw http.ResponseWriter, r *http.Request) bool {
	h := rw.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "+
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		h.Set("Connection", "close")
		refuse(rw, r, http.StatusMethodNotAllowed, "nothing can be changed here: only GET and HEAD are answered")
	case r.ContentLength != 0 || len(r.TransferEncoding) > 0:
		h.Set("Connection", "close")
		refuse(rw, r, http.StatusRequestEntityTooLarge, "no body is read here: send the request without one")
	default:
		return true
	}
	return false
}

// serve finds what is at a path.
func (s *Server) serve(rw http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if id, found := strings.CutPrefix(path, incidentPrefix); found {
		r.SetPathValue("id", id)
		path = incidentPath
	}
	if handler, known := s.routes[path]; known {
		handler(rw, r)
		return
	}
	if f, known := s.files[path]; known {
		f.serve(rw, r)
		return
	}
	refuse(rw, r, http.StatusNotFound, "there is nothing at this path: the page is at /, the API at /api/v1/engine and so on, the figures for Prometheus at /metrics")
}

// Loopback tells whether only programs of this machine reach an address such as
// "127.0.0.1:9595".
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Listen serves the Handler on an address until ctx is done. An address that
// cannot be listened on is an error that says what to do.
func (s *Server) Listen(ctx context.Context, address string) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for the status page on %s: %w%s", address, err, advice(err))
	}
	s.o.Log.Info().Str("address", l.Addr().String()).Bool("password", s.guard != nil).Msg("the status page is open")
	return s.Serve(ctx, l)
}

// Serve serves the Handler on a listener, which it closes, until ctx is done.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	h := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, DisableGeneralOptionsHandler: true,
		ErrorLog: log.New(s.o.Log, "", 0),
	}
	stop := context.AfterFunc(ctx, func() { _ = h.Close() })
	defer stop()
	if err := h.Serve(&narrow{Listener: l, places: make(chan struct{}, maxConns)}); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the status page on %s: %w", l.Addr(), err)
	}
	return nil
}

// advice says what to do about an address that cannot be listened on.
func advice(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return ": another program has the port; set AUTOHEAL_LISTEN to a free one, or to off"
	case errors.Is(err, syscall.EACCES):
		return ": set AUTOHEAL_LISTEN to a port above 1023, or to off"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return ": this machine, or this container, has no such address; AUTOHEAL_LISTEN=:9595 takes all that it has"
	}
	return ": set AUTOHEAL_LISTEN to an address of this machine, such as 127.0.0.1:9595, or to off"
}

// narrow lets so many connections in at a time: what strangers open costs
// memory.
type narrow struct {
	net.Listener
	places chan struct{}
}

// Accept waits for a place, and for the next connection.
func (n *narrow) Accept() (net.Conn, error) {
	n.places <- struct{}{}
	c, err := n.Listener.Accept()
	if err != nil {
		<-n.places
		return nil, err //nolint:wrapcheck // http.Server looks at it
	}
	return &placed{Conn: c, leave: sync.OnceFunc(func() { <-n.places })}, nil
}

// placed is a connection that has a place.
type placed struct {
	net.Conn
	leave func()
}

// Close gives the place up.
func (p *placed) Close() error {
	defer p.leave()
	return p.Conn.Close()
}
