package dockertest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// start starts c, whatever it was: created, exited or waiting for its restart
// policy. A running container is left as it is (fact 4.4). byHand is false for
// the restart policy, whose back-off a start by hand resets (fact 4.9).
func (e *Engine) start(life chan struct{}, c *container, byHand bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for c.starting != nil { // one start at a time, the others wait and find it running
		if err := e.unlocked(life, c.starting); err != nil {
			return err
		}
	}
	if e.life != life {
		return errAway
	}
	if c.running && !c.restarting {
		return nil
	}
	if byHand {
		c.policyCount, c.backOff = 0, 0
		c.cancelPolicy()
	}
	if err := e.dwell(life, c); err != nil {
		return err
	}
	if err := e.startable(c); err != nil {
		c.failure = err.Error()
		if c.exitCode == 0 {
			c.exitCode = 128
		}
		c.running, c.restarting = false, false
		return err
	}
	e.begin(c)
	return nil
}

// unlocked waits for ch without the lock.
func (e *Engine) unlocked(life chan struct{}, ch <-chan struct{}) error {
	e.mu.Unlock()
	defer e.mu.Lock()
	select {
	case <-ch:
		return nil
	case <-life:
		return errAway
	}
}

// dwell spends what the start of c takes. Called, and left, with the lock held.
func (e *Engine) dwell(life chan struct{}, c *container) error {
	takes := c.spec.StartTakes
	if takes <= 0 {
		return nil
	}
	done := make(chan struct{})
	c.starting = done
	e.mu.Unlock()
	err := sleep(life, takes)
	e.mu.Lock()
	c.starting = nil
	close(done)
	return err
}

// startable says why c cannot start now, if so. Called with the lock held.
func (e *Engine) startable(c *container) error {
	if c.removing || e.byID[c.id] != c {
		return refuse(http.StatusInternalServerError, "container is marked for removal and cannot be started")
	}
	if id, shared := strings.CutPrefix(c.spec.NetworkMode, "container:"); shared {
		if err := e.networkJoinable(id); err != nil {
			return err
		}
	}
	if id, shared := strings.CutPrefix(c.spec.PidMode, "container:"); shared {
		if err := e.pidJoinable(id); err != nil {
			return err
		}
	}
	if c.spec.FailStart != "" {
		return refuse(http.StatusInternalServerError, "%s", c.spec.FailStart)
	}
	return nil
}

// networkJoinable checks the owner of a shared network (fact 5.4).
func (e *Engine) networkJoinable(id string) error {
	owner := e.byID[id]
	switch {
	case owner == nil:
		return e.noSuch(id)
	case owner.running && !owner.restarting:
		return nil
	case e.major >= 29:
		return refuse(http.StatusConflict, "cannot join network namespace of a non running container: container %s is %s",
			owner.name, owner.status())
	}
	return refuse(http.StatusConflict, "cannot join network of a non running container: %s", id)
}

// pidJoinable checks the owner of a shared PID namespace.
func (e *Engine) pidJoinable(id string) error {
	owner := e.byID[id]
	switch {
	case owner == nil:
		return refuse(http.StatusConflict, "cannot join PID of a non running container: %s: %s", id, e.noSuch(id))
	case owner.running && !owner.restarting:
		return nil
	}
	return refuse(http.StatusConflict, "container %s is not running", id)
}

// begin makes c run. Called with the lock held.
func (e *Engine) begin(c *container) {
	c.cancelPolicy()
	c.starts++
	c.running, c.paused, c.restarting = true, false, false
	c.policyOff, c.manualStop = false, false
	c.oomKilled, c.failure, c.exitCode = false, "", 0
	c.startedAt = time.Now()
	e.renewHealth(c)
	if e.opts.Podman {
		e.emit(c, "init", nil)
	}
	e.emit(c, "start", nil)
}

// cancelPolicy takes back a restart that the policy has planned.
func (c *container) cancelPolicy() {
	c.nextStart.stop()
	c.nextStart = nil
}

