package dockertest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Docker's words for the health, and its defaults (fact 1.8).
const (
	healthNone      = "none"
	healthStarting  = "starting"
	healthHealthy   = "healthy"
	healthUnhealthy = "unhealthy"

	defaultInterval      = 30 * time.Second
	defaultTimeout       = 30 * time.Second
	defaultStartInterval = 5 * time.Second
	defaultRetries       = 3
	keptProbes           = 5
	keptOutput           = 4096 // bytes
)

// health is what the engine knows of a container's health.
type health struct {
	status string
	streak int
	log    []probe // oldest first; kept across restarts (fact 1.5)
	next   *alarm  // the next probe, or the end of the present one
	round  int     // numbers the watches, so that an old timer changes nothing
	lost   bool    // the engine forgot to probe, see outage.go
}

// probe is one run of the check.
type probe struct {
	start, end time.Time
	exitCode   int
	output     string
}

func (h *Health) retries() int {
	if h.Retries <= 0 {
		return defaultRetries
	}
	return h.Retries
}

func (h *Health) timeout() time.Duration {
	if h.Timeout <= 0 {
		return defaultTimeout
	}
	return h.Timeout
}

// rest stops probing. A nil health has nothing to stop.
func (h *health) rest() {
	if h == nil {
		return
	}
	h.round++
	h.lost = false // pause and stop make even a forgetful engine probe again
	h.next.stop()
	h.next = nil
}

// renewHealth is what a start does: starting, no streak, old log (fact 1.5).
// Podman keeps the streak (fact 9.4).
func (e *Engine) renewHealth(c *container) {
	c.recoverByStart()
	if c.health == nil {
		return
	}
	c.health.rest()
	c.health.status = healthStarting
	if !e.opts.Podman {
		c.health.streak = 0
	}
	e.armProbe(c)
}

// recoverByStart ends a sickness that restarts heal. The first start of a
// container that is born sick does not count.
func (c *container) recoverByStart() {
	h := c.spec.Health
	if h == nil || !h.Sick || c.starts == 1 {
		return
	}
	c.sickStarts++
	if h.HealedByRestart || h.RestartsToHeal > 0 && c.sickStarts >= h.RestartsToHeal {
		h.Sick = false
		c.sickStarts = 0
	}
}

// armProbe sets the timer for the next probe of c, if it is probed at all.
func (e *Engine) armProbe(c *container) {
	h := c.health
	if h == nil || c.spec.Health.Interval <= 0 || !c.running || c.paused || c.restarting || h.lost {
		return
	}
	round := h.round
	h.next = e.after(e.probeInterval(c), func() {
		if h.round == round {
			e.startProbe(c)
		}
	})
}

// probeInterval is counted from the end of one probe to the start of the next.
// Engines from 25 on probe every start interval while starting within the
// start period, even if the interval is shorter (fact 11.3).
func (e *Engine) probeInterval(c *container) time.Duration {
	spec := c.spec.Health
	if e.major < 25 || c.health.status != healthStarting || time.Since(c.startedAt) >= spec.StartPeriod {
		return spec.Interval
	}
	if spec.StartInterval > 0 {
		return spec.StartInterval
	}
	return defaultStartInterval
}

func (e *Engine) startProbe(c *container) {
	spec, h := c.spec.Health, c.health
	begun := time.Now()
	var exec string
	if e.opts.ExecNoise {
		exec = e.startExec(c)
	}
	takes := min(spec.Takes, spec.timeout())
	round := h.round
	finish := func() {
		if h.round != round {
			return
		}
		p := c.probeNow(begun)
		if exec != "" {
			e.endExec(c, exec, p.exitCode)
		}
		e.judge(c, p)
		e.armProbe(c)
	}
	if takes <= 0 {
		finish()
		return
	}
	h.next = e.after(takes, finish)
}

// probePast is what the probes of the last age have come to.
func (e *Engine) probePast(c *container, age time.Duration) {
	h, spec := c.health, c.spec.Health
	if h == nil || spec.Interval <= 0 {
		return
	}
	takes := min(spec.Takes, spec.timeout())
	every := spec.Interval + takes
	for back := min(age/every, time.Duration(max(keptProbes, spec.retries()))) - 1; back >= 0; back-- {
		end := time.Now().Add(-back * every)
		e.judge(c, c.probed(end.Add(-takes), end))
	}
	if h.streak > 0 {
		h.streak = int(age / every)
	}
}

// probeNow is what a probe that ends now finds.
func (c *container) probeNow(begun time.Time) probe { return c.probed(begun, time.Now()) }

func (c *container) probed(begun, ended time.Time) probe {
	spec := c.spec.Health
	p := probe{start: begun, end: ended}
	switch {
	case spec.Takes >= spec.timeout():
		p.exitCode = -1
		p.output = fmt.Sprintf("Health check exceeded timeout (%v)", spec.timeout())
	case spec.Sick, begun.Sub(c.startedAt) < spec.WarmUp:
		p.exitCode = 1
		p.output = kept(spec.Output)
	}
	return p
}

// kept cuts and cleans a probe's output as the engine does (fact 8.1).
func kept(output string) string {
	if len(output) > keptOutput {
		output = output[:keptOutput] + "..."
	}
	if !utf8.ValidString(output) {
		output = strings.ToValidUTF8(output, "\uFFFD")
	}
	return output
}

// judge takes a probe's result into the health; the event comes only when the
// status changes (fact 1.2), on Podman with every probe (fact 9.2).
func (e *Engine) judge(c *container, p probe) {
	h, spec := c.health, c.spec.Health
	before := h.status
	h.keep(p)
	switch {
	case p.exitCode == 0:
		h.streak = 0
		h.status = healthHealthy
	case before == healthStarting && p.start.Sub(c.startedAt) < spec.StartPeriod:
		// Not counted (fact 11.1).
	default:
		h.streak++
		if h.streak >= spec.retries() {
			h.status = healthUnhealthy
		}
	}
	e.tellHealth(c, before)
}

func (h *health) keep(p probe) {
	h.log = append(h.log, p)
	if extra := len(h.log) - keptProbes; extra > 0 {
		h.log = append(h.log[:0:0], h.log[extra:]...)
	}
}

func (e *Engine) tellHealth(c *container, before string) {
	if e.opts.Podman {
		e.emit(c, "health_status", nil)
		return
	}
	if c.health.status != before && c.health.status != healthStarting {
		e.emit(c, "health_status: "+c.health.status, nil)
	}
}

// probeCommand is the check of every container here.
const probeCommand = "/bin/sh -c probe"

// startExec makes the first two events of an exec (fact 1.3) and gives its id.
func (e *Engine) startExec(c *container) string {
	if e.opts.Podman {
		id := e.newID("exec")
		e.emit(c, "exec", map[string]string{"execID": id})
		return id
	}
	id := e.newID("exec")
	e.emit(c, "exec_create: "+probeCommand, map[string]string{"execID": id})
	e.emit(c, "exec_start: "+probeCommand, map[string]string{"execID": id})
	return id
}

func (e *Engine) endExec(c *container, id string, code int) {
	action := "exec_die"
	if e.opts.Podman {
		action = "exec_died"
	}
	e.emit(c, action, map[string]string{"execID": id, "exitCode": strconv.Itoa(code)})
}
