package heal

import "time"

// looked takes the result of an inspection: the only word that leads to a
// treatment.
func (d *decision) looked(e Looked) {
	d.granted = d.s.ToAct
	d.s.Looking, d.s.ToAct = false, false
	switch {
	case d.s.Phase == Restarting:
		return
	case e.Gone:
		d.end(Removed, 0)
		return
	case e.Err != "", e.Status == StatusUnknown:
		d.lookFailed()
		return
	case d.s.Overtaken && d.weighty(e):
		d.look()
		return
	}
	d.s.LookFails = 0
	d.take(e.Sighting)
	if d.follow(e) {
		return
	}
	switch e.Status {
	case StatusExited:
		d.sawExited(e)
	case StatusPaused:
		d.s.NeedProbe, d.s.StaleProbe = true, e.Probe.Start
		d.hold(HoldPaused, recheck)
	case StatusRestarting:
		d.hold(HoldRestarting, recheck)
	default:
		d.sawRunning(e)
	}
}

// weighty tells whether an act or a bad verdict can come of a look. Those do not
// come of what a container was before it turned well, ended or was started.
func (d *decision) weighty(e Looked) bool {
	switch e.Status { //nolint:exhaustive // the others put off what they may lead to
	case StatusRunning:
		return e.Health == Unhealthy || len(d.s.After) > 0
	case StatusExited:
		return d.granted
	}
	return false
}

// lookFailed tries again soon: the engine may be away.
func (d *decision) lookFailed() {
	if d.s.Phase == Steady {
		d.s.Signal = ""
		return
	}
	d.s.LookFails++
	d.s.WakeAt = d.now.Add(doubled(failWait, failWaitMax, d.s.LookFails))
}

// take remembers what the gate, the verdict and people need of an inspection.
func (d *decision) take(seen Sighting) {
	if seen.StartedAt.After(d.s.StoppingAt) && !d.s.StoppingAt.IsZero() && seen.Status != StatusExited {
		d.rearm() // the event of its start is lost
	}
	if d.doubtful() && d.s.InFlight != Stop && seen.Status == StatusRunning && !seen.StartedAt.Equal(d.s.StartedAt) {
		d.restarted(0) // the restart without a good answer has happened after all
	}
	d.s.StopSignal = seen.StopSignal
	if d.s.Signal != "" {
		if sameSignal(d.s.Signal, seen.StopSignal) {
			d.beingStopped(seen.StartedAt.Add(1))
		} else if d.s.HoldUntil.IsZero() { // not renewed: some are sent one a minute
			d.s.HoldUntil = d.now.Add(signalHold)
			if d.s.Phase == Steady && d.s.WakeAt.IsZero() {
				d.s.WakeAt = d.s.HoldUntil
			}
		}
		d.s.Signal = ""
	}
	d.s.StartedAt = seen.StartedAt
	d.s.Unverified = false
	d.s.Timing = seen.Timing
	d.s.StopGrace = seen.StopTimeout
	if seen.Probe.ExitCode != 0 {
		d.s.Probe = seen.Probe
	}
	if seen.Status != StatusExited {
		d.s.DownSince = time.Time{}
	}
}

// hold puts a treatment off until something changes, and looks again after wait.
func (d *decision) hold(h Hold, wait time.Duration) {
	if d.s.Phase == Steady {
		return
	}
	d.s.Hold = h
	d.s.WakeAt = d.now.Add(wait)
}

func (d *decision) sawRunning(e Looked) {
	if d.s.HalfDone { // somebody else brought it back
		d.rearm()
	}
	switch e.Health {
	case Unhealthy:
		d.confirmed(e)
	case Healthy, HealthNone: // running is all that one without a health check can tell
		d.sawHealthy()
		d.confirmHealthy()
	default:
		d.sawStarting()
	}
}

