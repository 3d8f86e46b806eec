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
	}
	d.s.LookFails = 0
	d.take(e.Sighting)
	switch e.Status {
	case StatusExited:
		d.sawExited(e.ExitCode)
	case StatusPaused:
		d.s.NeedProbe, d.s.StaleProbe = true, e.Probe.Start
		d.hold(HoldPaused, recheck)
	case StatusRestarting:
		d.hold(HoldRestarting, recheck)
	default:
		d.sawRunning(e.Sighting)
	}
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
	if d.s.Unanswered && seen.Status == StatusRunning && !seen.StartedAt.Equal(d.s.StartedAt) {
		d.restarted(0) // the restart that got no answer has happened after all
	}
	if d.s.Signal != "" {
		if sameSignal(d.s.Signal, seen.StopSignal) {
			d.s.StoppingAt = seen.StartedAt.Add(1)
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

func (d *decision) sawRunning(seen Sighting) {
	if d.s.HalfDone { // somebody else brought it back
		d.rearm()
	}
	switch seen.Health {
	case Unhealthy:
		d.confirmed(seen)
	case Healthy:
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
	if until := d.s.HealthySince.Add(d.s.Timing.Confirm()); d.now.Before(until) {
		d.s.WakeAt = until
		return
	}
	if d.s.Told != 0 {
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
func (d *decision) confirmed(seen Sighting) {
	if d.p.Treatment == TreatNone {
		return
	}
	if d.s.Phase == Steady {
		d.fail()
	}
	if !d.s.StoppingAt.IsZero() {
		d.hold(HoldStopping, recheck)
		return
	}
	if !d.fresh(seen) {
		d.hold(HoldProbe, min(seen.Timing.Interval+time.Second, recheck))
		return
	}
	d.s.Hold = NotHeld
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
func (d *decision) sawExited(code int) {
	switch {
	case d.s.Phase == Steady:
		d.down()
	case d.s.Unanswered:
		d.s.HalfDone, d.s.Unanswered = true, false
		d.sawExited(code)
	case d.s.HalfDone && !d.due():
		d.s.WakeAt = d.dueAt()
	case d.s.HalfDone:
		d.act(Start)
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
