// Package rig runs a built defib as a process of its own, between a simulated
// engine and a receiver of alerts that live in this process. What is measured
// and what is tried on defib stands on it: bench and bench/faults.
package rig

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"

	"defib/internal/dockertest"
)

// Host is an engine behind a unix socket, a receiver and a folder for what
// defib remembers. It outlives the processes that are started on it.
type Host struct {
	Engine *dockertest.Engine
	Inbox  *Inbox

	dir  string
	sent *atomic.Int64
}

// NewHost makes a host whose engine has no containers. It is to be closed.
func NewHost(o dockertest.Options) (*Host, error) {
	dir, err := os.MkdirTemp("", "defib-bench-") // short: a socket's path has 107 bytes at most
	if err != nil {
		return nil, fmt.Errorf("make a folder for a host: %w", err)
	}
	h := &Host{Engine: dockertest.New(o), dir: dir, sent: new(atomic.Int64)}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: h.Socket(), Net: "unix"})
	if err == nil {
		l.SetUnlinkOnClose(false) // a killed engine leaves its socket
		h.Inbox, err = newInbox()
	}
	if err != nil {
		h.Close()
		return nil, fmt.Errorf("listen for a host: %w", err)
	}
	h.Engine.Serve(counted{l, h.sent})
	return h, nil
}

// Socket is the path of the engine's socket.
func (h *Host) Socket() string { return filepath.Join(h.dir, "docker.sock") }

// Endpoint is where the engine answers, as in DOCKER_HOST.
func (h *Host) Endpoint() string { return "unix://" + h.Socket() }

// StateDir is the folder of what defib remembers.
func (h *Host) StateDir() string { return h.dir }

// Sent is how many bytes the engine has answered with so far.
func (h *Host) Sent() int64 { return h.sent.Load() }

// Close ends the engine and the receiver, and removes the folder.
func (h *Host) Close() {
	h.Engine.Close()
	if h.Inbox != nil {
		h.Inbox.close()
	}
	_ = os.RemoveAll(h.dir) // it is in the folder for what may be lost
}

// counted is a listener that counts what is written to its connections.
type counted struct {
	net.Listener
	sent *atomic.Int64
}

func (l counted) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // the server looks at what it is
	}
	return countedConn{c, l.sent}, nil
}

type countedConn struct {
	net.Conn
	sent *atomic.Int64
}

func (c countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.sent.Add(int64(n))
	return n, err //nolint:wrapcheck // it is the connection's own
}
