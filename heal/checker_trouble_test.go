package heal

import "time"

// troubleMemory is what the checker recounts of troubles, without a look at
// State.Trouble.
type troubleMemory struct {
	mayStart bool      // the act of this step may be a start
	ownExit  bool      // it ended, no signal was sent to it since its last start, and none has begun
	newSince time.Time // when the container before it was removed
	open     [StuckStarting + 1]bool
	last     [StuckStarting + 1]time.Time // when a trouble was last told to begin
}

// noteTrouble keeps the memory of ends and starts.
func (c *checker) noteTrouble(e Event, before State) {
	switch e := e.(type) {
	case Started:
		c.ownExit = c.ownExit && !e.At.After(before.ExitedAt)
	case Died:
		c.ownExit = c.p.StartExited && (c.ownExit || !e.Unclear)
	case Destroyed:
		c.ownExit, c.newSince = false, c.now
	case Looked:
		if e.Gone {
			c.newSince = c.now
		}
	case Finished:
		if before.Phase == Restarting && e.Number == before.Number && e.Outcome == NotFound && e.Seen == nil {
			c.newSince = c.now
		}
	}
	if !c.s.StoppingAt.IsZero() || c.s.Healed() {
		c.ownExit = false
	}
}

// tellTrouble checks that a trouble is told seldom, and over only after it was
// told.
func (c *checker) tellTrouble(n Notice) {
	if c.p.Treatment == TreatNone {
		c.fail("%s of a container that nobody wants to hear of", n.Reason)
	}
	if n.Ended != 0 {
		began := c.open[n.Ended] || (n.Ended == CrashLooping && c.open[OutOfMemory])
		if !began {
			c.fail("%s is over (%s) though it was not told", n.Ended, n.Reason)
		}
		c.open[n.Ended] = false
		if n.Ended != StuckStarting {
			c.open[CrashLooping], c.open[OutOfMemory] = false, false
		}
		return
	}
	if last := c.last[n.Reason]; !last.IsZero() && c.now.Sub(last) < 2*time.Hour && !c.newSince.After(last) {
		c.fail("%s told twice within %s", n.Reason, c.now.Sub(last))
	}
	c.open[n.Reason], c.last[n.Reason] = true, c.now
}

// standingTrouble checks what must hold after every step.
func (c *checker) standingTrouble(e Event) {
	t := c.s.Trouble
	if !t.IsZero() && t.WakeAt.IsZero() {
		c.fail("%T: a dead end: a trouble without a date: %+v", e, t)
	}
	if _, woke := e.(Woke); woke && !t.WakeAt.IsZero() && !t.WakeAt.After(c.now) {
		c.fail("woken, and to be woken at once again: %+v", t)
	}
}
