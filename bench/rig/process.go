package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// shipped finds the flags of go build in a Dockerfile, but for the linker's.
var shipped = regexp.MustCompile(`(?s) go build (.*?)-ldflags`)

// Build makes a static defib of the source in a folder, with the flags of its
// Dockerfile, since what is measured is what is shipped. It gives the path of the
// program, which lies in the folder out. Flags are further ones of go build.
func Build(ctx context.Context, source, out string, flags ...string) (string, error) {
	dockerfile, err := os.ReadFile(filepath.Join(source, "Dockerfile"))
	if err != nil {
		return "", fmt.Errorf("read how defib is built: %w", err)
	}
	found := shipped.FindSubmatch(dockerfile)
	if found == nil {
		return "", fmt.Errorf("read how defib is built: there is no go build with -ldflags in the Dockerfile of %s", source)
	}
	args := append([]string{"build"}, strings.Fields(strings.ReplaceAll(string(found[1]), "\\\n", " "))...)
	program := filepath.Join(out, "defib")
	c := exec.CommandContext(ctx, "go", slices.Concat(args, []string{"-ldflags", "-s -w"}, flags, []string{"-o", program, "."})...) //nolint:gosec // the caller's own folder
	c.Dir = source
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build defib in %s: %w\n%s", source, err, said)
	}
	return program, nil
}

// Process is a running defib, or what it is compared with.
type Process struct {
	cmd   *exec.Cmd
	log   *Log
	ended chan struct{} // closed when it has ended and err is set
	err   error
}

// Start starts defib on the host. Its environment is nothing but the host's
// endpoint, folder and receiver, and env, which wins.
func (h *Host) Start(program string, env ...string) (*Process, error) {
	c := exec.Command(program) //nolint:noctx // Stop and Kill end it
	c.Env = append([]string{
		"DOCKER_HOST=" + h.Endpoint(), "AUTOHEAL_STATE_DIR=" + h.StateDir(), "AUTOHEAL_ALERT_URLS=" + h.Inbox.URL(),
		"AUTOHEAL_HOST_NAME=box", "AUTOHEAL_LISTEN=off", "LOG_FORMAT=json", "PATH=" + os.Getenv("PATH"),
	}, env...)
	return Run(c)
}

// Run starts a command, which ends with this process at the latest.
func Run(c *exec.Cmd) (*Process, error) {
	p := &Process{cmd: c, log: &Log{}, ended: make(chan struct{})}
	c.Stdout, c.Stderr = p.log, p.log
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	go func() {
		p.err = c.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Log is what it has logged so far.
func (p *Process) Log() *Log { return p.log }

// Ended is closed when it has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// AwaitReady waits until it watches.
func (p *Process) AwaitReady(ctx context.Context) error { return p.AwaitLine(ctx, `"message":"ready"`) }

// AwaitLine waits until a text was logged.
func (p *Process) AwaitLine(ctx context.Context, text string) error {
	for !strings.Contains(p.log.String(), text) {
		select {
		case <-p.ended:
			return fmt.Errorf("wait for %s: defib has ended: %w\n%s", text, errors.Join(p.err, io.EOF), p.log.End())
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w\n%s", text, ctx.Err(), p.log.End())
		case <-time.After(200 * time.Microsecond):
		}
	}
	return nil
}

// Stop ends it as docker stop does, and gives what it used in its life.
func (p *Process) Stop() (Usage, error) {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return Usage{}, fmt.Errorf("stop defib: %w", err)
	}
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		p.Kill()
		return Usage{}, fmt.Errorf("stop defib: it does not end\n%s", p.log.End())
	}
	if p.err != nil {
		return Usage{}, fmt.Errorf("stop defib: %w\n%s", p.err, p.log.End())
	}
	return used(p.cmd.ProcessState), nil
}

// Kill ends it as a crash does, and waits for its end.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// Log is a growing text. It is used by several goroutines.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds to it.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is all of it.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// End is the last of it, for an error.
func (l *Log) End() string {
	text := l.String()
	return text[max(0, len(text)-2000):]
}