// confirmHealthy gives the good verdict once the container stayed healthy.
func (d *decision) confirmHealthy() {
	if d.s.Phase != Recovering {
		return
	}
	stay := d.s.Timing.Confirm()
	if d.s.SpentBudget { // it flapped, or was hopeless: it must be well for longer
		stay = max(stay, d.p.Forget)
	}
	if d.s.Revived {
		stay = max(stay, revivedFor)
	}
	if until := d.s.HealthySince.Add(stay); d.now.Before(until) {
		d.s.WakeAt = until
		return
	}
	if d.s.Told&^(1<<Restarted) == 0 && d.s.Following && d.s.Made > 0 {
		d.tell(Followed, func(n *Notice) { n.Owner = d.s.FollowedBy })
	} else if d.s.Told != 0 {
		d.tell(Recovered, func(n *Notice) {
			n.ByPerson = d.s.ByPerson
			if d.s.Made > 0 && d.s.HealthySince.After(d.s.LastRestart) {
				n.Took = d.s.HealthySince.Sub(d.s.LastRestart)
			}
		})
	}
	d.settle()
}

// sawStarting judges a container without a verdict by its own probes.
func (d *decision) sawStarting() {
	d.s.Hold = NotHeld
	d.s.NeedProbe = false
	d.s.BlindSince = time.Time{}
	switch d.s.Phase {
	case Failing, BackingOff, GivenUp: // it was started anew, and not by us
		if d.s.Since.IsZero() {
			d.settle()
			return
		}
		d.await()
	case Recovering:
		d.s.HealthySince = time.Time{}
		if d.s.Deadline.IsZero() {
			d.await()
			return
		}
		if !d.now.Before(d.s.Deadline) {
			d.stillUnhealthy(time.Time{})
			d.await()
		}
		d.s.WakeAt = d.s.Deadline
	default:
	}
}

// await begins the time within which the container must become healthy.
func (d *decision) await() {
	d.s.Phase = Recovering
	d.s.Hold = NotHeld
	d.s.HealthySince = time.Time{}
	d.s.Deadline = d.now.Add(d.s.Timing.Verdict())
	d.s.WakeAt = d.s.Deadline
}

// stillUnhealthy gives the bad verdict on the restarts of this incident.
// next is when the next restart is due.
func (d *decision) stillUnhealthy(next time.Time) {
	if d.s.Made == 0 {
		return // nothing was tried: OnlyTold said it all
	}
	d.tell(StillUnhealthy, func(n *Notice) {
		if !d.spent() && !d.s.SpentBudget {
			n.Next = next
		}
	})
}

// confirmed takes an inspection that says running and unhealthy.
func (d *decision) confirmed(e Looked) {
	if d.p.Treatment == TreatNone {
		return
	}
	if d.s.Phase == Steady {
		d.fail()
	}
	if h, wait := d.gate(e, true); h != NotHeld {
		d.hold(h, wait)
		return
	}
	d.s.Hold = NotHeld
	d.s.HoldUntil = time.Time{}
	if d.granted {
		d.s.BlindSince = time.Time{}
	}
	if d.s.Phase == Recovering {
		d.fail()
		d.stillUnhealthy(d.dueAt())
	}
	if due := d.s.UnhealthySince.Add(d.p.UnhealthyFor); d.now.Before(due) {
		d.s.WakeAt = due
		return
	}
	d.treat()
}

// gate tells why a container that is running and unhealthy is left alone, and
// for how long until it is looked at again. With probe one must have failed
// in this very run.
func (d *decision) gate(e Looked, probe bool) (Hold, time.Duration) {
	switch {
	case !d.s.StoppingAt.IsZero():
		d.tellStuck()
		return HoldStopping, recheck
	case d.now.Before(d.s.HoldUntil):
		return HoldSignal, d.s.HoldUntil.Sub(d.now)
	case probe && !d.fresh(e.Sighting):
		return HoldProbe, min(e.Timing.Interval+time.Second, recheck)
	case e.Busy > 0:
		return HoldDeploy, e.Busy
	case e.Gap > 0:
		return HoldBlind, e.Gap
	case e.Blind == 0:
		d.s.BlindSince = time.Time{} // the next time without events is counted for itself
		return d.turn(e)
	case d.s.BlindSince.IsZero():
		d.s.BlindSince = d.now
	}
	if left := d.s.BlindSince.Add(e.Blind).Sub(d.now); left > 0 {
		return HoldBlind, left
	}
	return d.turn(e)
}

