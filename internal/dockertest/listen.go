package dockertest

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

// endpoint is one listener, which can be closed and opened again as the engine
// goes down and comes up.
type endpoint struct {
	listener net.Listener
	server   *http.Server
}

// Serve answers the API on l until Close. It returns at once. Down closes the
// listener and Up opens it again at the same address.
func (e *Engine) Serve(l net.Listener) {
	ep := &endpoint{listener: l}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		_ = l.Close()
		return
	}
	e.endpoints = append(e.endpoints, ep)
	if e.away {
		ep.close()
		return
	}
	e.answer(ep)
}

// answer starts a server for the endpoint. Called with the lock held.
func (e *Engine) answer(ep *endpoint) {
	server := &http.Server{
		Handler:           http.HandlerFunc(e.serve),
		ErrorLog:          log.New(io.Discard, "", 0), // broken connections are what it is for
		ReadHeaderTimeout: time.Minute,
	}
	ep.server = server
	l := ep.listener
	e.handlers.Go(func() { _ = server.Serve(l) }) // always ErrServerClosed
}

// close refuses new connections and breaks the open ones.
func (ep *endpoint) close() {
	if u, ok := ep.listener.(*net.UnixListener); ok {
		// The file stays, so that clients see "connection refused" as from a
		// killed engine, not "no such file".
		u.SetUnlinkOnClose(false)
	}
	if ep.server != nil {
		_ = ep.server.Close()
	}
	_ = ep.listener.Close()
}

// reopen listens again at the old address.
func (ep *endpoint) reopen() error {
	if pipe, ok := ep.listener.(*Pipe); ok {
		pipe.reopen()
		return nil
	}
	addr := ep.listener.Addr()
	if addr.Network() == "unix" {
		_ = os.Remove(addr.String()) // left behind by close
	}
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), addr.Network(), addr.String())
	if err != nil {
		return fmt.Errorf("listen again on %s: %w", addr, err)
	}
	ep.listener = l
	return nil
}
