package heal

import (
	"slices"
	"time"
)

// Decide judges what an event means for one container: it gives the new state
// and what is to be done, in order. It neither keeps nor changes s, and the
// same input gives the same output.
func Decide(p Policy, s State, e Event, now time.Time) (State, []Action) {
	d := decision{p: p, s: s, now: now}
	switch e := e.(type) {
	case Observed:
		d.observed(e)
	case Absent, Freed:
		d.absent()
	case Looked:
		d.looked(e)
	case Killed:
		d.killed(e)
	case Died:
		d.died(e)
	case Started:
		d.started(e)
	case Paused, Unpaused:
		d.pausing(e)
	case OwnerStarted:
		d.owned(e.Owner)
	case OwnerLost:
		d.owned(e.Owner)
	case Destroyed:
		d.end(Removed, 0)
	case Finished:
		d.finished(e)
	case Woke:
		d.woke()
	}
	d.exits(s, e)
	d.troubles(s, e)
	_, answered := e.(Looked)
	d.s.Overtaken = d.s.Looking && s.Looking && !answered && (s.Overtaken || overtakes(e))
	return d.s, d.actions
}

// overtakes tells whether an event is news that the answer to a look, which may
// have been given before, does not hold.
func overtakes(e Event) bool {
	switch e := e.(type) {
	case Observed:
		return e.Health == Healthy
	case Died, Started:
		return true
	}
	return false
}

// decision is one call of Decide at work: a copy of the state and what was
// decided so far.
type decision struct {
	p       Policy
	s       State
	now     time.Time
	granted bool // the event is the result of a Look that was ToAct
	actions []Action
}

// observed takes a word that may be stale. It can start a look or cancel
// what was planned, but never lead to a treatment by itself.
func (d *decision) observed(e Observed) {
	switch {
	case d.p.Treatment == TreatNone || d.s.Phase == Restarting:
		// While an act is under way its outcome decides, not sightings of before.
	case e.Status == StatusPaused:
		// Its health is of before the pause: a probe after it must confirm.
		if e.Health == Unhealthy && !d.s.NeedProbe {
			d.s.NeedProbe, d.s.StaleProbe = true, time.Time{}
		}
	case e.Health == Unhealthy:
		d.sawUnhealthy()
	case e.Health == Healthy && e.Replayed: // it may have fallen ill since, and that be known
		d.absent()
	case e.Health == Healthy:
		d.sawHealthy()
	case e.Health == HealthUnknown:
		d.look()
	}
}

func (d *decision) sawUnhealthy() {
	switch d.s.Phase {
	case Steady:
		d.fail()
		if d.p.UnhealthyFor > 0 {
			d.s.WakeAt = d.now.Add(d.p.UnhealthyFor)
			return
		}
		d.look()
	case Recovering:
		d.look()
	default: // WakeAt decides when to look again; a repeated word adds nothing
		if d.s.Hold == HoldBlind {
			d.look() // unless the word is that of a stream that can be trusted again
		}
	}
}

// fail enters the phase Failing: unhealthy from now on.
func (d *decision) fail() {
	d.s.Phase = Failing
	d.s.UnhealthySince = d.now
	d.s.HealthySince = time.Time{}
}

func (d *decision) sawHealthy() {
	d.s.NeedProbe = false
	d.s.BlindSince = time.Time{}
	switch d.s.Phase {
	case Failing, BackingOff, GivenUp:
		if d.s.HalfDone || len(d.s.After) > 0 {
			return // it is down: the word is old; or health is not what is wrong
		}
		if d.s.Since.IsZero() {
			d.settle() // one healthy word cancels what was not begun
			return
		}
		d.s.Phase = Recovering
		d.s.Hold = NotHeld
		d.s.Deadline = time.Time{}
		d.s.HealthySince = d.now
		d.s.WakeAt = d.now.Add(d.s.Timing.Confirm())
	case Recovering:
		if d.s.HealthySince.IsZero() {
			d.s.HealthySince = d.now
			d.s.WakeAt = d.now.Add(d.s.Timing.Confirm())
		}
	default:
	}
}

// settle goes back to Steady without a word and keeps the restarts that are
// not forgotten yet.
func (d *decision) settle() {
	if d.s.HealthySince.IsZero() {
		d.s.HealthySince = d.now
	}
	s := State{
		Restarts: d.s.Restarts, Tries: d.s.Tries, LastRestart: d.s.LastRestart, NotBefore: d.s.NotBefore,
		Number: d.s.Number, HealthySince: d.s.HealthySince, StartedAt: d.s.StartedAt,
		StoppingAt: d.s.StoppingAt, Looking: d.s.Looking, ToAct: d.s.ToAct, ActEnd: d.s.ActEnd,
		StopHeard: d.s.StopHeard, HoldUntil: d.s.HoldUntil, WakeAt: d.s.HoldUntil,
	}
	if len(s.Restarts) > 0 {
		s.WakeAt = s.HealthySince.Add(d.p.Forget)
	}
	d.s = s
}

// absent means that the container is not unhealthy, or not running: find out,
// since the event that said so may be lost.
func (d *decision) absent() {
	if d.s.Phase != Steady && d.s.Phase != Restarting {
		d.look()
	}
}

// woke does what was put off until now.
func (d *decision) woke() {
	if d.s.WakeAt.IsZero() || d.now.Before(d.s.WakeAt) {
		return
	}
	d.s.WakeAt = time.Time{}
	switch d.s.Phase {
	case Steady:
		d.rest()
	case Restarting:
	default:
		d.look()
	}
}

// look asks for an inspection unless one is under way.
func (d *decision) look() {
	if d.s.Looking {
		return
	}
	d.s.Looking = true
	d.s.ToAct = d.p.Treatment != TreatNotify && d.s.Phase != Steady && d.s.Phase != Recovering && d.due()
	d.actions = append(d.actions, Look{ToAct: d.s.ToAct})
}

