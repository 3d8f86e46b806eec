package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"defib/heal"

	"github.com/rs/zerolog"
)

// Limits of one run of the script.
const (
	scriptTimeout = 10 * time.Minute
	// scriptLinger is how long after the script's end its output is awaited: a
	// child in the background may hold it open.
	scriptLinger   = time.Second
	maxOutputLine  = 500 // runes of a line that is logged
	maxOutputLines = 100 // lines of one run that are logged
)

// script runs POST_RESTART_SCRIPT after every attempt to restart, as
// docker-autoheal did, but one at a time.
type script struct {
	command []string // the program and its leading arguments
	timeout time.Duration
	secrets *redactor
	log     zerolog.Logger
}

func (s *script) name() string { return "script" }

// place gives the program only: its arguments may be secret.
func (s *script) place() string { return clean(s.command[0], maxName) }

func (s *script) wants(n heal.Notice) bool {
	return !n.Reminder && (n.Reason == heal.Restarted || n.Reason == heal.RestartFailed)
}

// deliver runs the script once; its failure is final, since it may have done
// half of its work.
func (s *script) deliver(ctx context.Context, m message) error {
	a := m.alerts[0]
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	arguments := append(append([]string(nil), s.command[1:]...), scriptArguments(a.Notice)...)
	command := exec.CommandContext(ctx, s.command[0], arguments...) //nolint:gosec // the user's own program; no shell reads the arguments
	// A group of its own, so that the script's children end with it.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = scriptLinger
	lines := &lineLog{left: maxOutputLines, write: func(line string) {
		s.log.Info().Str("receiver", s.name()).Str("container", clean(a.Notice.Container.Name, maxName)).
			Str("output", s.secrets.show(line, maxOutputLine, len(line) == maxHeld)).Msg("script output")
	}}
	command.Stdout, command.Stderr = lines, lines
	err := command.Run()
	lines.end()
	return s.judge(ctx, err)
}

// scriptArguments gives what docker-autoheal passed: the name with a slash in
// front, 12 digits of the id, the state before the restart, and the time to
// stop in whole seconds.
func scriptArguments(n heal.Notice) []string {
	return []string{
		"/" + n.Container.Name,
		n.Container.ShortID(),
		n.Status.String(),
		strconv.FormatInt(int64(n.StopTimeout/time.Second), 10),
	}
}

// judge gives words for the outcome of a run.
func (s *script) judge(ctx context.Context, err error) error {
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil:
		return nil // the latter: a child in the background goes on
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("run %s: killed after %s", s.place(), inWords(s.timeout))
	case ctx.Err() != nil:
		return fmt.Errorf("run %s: killed by the shutdown", s.place())
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return fmt.Errorf("run %s: %s", s.place(), exit.ProcessState)
	}
	return s.cannotRun(err)
}

// cannotRun explains why the script did not even start. Most often it is a
// shell script, and the image has nothing but defib.
func (s *script) cannotRun(err error) error {
	_, lookErr := exec.LookPath(s.command[0])
	switch {
	case lookErr == nil && errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("run %s: the file exists, but the interpreter that its first line names does not; "+
			"the image of defib has no shell: use a static binary, or build an image that has one (README)", s.place())
	case errors.Is(err, syscall.ENOEXEC):
		return fmt.Errorf("run %s: it is no program for this machine and has no #! line", s.place())
	}
	return fmt.Errorf("run %s: %s", s.place(), s.secrets.show(reason(err), maxSaid, false))
}

// check tells whether the script could be run, without running it.
func (s *script) check() error {
	if _, err := exec.LookPath(s.command[0]); err != nil {
		return fmt.Errorf("look for %s: %s", s.place(), reason(err))
	}
	return nil
}

// reason gives the innermost words of an error of os/exec, which all name the
// program again.
func reason(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// lineLog passes on what is written to it line by line, and no more than left
// lines; the rest is dropped.
type lineLog struct {
	line  []byte
	left  int
	write func(line string)
}

// Write takes output of the script; it never fails, as the script would.
func (l *lineLog) Write(output []byte) (int, error) {
	size := len(output)
	for len(output) > 0 && l.left > 0 {
		line, rest, whole := bytes.Cut(output, []byte("\n"))
		if room := maxHeld - len(l.line); room > 0 {
			l.line = append(l.line, line[:min(len(line), room)]...)
		}
		if whole {
			l.flush()
		}
		output = rest
	}
	return size, nil
}

// end passes on a last line without a line end.
func (l *lineLog) end() {
	if len(l.line) > 0 && l.left > 0 {
		l.flush()
	}
}

func (l *lineLog) flush() {
	l.write(string(l.line))
	l.line = l.line[:0]
	if l.left--; l.left == 0 {
		l.write("(more output is not logged)")
	}
}