// stop asks c to end and kills it after the grace; a negative grace waits for
// ever (fact 4.1). The stop event is made at the exit, see exit.
func (e *Engine) stop(life chan struct{}, c *container, grace time.Duration) error {
	e.mu.Lock()
	if !c.running || e.life != life {
		e.mu.Unlock()
		return nil
	}
	exited := c.exited
	c.stopping++
	e.signal(c, c.stopSignal())
	e.mu.Unlock()

	if grace >= 0 {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-exited:
			return nil
		case <-life:
			return errAway
		case <-timer.C:
		}
		if _, err := e.enter(life); err != nil { // a hung engine keeps no time
			return err
		}
		e.mu.Lock()
		if c.exited == exited && c.running {
			e.signal(c, sigKill)
		}
		e.mu.Unlock()
	}
	select {
	case <-exited:
		return nil
	case <-life:
		return errAway
	}
}

// grace is how long a stop without a timeout of its own waits. Podman does not
// wait at all for what Docker's client has made (fact 9.6).
func (c *container) grace() time.Duration {
	if c.spec.StopTimeout == 0 && !c.podman {
		return 10 * time.Second
	}
	return c.spec.StopTimeout
}

// restart stops c, if it runs, and starts it. It is not bound to the client
// that asked (fact 4.6). ref is how the client called it, for the error.
func (e *Engine) restart(life chan struct{}, c *container, ref string, grace time.Duration) error {
	e.mu.Lock()
	if e.opts.Podman {
		e.emit(c, "restart", nil) // first, fact 9.3
	}
	if c.running {
		c.manualRestart = true
	}
	e.mu.Unlock()
	if err := e.stop(life, c, grace); err != nil {
		return err
	}
	if err := e.start(life, c, true); err != nil {
		if errors.Is(err, errAway) {
			return err
		}
		return refuse(http.StatusInternalServerError, "Cannot restart container %s: %s", ref, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	c.restarts++
	if !e.opts.Podman {
		e.emit(c, "restart", nil)
	}
	return nil
}

// remove deletes c, after killing it if force allows that.
func (e *Engine) remove(c *container, force bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c.running {
		if !force {
			first := "Stop"
			if c.paused {
				first = "Unpause and then stop"
			}
			return refuse(http.StatusConflict, "You cannot remove a %s container %s. "+
				"%s the container before attempting removal or force remove", c.status(), c.id, first)
		}
		e.signal(c, sigKill)
	}
	e.forget(c)
	return nil
}

// freeze pauses or continues c. Called with the lock held.
func (e *Engine) freeze(c *container, pause bool) error {
	switch {
	case !pause && !c.paused:
		return refuse(http.StatusInternalServerError, "Container %s is not paused", c.id)
	case !c.running:
		return refuse(http.StatusConflict, "Container %s is not running", c.id)
	case c.restarting:
		return refuse(http.StatusConflict, "Container %s is restarting, wait until the container is running", c.id)
	case pause && c.paused:
		return refuse(http.StatusConflict, "Container %s is already paused", c.id)
	}
	c.paused = pause
	if pause {
		c.health.rest()
		e.emit(c, "pause", nil)
		return nil
	}
	e.armProbe(c) // the health stays what it was (fact 1.5)
	e.emit(c, "unpause", nil)
	return nil
}

// kill sends a signal on behalf of a client. Called with the lock held.
func (e *Engine) kill(c *container, ref, name string) error {
	sig, err := signalNumber(name)
	if err != nil {
		return err
	}
	if !c.running {
		return refuse(http.StatusConflict, "Cannot kill container: %s: Container %s is not running", ref, c.id)
	}
	if sig > lastSignal {
		return refuse(http.StatusInternalServerError, "Cannot kill container: %s: The linux daemon does not support signal %d", ref, sig)
	}
	e.signal(c, sig)
	return nil
}

func exitAttributes(c *container, major int) map[string]string {
	attrs := map[string]string{"exitCode": fmt.Sprint(c.exitCode)}
	if major >= 23 {
		attrs["execDuration"] = fmt.Sprint(int(c.finishedAt.Sub(c.startedAt).Seconds()))
	}
	return attrs
}
