package dockertest

import (
	"fmt"
	"time"
)

// What a person at the command line, or Compose, does. The calls take as long
// as the command would and are made with the engine's own order of events.

// Create makes a container and gives its id. It panics where docker create
// would fail, which is a mistake in the caller's script.
func (e *Engine) Create(s Spec) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.create(s)
	if err != nil {
		panic(fmt.Sprintf("dockertest: create %s: %v", s.Name, err))
	}
	return c.id
}

// Run makes a container, starts it and gives its id. A start that fails leaves
// the container as docker run would.
func (e *Engine) Run(s Spec) string {
	id := e.Create(s)
	_ = e.Start(id) // State tells
	return id
}

// Adopt gives the engine a container that has run for so long already, as if it
// had been run then and the engine had been started since: nothing of it is in
// the events. Its probes have found until now what they find now. Its id is
// given; Adopt panics where Create does.
func (e *Engine) Adopt(s Spec, age time.Duration) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	dropping := e.dropping
	e.dropping = true
	defer func() { e.dropping = dropping }()
	c, err := e.create(s)
	if err != nil {
		panic(fmt.Sprintf("dockertest: adopt %s: %v", s.Name, err))
	}
	e.begin(c)
	c.created = c.created.Add(-age)
	c.startedAt = c.startedAt.Add(-age)
	e.probePast(c, age)
	return c.id
}

// Stop stops a container within timeout; 0 means the container's own stop
// timeout, less than 0 no limit. Stopping what does not run does nothing.
func (e *Engine) Stop(name string, timeout time.Duration) error {
	return e.carryOut("stop", name, func(life chan struct{}, c *container) error {
		return e.stop(life, c, e.graceOf(c, timeout))
	})
}

// Start starts a container; one that runs stays as it is.
func (e *Engine) Start(name string) error {
	return e.carryOut("start", name, func(life chan struct{}, c *container) error {
		_, err := e.startByAPI(life, c)
		return err
	})
}

// Restart stops and starts a container; timeout is as for Stop.
func (e *Engine) Restart(name string, timeout time.Duration) error {
	return e.carryOut("restart", name, func(life chan struct{}, c *container) error {
		return e.restart(life, c, name, e.graceOf(c, timeout))
	})
}

// Kill sends a signal such as "SIGHUP" or "15"; empty means SIGKILL.
func (e *Engine) Kill(name, signal string) error {
	return e.with("kill", name, func(c *container) error { return e.kill(c, name, signal) })
}

// Pause freezes a container's processes.
func (e *Engine) Pause(name string) error {
	return e.with("pause", name, func(c *container) error { return e.freeze(c, true) })
}

// Unpause lets a paused container go on.
func (e *Engine) Unpause(name string) error {
	return e.with("unpause", name, func(c *container) error { return e.freeze(c, false) })
}

// Remove deletes a container; force kills it first if it runs.
func (e *Engine) Remove(name string, force bool) error {
	return e.carryOut("remove", name, func(_ chan struct{}, c *container) error { return e.remove(c, force) })
}

// Rename gives a container another name.
func (e *Engine) Rename(name, newName string) error {
	return e.with("rename", name, func(c *container) error { return e.rename(c, newName) })
}

// Exec makes the events of one docker exec.
func (e *Engine) Exec(name string) error {
	return e.with("exec", name, func(c *container) error {
		e.endExec(c, e.startExec(c), 0)
		return nil
	})
}

// State tells how a container is; the zero State when there is none.
func (e *Engine) State(name string) State {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.find(name)
	if err != nil {
		return State{}
	}
	s := State{
		ID: c.id, Name: c.name, Status: c.status(),
		Running: c.running, Paused: c.paused, Restarting: c.restarting,
		Health:    c.healthStatus(),
		StartedAt: c.startedAt, FinishedAt: c.finishedAt,
		ExitCode: c.exitCode, Error: c.failure,
		Starts: c.starts, Restarts: c.restarts, PolicyCount: c.policyCount,
	}
	if c.health != nil {
		s.FailingStreak = c.health.streak
	}
	return s
}

func (e *Engine) graceOf(c *container, timeout time.Duration) time.Duration {
	if timeout != 0 {
		return timeout
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return c.grace()
}

// carryOut does something that takes time, without the lock.
func (e *Engine) carryOut(what, name string, do func(chan struct{}, *container) error) error {
	life, err := e.enter(nil)
	if err != nil {
		return fmt.Errorf("%s %s: %w", what, name, err)
	}
	e.mu.Lock()
	c, err := e.find(name)
	e.mu.Unlock()
	if err == nil {
		err = do(life, c)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", what, name, err)
	}
	return nil
}

// with does something that takes no time, with the lock held.
func (e *Engine) with(what, name string, do func(*container) error) error {
	return e.carryOut(what, name, func(_ chan struct{}, c *container) error {
		e.mu.Lock()
		defer e.mu.Unlock()
		return do(c)
	})
}