// turn tells what of the host's other troubles is in the way of an act. Words
// need not wait for their turn.
func (d *decision) turn(e Looked) (Hold, time.Duration) {
	if d.p.Treatment == TreatNotify {
		return NotHeld, 0
	}
	return e.Held, e.HeldFor
}

// tellStuck tells people, once, that a stop which does not end keeps an
// unhealthy container from being healed: a process may ignore what it is sent.
func (d *decision) tellStuck() {
	if d.now.Sub(d.s.UnhealthySince) < stuckFor || d.now.Sub(d.s.StopHeard) < stuckFor || d.s.Told&(1<<OnlyTold) != 0 {
		return
	}
	if d.s.Since.IsZero() {
		d.s.Since = d.s.UnhealthySince
	}
	d.tell(OnlyTold, func(n *Notice) {
		n.Detail = "Somebody asked it to stop and it still runs: it is left alone until it is started again."
	})
}

// fresh tells whether a probe of this very run has failed. The engine keeps
// the log of earlier runs, and health and streak over a pause. Clocks jump, so
// besides a probe that is younger than the start one that is another than
// before counts.
func (d *decision) fresh(seen Sighting) bool {
	if seen.Streak < 1 {
		return false
	}
	if seen.Probe.Start.IsZero() {
		return !d.s.NeedProbe // an engine that keeps no log: trust its streak
	}
	if !d.s.NeedProbe && !seen.Probe.Start.Before(seen.StartedAt) {
		return true
	}
	if !d.s.NeedProbe || d.s.StaleProbe.IsZero() {
		d.s.NeedProbe, d.s.StaleProbe = true, seen.Probe.Start
		return false
	}
	if seen.Probe.Start.Equal(d.s.StaleProbe) {
		return false
	}
	d.s.NeedProbe = false
	return true
}

// sawExited deals with a container that is down: ours to start if our restart
// left it so, else somebody's decision or its own end.
func (d *decision) sawExited(e Looked) {
	code := e.ExitCode
	switch {
	case d.s.Phase == Steady:
		d.down()
	case !d.s.StoppingAt.IsZero() && (d.s.HalfDone || d.doubtful()): // a person's doing as well: leave it to them
		d.s.HalfDone, d.s.Doubtful = false, time.Time{}
		d.sawExited(e)
	case d.doubtful() && d.s.InFlight == Stop:
		d.quarantined()
	case d.doubtful() && !d.s.HalfDone: // and doubtful still: the engine may be between its stop and its start
		d.s.HalfDone = true
		d.sawExited(e)
	case d.s.HalfDone && e.Held == HoldAsked:
		d.hold(HoldAsked, e.HeldFor)
	case d.s.HalfDone && e.Busy > 0:
		d.hold(HoldDeploy, e.Busy)
	case d.s.HalfDone && !d.due():
		d.s.WakeAt = d.dueAt()
	case d.s.HalfDone:
		d.act(Start)
	case d.exitedByItself(e):
		d.revive(e)
	case d.s.DownSince.IsZero():
		d.s.DownSince = d.now
		d.hold(HoldExited, exitedFor)
	case d.now.Before(d.s.DownSince.Add(exitedFor)):
		d.hold(HoldExited, d.s.DownSince.Add(exitedFor).Sub(d.now))
	case !d.s.StoppingAt.IsZero():
		d.end(StoppedByOther, code)
	default:
		d.end(ExitedByItself, code)
	}
}
