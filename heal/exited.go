package heal

import "time"

// Containers that exit by themselves are the business of Docker's restart
// policy. Where a label asks for it, those that no policy brings back are
// started, as a restart would be: looked at first, within the back-off and the
// budget. What a person stopped, or may have stopped unseen, stays down.

// revivedFor is how long at least a container must stay up after its start, to
// count as one that runs again: most that exit do so within moments.
const revivedFor = time.Minute

// exits notes the end of a container that may be started for it, and a start
// that came after; before is the state that the event met.
func (d *decision) exits(before State, e Event) {
	switch e := e.(type) {
	case Died:
		if !d.p.StartExited || d.p.Treatment != TreatRestart || e.Unclear || !d.byItself(before, e) {
			return
		}
		d.s.ExitedAt = e.At
		if d.s.Phase == Steady { // its restart policy gets the time to start it first
			d.fail()
			d.s.WakeAt = d.now.Add(failWait)
		}
	case Started:
		if e.At.After(d.s.ExitedAt) {
			d.s.ExitedAt = time.Time{}
		}
	}
}

// exitedByItself tells whether a container that is down ended by itself: its
// last end was heard, and no start since.
func (d *decision) exitedByItself(e Looked) bool {
	return !d.s.ExitedAt.IsZero() && d.s.StoppingAt.IsZero() && !e.StartedAt.After(d.s.ExitedAt)
}

// oursToStart tells whether a container that is down is one to start: our act
// left it so, or it exited by itself and may be started for it.
func (d *decision) oursToStart(e Looked) bool {
	return d.s.StoppingAt.IsZero() && (d.s.HalfDone || (d.doubtful() && d.s.InFlight != Stop) || d.exitedByItself(e))
}

// revive starts a container that exited by itself, within the back-off and the
// budget.
func (d *decision) revive(e Looked) {
	d.s.ExitCode = e.ExitCode
	if d.s.Since.IsZero() {
		d.s.Since = d.s.UnhealthySince
	}
	d.s.Revived = true
	switch {
	case !e.StartedAt.Equal(d.s.ExitRun) && (e.Gap > 0 || e.Blind > 0):
		d.leaveDown()
		return
	case e.Busy > 0:
		d.hold(HoldDeploy, e.Busy)
		return
	}
	d.s.ExitRun = e.StartedAt
	if h, wait := d.turn(e); h != NotHeld {
		d.hold(h, wait)
		return
	}
	d.s.Hold = NotHeld
	switch {
	case d.s.SpentBudget && (d.p.RetryAfter == 0 || !d.due()):
		d.waitForRetry()
	case !d.s.SpentBudget && d.spent():
		d.giveUp()
	default:
		d.actOrWait(Start)
	}
}

// leaveDown leaves a container down whose stop no event could have told of, and
// says so.
func (d *decision) leaveDown() {
	d.tell(ExitedByItself, func(n *Notice) {
		n.Detail = "Whether somebody stopped it could not be heard at that time, so it is left down."
	})
	d.s = State{}
}