// rest tidies up a container that nothing is wrong with: the back-off is
// forgotten after Policy.Forget of health, a restart when the budget's window
// has passed it. What waits for a start or a probe whose event may be lost is
// looked at now and then.
func (d *decision) rest() {
	if !d.now.Before(d.s.HealthySince.Add(d.p.Forget)) {
		d.s.Tries, d.s.NotBefore = 0, time.Time{}
	}
	d.s.Restarts = slices.DeleteFunc(slices.Clone(d.s.Restarts), func(at time.Time) bool { return d.now.Sub(at) >= d.p.Window })
	if n := len(d.s.Restarts); n > 0 {
		d.s.WakeAt = d.s.Restarts[n-1].Add(d.p.Window)
		return
	}
	d.forget()
	if d.now.Before(d.s.HoldUntil) {
		d.s.WakeAt = d.s.HoldUntil
		return
	}
	d.s.HoldUntil = time.Time{}
	if !d.s.StoppingAt.IsZero() || d.s.NeedProbe {
		d.s.WakeAt = d.now.Add(rarely)
		d.look()
	}
}

// forget drops the history of a container that nothing is wrong with.
func (d *decision) forget() {
	d.s = State{
		Number: d.s.Number, Looking: d.s.Looking, ToAct: d.s.ToAct, StoppingAt: d.s.StoppingAt,
		StopHeard: d.s.StopHeard, HoldUntil: d.s.HoldUntil,
		Signal: d.s.Signal, NeedProbe: d.s.NeedProbe, StaleProbe: d.s.StaleProbe,
	}
}

// due tells whether the container, if it is still unhealthy, may be treated now.
func (d *decision) due() bool { return !d.now.Before(d.dueAt()) }

// dueAt gives when an unhealthy container may be treated; what is past may be
// any time.
func (d *decision) dueAt() time.Time {
	due := d.s.UnhealthySince
	if !d.s.Following {
		due = due.Add(d.p.UnhealthyFor)
	}
	for _, at := range []time.Time{d.s.NotBefore, d.s.RetryAt} {
		if at.After(due) {
			due = at
		}
	}
	return due
}

// act asks the engine to do something and waits for the outcome. It needs the
// look of just now to have been one that waited for its turn; else it asks
// for that first.
func (d *decision) act(v Verb) {
	if !d.granted {
		if d.s.Phase == Recovering {
			d.s.Phase = BackingOff // in which a look is one to act on
		}
		d.look()
		return
	}
	d.s.Doubtful, d.s.KillSeen, d.s.PersonAt, d.s.BlindSince = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	d.s.Kills, d.s.Untouched = 0, false
	d.s.Wave = nil
	for _, a := range d.s.After {
		d.s.Wave = append(d.s.Wave, a.Path...)
	}
	slices.Sort(d.s.Wave)
	d.s.Wave = slices.Compact(d.s.Wave)
	d.s.ActAt = d.now
	d.s.Phase = Restarting
	d.s.Hold = NotHeld
	d.s.WakeAt = time.Time{}
	d.s.Number++
	d.s.InFlight = v
	d.s.Revived = d.s.Revived && v == Start
	grace := d.p.StopTimeout
	if grace < 0 {
		grace = d.s.StopGrace
	}
	d.actions = append(d.actions, Act{Verb: v, Number: d.s.Number, StopTimeout: d.p.StopTimeout, Grace: grace})
}

// tell hands over a notice and remembers that it did.
func (d *decision) tell(r Reason, add func(*Notice)) {
	n := Notice{
		Reason: r, At: d.now, Since: d.s.Since, Attempt: d.s.Made, Budget: d.p.MaxRestarts,
		Probe: d.s.Probe, Status: StatusRunning, StopTimeout: d.p.StopTimeout, Detail: d.p.Detail,
		Repeat: d.s.Told&(1<<r) != 0,
		Silent: d.s.SpentBudget && (r == Restarted || r == RestartFailed || r == StillUnhealthy),
		Unsure: r.Ends() && d.s.Told == toldPerhaps,
	}
	if n.StopTimeout < 0 {
		n.StopTimeout = d.s.StopGrace
	}
	if n.Exited = d.s.Revived; n.Exited {
		n.ExitCode = d.s.ExitCode
	}
	if add != nil {
		add(&n)
	}
	d.s.Told |= 1 << r
	d.actions = append(d.actions, Tell{Notice: n})
}

// end closes the incident for a reason that leaves defib nothing to do, and
// forgets the container. Where nothing was told nothing is.
func (d *decision) end(r Reason, exitCode int) {
	if d.s.Told != 0 {
		d.tell(r, func(n *Notice) { n.ExitCode = exitCode })
	}
	d.s = State{}
}

// remember adds a restart to the history that the budget is counted from.
func (d *decision) remember() {
	keep := d.s.Restarts
	if over := len(keep) + 1 - max(1, d.p.MaxRestarts); over > 0 {
		keep = keep[over:]
	}
	d.s.Restarts = append(slices.Clone(keep), d.now)
	d.s.Made++
	d.s.Tries++
	d.s.LastRestart = d.now
	d.s.NotBefore = d.now.Add(d.p.backoff(d.s.Tries, d.seed(d.s.Tries)))
}

// seed differs from container to container, incident to incident, and with n.
func (d *decision) seed(n int) uint64 {
	return uint64(d.s.StartedAt.UnixNano()) ^ uint64(d.s.Since.UnixNano())<<1 ^ uint64(n)
}

// spent tells whether the budget allows no restart now.
func (d *decision) spent() bool {
	return d.s.Spent(d.p, d.now) >= d.p.MaxRestarts
}
