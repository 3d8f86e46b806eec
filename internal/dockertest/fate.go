package dockertest

import (
	"fmt"
	"net/http"
	"time"
)

// What happens to containers by itself. It happens even while the engine hangs
// or is away; the engine then notices when it goes on.

// Sicken makes the probes of a container fail from now on, printing output.
func (e *Engine) Sicken(name, output string) error {
	return e.befall("sicken", name, func(c *container) error {
		if c.health == nil {
			return refuse(http.StatusConflict, "no HEALTHCHECK")
		}
		spec := c.spec.Health
		spec.Sick, spec.Output = true, output
		c.sickStarts = 0
		c.sickness++
		if spec.HealsAfter > 0 {
			this := c.sickness
			e.setAlarm(&alarm{at: time.Now().Add(spec.HealsAfter), world: true, do: func() {
				if c.sickness == this {
					c.spec.Health.Sick = false
				}
			}})
		}
		return nil
	})
}

// Cure makes the probes of a container succeed from now on.
func (e *Engine) Cure(name string) error {
	return e.befall("cure", name, func(c *container) error {
		if c.health == nil {
			return refuse(http.StatusConflict, "no HEALTHCHECK")
		}
		c.spec.Health.Sick = false
		c.sickness++
		return nil
	})
}

// SetHealth makes a container starting, healthy or unhealthy at once, with one
// more probe in its log and a fitting streak, and makes the event if that is a
// change. It does not make the container sick: the next probe, if it is probed,
// finds what it finds.
func (e *Engine) SetHealth(name, status, output string) error {
	return e.befall("set health of", name, func(c *container) error {
		h := c.health
		if h == nil {
			return refuse(http.StatusConflict, "no HEALTHCHECK")
		}
		now := time.Now()
		p := probe{start: now, end: now}
		before := h.status
		switch status {
		case healthUnhealthy:
			p.exitCode, p.output = 1, kept(output)
			h.streak = max(h.streak+1, c.spec.Health.retries())
		case healthHealthy, healthStarting:
			h.streak = 0
		default:
			return refuse(http.StatusBadRequest, "no such health: %s", status)
		}
		if status != healthStarting {
			h.keep(p)
		}
		h.status = status
		e.tellHealth(c, before)
		return nil
	})
}

// Crash lets a container's process end by itself; the restart policy applies.
func (e *Engine) Crash(name string, exitCode int) error {
	return e.befall("crash", name, func(c *container) error {
		if !c.running || c.restarting {
			return refuse(http.StatusConflict, "it does not run")
		}
		e.notice(c, func() { e.exit(c, exitCode) })
		return nil
	})
}

// OOM lets the kernel kill a container's process for want of memory (fact 8.3).
func (e *Engine) OOM(name string) error {
	return e.befall("kill for want of memory", name, func(c *container) error {
		if !c.running || c.restarting {
			return refuse(http.StatusConflict, "it does not run")
		}
		e.notice(c, func() {
			c.oomKilled = true
			e.emit(c, "oom", nil)
			e.exit(c, 128+sigKill)
		})
		return nil
	})
}

// Edit changes how a container behaves from now on, such as its FailStart,
// StopTakes or Health.Output. Its name, mode of network and whether it has a
// HEALTHCHECK cannot be changed. change must not call the engine.
func (e *Engine) Edit(name string, change func(*Spec)) error {
	return e.befall("edit", name, func(c *container) error {
		next := c.spec.clone() // answers that are being written still use the old one
		change(&next)
		next.NetworkMode, next.PidMode = c.spec.NetworkMode, c.spec.PidMode
		if (next.Health == nil) != (c.spec.Health == nil) {
			return refuse(http.StatusConflict, "the HEALTHCHECK cannot come or go")
		}
		c.spec = next
		return nil
	})
}

// notice lets the engine notice the end of c's run now, or when it goes on.
func (e *Engine) notice(c *container, do func()) {
	if !e.away && e.hung == nil {
		do()
		return
	}
	run := c.starts
	e.frozen = append(e.frozen, &alarm{do: func() {
		if c.starts == run && c.running && !c.restarting {
			do()
		}
	}})
}

// befall finds the container and does something to it with the lock held.
func (e *Engine) befall(what, name string, do func(*container) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.find(name)
	if err == nil {
		err = do(c)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", what, name, err)
	}
	return nil
}
