package dockertest

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// signal delivers sig to the process of c and makes the kill event. The stop
// signal ends the process after StopTakes, SIGKILL at once, any other signal
// changes nothing (fact 1.5). Called with the lock held.
func (e *Engine) signal(c *container, sig int) {
	ends := sig == c.stopSignal() || sig == sigKill
	// Docker's oddity: without a stop signal of its own a container is taken to
	// end on any signal, be it a mere HUP.
	taken := ends || c.spec.StopSignal == ""
	if taken {
		c.policyOff = true
	}
	if !e.shutting {
		c.manualStop = true
	}
	if c.restarting { // there is no process; the wait for the next run is over
		e.endWait(c)
		return
	}
	if !e.opts.Podman {
		e.emit(c, "kill", map[string]string{"signal": strconv.Itoa(sig)})
	}
	if sig == sigKill {
		e.exit(c, 128+sigKill)
		return
	}
	if c.paused && taken { // a frozen process could not act on the signal
		c.paused = false
		e.armProbe(c)
		e.emit(c, "unpause", nil)
	}
	if ends {
		e.endAfter(c, c.spec.StopTakes, c.spec.StopExitCode)
	}
}

// endAfter lets the process of c end after d. A process that is on its way out
// already is not made to hurry or to dawdle by a second signal.
func (e *Engine) endAfter(c *container, d time.Duration, code int) {
	if d <= 0 {
		e.exit(c, code)
		return
	}
	if c.ending != nil {
		return
	}
	run := c.starts
	c.ending = e.after(d, func() {
		if c.starts == run && c.running {
			e.exit(c, code)
		}
	})
}

// exit is the end of a run: state, events, restart policy. Probes stop here
// and not at the stop signal (fact 1.6). Called with the lock held.
func (e *Engine) exit(c *container, code int) {
	c.stopAlarms()
	ran := time.Since(c.startedAt)
	c.exitCode, c.finishedAt = code, time.Now()
	c.paused = false
	again := !c.policyOff && c.wantsRestart()
	c.running, c.restarting = again, again
	exited := c.exited
	c.exited = make(chan struct{})
	stops := c.stopping
	c.stopping = 0
	e.tellExit(c, stops)
	close(exited)
	if again {
		e.planRestart(c, ran)
	} else if c.spec.AutoRemove && !c.manualRestart {
		e.forget(c)
	}
	c.manualRestart = false
	e.exitSharers(c)
}

// tellExit makes die, and a stop for every call that waited for it: before die
// on engine 29, after it on older ones (fact 4.2).
func (e *Engine) tellExit(c *container, stops int) {
	if e.opts.Podman {
		e.emit(c, "die", map[string]string{"containerExitCode": strconv.Itoa(c.exitCode)})
		e.emit(c, "cleanup", nil)
		return
	}
	if e.major < 29 {
		e.emit(c, "die", exitAttributes(c, e.major))
	}
	for range stops {
		e.emit(c, "stop", nil)
	}
	if e.major >= 29 {
		e.emit(c, "die", exitAttributes(c, e.major))
	}
}

// endWait ends the wait for a restart by policy; there is no die event, since
// nothing ran.
func (e *Engine) endWait(c *container) {
	c.cancelPolicy()
	c.running, c.restarting = false, false
	for range c.stopping {
		e.emit(c, "stop", nil)
	}
	c.stopping = 0
	close(c.exited)
	c.exited = make(chan struct{})
}

// exitSharers kills those who live in c's PID namespace: its end takes them
// along (fact 5.5).
func (e *Engine) exitSharers(c *container) {
	if !e.sharing {
		return
	}
	for _, other := range slices.Clone(e.all) { // an exit may remove a container
		if other.spec.PidMode == "container:"+c.id && other.running && !other.restarting {
			e.exit(other, 128+sigKill)
		}
	}
}

// wantsRestart asks the restart policy about the last exit.
func (c *container) wantsRestart() bool {
	policy, limit, _ := strings.Cut(c.spec.RestartPolicy, ":")
	switch policy {
	case "always":
		return true
	case "unless-stopped":
		return !c.manualStop
	case "on-failure":
		most, _ := strconv.Atoi(limit) // no number: no limit
		return c.exitCode != 0 && (most == 0 || c.policyCount < most)
	}
	return false
}

// Bounds of the back-off between restarts by policy, and the length of a run
// that resets it (fact 4.9).
const (
	firstBackOff = 100 * time.Millisecond
	lastBackOff  = time.Minute
	goodRun      = 10 * time.Second
)

// planRestart starts c again after the policy's back-off; ran is how long it
// had run.
func (e *Engine) planRestart(c *container, ran time.Duration) {
	if ran >= goodRun {
		c.backOff = 0
	}
	c.backOff = min(max(firstBackOff, 2*c.backOff), lastBackOff)
	c.policyCount++
	c.nextStart = e.after(c.backOff, func() {
		if !c.restarting {
			return
		}
		life := e.life
		e.handlers.Go(func() { _ = e.start(life, c, false) }) // its failure is kept in the container
	})
}
