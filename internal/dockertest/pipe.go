package dockertest

import (
	"context"
	"net"
	"sync"
	"syscall"
)

// Pipe is a listener in memory, over net.Pipe. Give DialContext to the
// client's transport. Unlike a socket it works in a synctest bubble.
type Pipe struct {
	conns chan net.Conn

	mu     sync.Mutex
	closed chan struct{} // closed while nobody listens
}

// NewPipe makes a pipe that listens already.
func NewPipe() *Pipe {
	return &Pipe{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// DialContext connects to the listener; its arguments are ignored. It is
// refused, as by the kernel, while the engine is down.
func (p *Pipe) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	closed := p.listening()
	select {
	case <-closed: // first, so that a late Accept cannot win against a Close
	default:
		select {
		case p.conns <- far:
			return near, nil
		case <-closed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return nil, &net.OpError{Op: "dial", Net: "pipe", Addr: p.Addr(), Err: syscall.ECONNREFUSED}
}

// Accept waits for the next connection.
func (p *Pipe) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.listening():
		return nil, net.ErrClosed
	}
}

// Close refuses further connections.
func (p *Pipe) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

// reopen lets a closed pipe accept again.
func (p *Pipe) reopen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = make(chan struct{})
}

func (p *Pipe) listening() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// Addr gives an address that says what it is.
func (p *Pipe) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "dockertest" }
