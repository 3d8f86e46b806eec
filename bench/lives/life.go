package lives

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// dockerStop is how long docker stop waits before it kills.
const dockerStop = 10 * time.Second

// live starts the program and kills it: while it starts, at any time, right after
// something has happened that it has to tell or to remember, or in the moment in
// which an alert is in the spool and nothing that follows from that is written.
func (h *host) live(n int) {
	h.fallIll(n)
	c, err := h.start()
	if err != nil {
		h.fail(err)
		return
	}
	switch h.r.IntN(5) {
	case 0:
		h.sleep(200 * time.Millisecond)
	case 1:
		h.sleep(4 * time.Second)
	case 2:
		h.spooled(4 * time.Second)
		h.sleep(8 * time.Millisecond)
	default:
		h.sleep(3 * time.Second)
		select {
		case <-h.moments:
		case <-time.After(time.Second):
		}
		h.sleep([]time.Duration{10 * time.Millisecond, 100 * time.Millisecond}[h.r.IntN(2)])
	}
	if time.Since(time.Unix(0, h.moved.Load())) < 100*time.Millisecond {
		h.near++
	}
	h.finish(c)
}

// finish ends the program.
func (h *host) finish(c *exec.Cmd) {
	begun := time.Now()
	_ = c.Process.Signal(h.trial.Signal) // Wait tells whether it had ended
	late := time.AfterFunc(dockerStop, func() {
		h.fail(fmt.Errorf("the program does not end within %s", dockerStop))
		_ = c.Process.Kill() // it may have ended
	})
	err := c.Wait()
	late.Stop()
	switch killed := h.trial.Signal == syscall.SIGKILL; {
	case killed && (err == nil || c.ProcessState.Exited()):
		h.fail(fmt.Errorf("the program ended by itself: %w\n%s", errors.Join(err, io.EOF), h.log))
	case !killed && err != nil && !terminated(c): // before it can hear of it, it ends by the signal
		h.fail(fmt.Errorf("the program ended badly: %w\n%s", err, h.log))
	}
	h.longest = max(h.longest, time.Since(begun))
	fmt.Fprintf(h.log, "KILLED %s\n", time.Now().Format(time.RFC3339Nano))
}

// terminated tells whether the signal itself ended the program.
func terminated(c *exec.Cmd) bool {
	status, ok := c.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGTERM
}

// sleep waits for a random time.
func (h *host) sleep(most time.Duration) { time.Sleep(time.Duration(h.r.Int64N(int64(most)))) }

// spooled waits until there is one more alert in the spool.
func (h *host) spooled(most time.Duration) {
	before := -1 // not looked yet
	for until := time.Now().Add(most); time.Now().Before(until); time.Sleep(500 * time.Microsecond) {
		alerts, err := filepath.Glob(filepath.Join(h.dir, "spool", "*-msg_*.json"))
		if err != nil || (before >= 0 && len(alerts) > before) {
			return
		}
		before = len(alerts)
	}
}

// last is the life in which all goes well. It ends when there is nothing left to
// tell, after a minute at most.
func (h *host) last() {
	ready := func() int { return strings.Count(h.log.String(), `"message":"ready"`) }
	before := ready()
	c, err := h.start()
	if err != nil {
		h.fail(err)
		return
	}
	h.fates.Wait()
	h.calm()
	for until := time.Now().Add(time.Minute); time.Now().Before(until) && (!h.settled() || ready() == before); {
		time.Sleep(50 * time.Millisecond)
	}
	h.end()
	_ = c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		h.fail(fmt.Errorf("the last program ended badly: %w\n%s", err, h.log))
	}
	left, err := filepath.Glob(filepath.Join(h.dir, "spool", "*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "ledger.json" {
		h.fail(fmt.Errorf("left in the spool: %q, %w", left, errors.Join(err, io.EOF)))
	}
	never := []string{"panic", "put aside", "kept aside", "alert dropped"}
	if h.trial.Signal == syscall.SIGKILL { // who is asked to end may say it
		never = append(never, "are kept for the next start")
	}
	for _, bad := range never {
		if lines := h.log.of(bad); len(lines) > 0 {
			h.fail(fmt.Errorf("the log speaks of it:\n%s", strings.Join(lines, "\n")))
		}
	}
}

// start starts the program.
func (h *host) start() (*exec.Cmd, error) {
	c := h.trial.Command()
	c.Env, c.Stderr = append(c.Env, h.env...), h.log
	_, err := c.StdinPipe() // which ends with this process, or with Wait
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start the program: %w", err)
	}
	return c, nil
}
