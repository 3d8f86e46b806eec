package status

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// How wrong passwords are slowed down, and told of.
const (
	wrongDelay = time.Second
	maxDelayed = 16 // wrong tries that are kept waiting at a time; others are told to come back
	wrongQuiet = time.Minute
)

// meeting is who stands at the door.
type meeting uint8

const (
	friend   meeting = iota // may see everything
	stranger                // has shown no password
	wrong                   // has shown another one
	crowded                 // has shown another one, like many at the moment
	locked                  // the password cannot be read: nobody can be let in
)

// guard asks for a password.
type guard struct {
	password func() (string, error)
	log      zerolog.Logger
	delayed  chan struct{} // holds one for each wrong try that is kept waiting

	mu     sync.Mutex
	told   time.Time // when wrong tries were last logged
	untold int       // tries since then
	locked bool      // it was logged that the password cannot be read
}

func newGuard(password func() (string, error), log zerolog.Logger) *guard {
	return &guard{password: password, log: log, delayed: make(chan struct{}, maxDelayed)}
}

// meet tells who asks. It keeps a wrong password waiting, and never the right
// one: so guessing is told apart by its silence, and what keeps it hopeless is
// the length of the password.
func (s *Server) meet(r *http.Request) meeting {
	if s.guard == nil {
		return friend
	}
	return s.guard.meet(r)
}

func (g *guard) meet(r *http.Request) meeting {
	want, ok := g.read()
	_, got, shown := r.BasicAuth()
	switch {
	case !ok:
		return locked
	case !shown:
		return stranger
	case same(got, want):
		return friend
	}
	g.note(r.RemoteAddr)
	select {
	case g.delayed <- struct{}{}:
	default:
		return crowded
	}
	time.Sleep(wrongDelay) // also where the asker has hung up: its place is taken
	<-g.delayed
	return wrong
}

// same compares in a time that tells nothing.
func same(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// read gives the password of now.
func (g *guard) read() (string, bool) {
	want, err := g.password()
	g.mu.Lock()
	defer g.mu.Unlock()
	locked := err != nil || want == ""
	if locked && !g.locked {
		g.log.Error().Err(err).Msg("the password of the status page cannot be read: nobody is let in until it can")
	}
	g.locked = locked
	return want, !locked
}

// note logs wrong tries, once a minute.
func (g *guard) note(remote string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.untold++
	if now := time.Now(); g.told.IsZero() || now.Sub(g.told) >= wrongQuiet {
		g.log.Warn().Str("remote", remote).Int("tries", g.untold).Msg("a wrong password for the status page")
		g.told, g.untold = now, 0
	}
}

// turnAway answers whoever may not see what was asked for.
func (s *Server) turnAway(rw http.ResponseWriter, r *http.Request, met meeting) {
	switch met {
	case crowded:
		rw.Header().Set("Retry-After", "2")
		rw.Header().Set("Connection", "close")
		refuse(rw, r, http.StatusTooManyRequests, "too many wrong passwords at the moment: try again in a while")
	case locked:
		rw.Header().Set("Retry-After", "10")
		refuse(rw, r, http.StatusServiceUnavailable, "the file that AUTOHEAL_LISTEN_PASSWORD_FILE names cannot be read, so that nobody is let in: "+
			"put it right; defib reads it again at each request")
	default:
		rw.Header().Set("WWW-Authenticate", `Basic realm="defib", charset="UTF-8"`)
		refuse(rw, r, http.StatusUnauthorized, "a password is needed: that of AUTOHEAL_LISTEN_PASSWORD, with any user name")
	}
}

// rightHost answers whoever was led here by a name that anybody could have
// registered: a foreign web page may have its own name point here, and read what
// it likes. Where there is a password that is no use to it.
func (s *Server) rightHost(rw http.ResponseWriter, r *http.Request) bool {
	if s.guard != nil || s.own(r.Host) {
		return true
	}
	refuse(rw, r, http.StatusMisdirectedRequest, "without a password defib does not answer to this name, since any web page could have one lead here: "+
		"use http://localhost or an IP address, name it in AUTOHEAL_LISTEN_NAMES, or set AUTOHEAL_LISTEN_PASSWORD")
	return false
}

// own tells whether a Host header is an IP address, a name of this machine, one
// that was set, or one without a dot: such as Compose gives to services, and
// nobody can register.
func (s *Server) own(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "localhost.localdomain" || strings.HasSuffix(name, ".localhost") || name != "" && !strings.Contains(name, ".") {
		return true
	}
	if slices.ContainsFunc(s.o.Names, func(n string) bool { return strings.EqualFold(n, name) }) {
		return true
	}
	return net.ParseIP(strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")) != nil
}
