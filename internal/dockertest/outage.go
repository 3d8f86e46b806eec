package dockertest

import (
	"cmp"
	"slices"
	"time"
)

// Down kills the engine as SIGKILL does: no connection is accepted, all are
// broken, calls in progress stay half done. The containers run on until Up.
func (e *Engine) Down() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.leave()
	for _, c := range e.all {
		c.health.rest()
		c.nextStart.stop()
		c.nextStart = nil
		c.stopping = 0
		c.manualRestart = false
	}
}

// Shutdown ends the engine as SIGTERM does: without LiveRestore it stops all
// containers first, while its streams still tell of it (fact 2.1).
func (e *Engine) Shutdown() {
	life, err := e.enter(nil)
	if err != nil {
		return
	}
	if !e.keepsContainers() {
		e.mu.Lock()
		e.shutting = true
		e.mu.Unlock()
		e.stopAll(life)
		e.mu.Lock()
		e.shutting = false
		e.mu.Unlock()
	}
	e.drainStreams()
	e.Down()
}

// drainStreams ends all streams once they have told everything, and waits a
// second at most for readers that are slow to listen (fact 2.1).
func (e *Engine) drainStreams() {
	how := broken
	if e.major >= 29 {
		how = orderly
	}
	e.mu.Lock()
	var left []*stream
	for s := range e.streams {
		s.end = how
		s.ring()
		left = append(left, s)
	}
	e.mu.Unlock()
	patience := time.NewTimer(time.Second)
	defer patience.Stop()
	for _, s := range left {
		select {
		case <-s.done:
		case <-patience.C:
			return
		}
	}
}

// Up boots the engine after Down or Shutdown and returns once it answers
// again. The event ring is empty at first. With LiveRestore containers run on;
// else those that survived are stopped, which takes up to their stop timeouts,
// and restart policies decide who starts again (fact 2.9).
func (e *Engine) Up() error {
	e.mu.Lock()
	if !e.away || e.closed {
		e.mu.Unlock()
		return nil
	}
	e.ring = nil
	e.away = false
	life := make(chan struct{})
	e.life = life
	e.thaw()
	e.mu.Unlock()

	if e.keepsContainers() {
		e.readopt()
	} else {
		e.stopAll(life)
	}
	e.startByPolicy(life)

	e.mu.Lock()
	defer e.mu.Unlock()
	if e.life != life || e.away {
		return errAway
	}
	for _, ep := range e.endpoints {
		if err := ep.reopen(); err != nil {
			return err
		}
		e.answer(ep)
	}
	return nil
}

// keepsContainers tells whether containers outlive the engine. Podman's socket
// is not their parent.
func (e *Engine) keepsContainers() bool { return e.opts.LiveRestore || e.opts.Podman }

// readopt goes on with the probes of the containers that ran on. Before 23 the
// engine forgot them for good, from 25 on it starts the health anew (fact 2.8).
func (e *Engine) readopt() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.all {
		h := c.health
		if h == nil || !c.running || c.restarting {
			continue
		}
		switch {
		case e.opts.Podman || e.major == 23 || e.major == 24:
		case e.major < 23:
			h.lost = true
		default:
			h.status, h.streak, h.log = healthStarting, 0, nil
		}
		e.armProbe(c)
	}
}

// dying is a container on its way out.
type dying struct {
	c      *container
	exited chan struct{}
	grace  time.Duration
}

// stopAll stops what runs: the stop signal to all at once, SIGKILL to each
// after its stop timeout.
func (e *Engine) stopAll(life chan struct{}) {
	left := e.signalAll()
	begun := time.Now()
	slices.SortStableFunc(left, func(a, b dying) int { return cmp.Compare(a.grace, b.grace) })
	for _, d := range left {
		timer := time.NewTimer(d.grace - time.Since(begun))
		select {
		case <-d.exited:
		case <-life:
		case <-timer.C:
			e.mu.Lock()
			if d.c.exited == d.exited && d.c.running {
				e.signal(d.c, sigKill)
			}
			e.mu.Unlock()
		}
		timer.Stop()
	}
}

// signalAll sends everyone the stop signal and gives those who take their time.
func (e *Engine) signalAll() (left []dying) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range slices.Clone(e.all) { // an exit may remove a container
		if !c.running {
			continue
		}
		d := dying{c: c, exited: c.exited, grace: c.grace()}
		c.stopping++
		e.signal(c, c.stopSignal())
		if c.running {
			left = append(left, d)
		}
	}
	return left
}

// startByPolicy starts at boot what the restart policies want: always, even if
// a person had stopped it; on-failure after a failure; unless-stopped unless
// it was stopped, by a person or by the booting engine.
func (e *Engine) startByPolicy(life chan struct{}) {
	e.mu.Lock()
	all := slices.Clone(e.all)
	e.mu.Unlock()
	for _, c := range all {
		e.mu.Lock()
		waiting := c.restarting
		wanted := c.starts > 0 && (!c.running || waiting) && c.wantsRestart()
		e.mu.Unlock()
		if wanted {
			_ = e.start(life, c, !waiting) // its failure is kept in the container
		}
	}
}

// Hang stops the engine as SIGSTOP does, or lets it go on: connections are
// accepted but nothing is answered, streams are silent, nothing is probed
// (fact 12.4). Whatever was due meanwhile happens when it goes on.
func (e *Engine) Hang(on bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.away:
	case on && e.hung == nil:
		e.hung = make(chan struct{})
	case !on && e.hung != nil:
		close(e.hung)
		e.hung = nil
		e.thaw()
	}
}

// CutStreams ends every open event stream: in good order, as proxies do after
// their time-out, or in the middle of a line.
func (e *Engine) CutStreams(inMidLine bool) {
	how := orderly
	if inMidLine {
		how = midLine
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for s := range e.streams {
		s.end = how
		s.ring()
	}
}

// DropEvents loses all events from now on without a trace, also for those who
// ask for the past, until it is called with false.
func (e *Engine) DropEvents(on bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dropping = on
}

// MuteStreams makes all event streams silent, new ones too, as a connection
// whose other end is gone. They miss what happens meanwhile; a stream that is
// opened afterwards can still ask for it with since.
func (e *Engine) MuteStreams(on bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.muted = on
}

// Inject writes raw, whatever it is, as a line into every open event stream.
func (e *Engine) Inject(raw []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	line := append(slices.Clone(raw), '\n')
	for s := range e.streams {
		s.push(line, e.opts.StreamBuffer)
	}
}
