package heal

import "time"

// treat deals with a container that is surely unhealthy, has been so for long
// enough and may be touched.
func (d *decision) treat() {
	if d.s.Since.IsZero() {
		d.s.Since = d.s.UnhealthySince
	}
	switch d.p.Treatment {
	case TreatRestart:
		d.restart()
	case TreatStop:
		d.actOrWait(Stop)
	default:
		if d.s.Told&(1<<OnlyTold) == 0 {
			d.tell(OnlyTold, nil)
		}
		d.s.WakeAt = d.now.Add(recheck)
	}
}

// restart restarts within the back-off and the budget.
func (d *decision) restart() {
	switch {
	case d.s.SpentBudget:
		d.retry()
	case d.spent():
		d.giveUp()
	default:
		d.actOrWait(Restart)
	}
}

// actOrWait acts now or when the back-off allows it.
func (d *decision) actOrWait(v Verb) {
	if d.due() {
		d.act(v)
		return
	}
	d.s.Phase = BackingOff
	d.s.WakeAt = d.dueAt()
}

// giveUp ends the restarts: a human is needed.
func (d *decision) giveUp() {
	d.s.SpentBudget = true
	d.s.SilentTries = 0
	d.s.RetryAt = d.now.Add(d.p.retryGap(1, d.seed(1)))
	d.waitForRetry()
	d.tell(GaveUp, func(n *Notice) {
		n.Next = d.s.WakeAt
		n.Attempt = max(n.Attempt, len(d.s.Restarts))
	})
}

// retry makes the one silent restart when its time has come.
func (d *decision) retry() {
	if d.p.RetryAfter == 0 || !d.due() {
		d.waitForRetry()
		return
	}
	d.act(Restart)
}

// waitForRetry enters the phase GivenUp. Without retries it never wakes by
// itself: health or a human ends it.
func (d *decision) waitForRetry() {
	d.s.Phase = GivenUp
	d.s.WakeAt = time.Time{}
	if d.p.RetryAfter > 0 {
		d.s.WakeAt = d.dueAt()
	}
}

// finished takes the outcome of an act; one of an older act changes nothing.
func (d *decision) finished(e Finished) {
	if d.s.Phase != Restarting || e.Number != d.s.Number {
		return
	}
	d.s.ActEnd = d.now
	switch {
	case e.Outcome == NotFound && e.Seen == nil:
		d.end(Removed, 0)
	case e.Outcome == Done || d.happened(e.Seen):
		d.succeeded(e)
	default:
		d.failed(e)
	}
}

// happened tells from an inspection that the act took place, whatever the
// engine answered: a lost reply is not a lost restart.
func (d *decision) happened(seen *Sighting) bool {
	if seen == nil {
		return false
	}
	if d.s.InFlight == Stop {
		return seen.Status == StatusExited
	}
	return seen.Status == StatusRunning && !seen.StartedAt.Equal(d.s.StartedAt)
}

func (d *decision) succeeded(e Finished) {
	d.s.Failures = 0
	if d.s.InFlight == Stop {
		d.quarantined()
		return
	}
	d.restarted(e.Took)
	if e.Seen == nil {
		// Until its new start is known the late events of our restart cannot
		// be told from a person's.
		d.s.Unverified = true
		d.look()
		return
	}
	d.s.StartedAt = e.Seen.StartedAt
	if (e.Seen.Health == Healthy || e.Seen.Health == HealthNone) && e.Seen.Status == StatusRunning {
		d.sawHealthy()
	}
}

func (d *decision) quarantined() {
	d.tell(Quarantined, nil)
	d.s = State{}
}

// restarted counts a restart that took place, tells of it and waits for the
// verdict.
func (d *decision) restarted(took time.Duration) {
	d.remember()
	if d.s.SpentBudget {
		d.s.SilentTries++
		d.s.RetryAt = d.now.Add(d.p.retryGap(d.s.SilentTries+1, d.seed(d.s.SilentTries+1)))
	}
	d.s.Doubtful, d.s.PersonAt = time.Time{}, time.Time{}
	d.s.HalfDone = false
	d.s.NeedProbe = false
	d.s.DownSince = time.Time{}
	d.await()
	d.followed()
	// Nothing was wrong with one that only follows: people hear of it when it is well.
	aside := d.s.Following && d.s.Told&^(1<<Restarted) == 0
	d.tell(Restarted, func(n *Notice) { n.Took, n.Aside = took, aside })
}

// failed plans the next try. It is soon, because the container may be down.
func (d *decision) failed(e Finished) {
	d.s.Failures++
	d.s.Phase = BackingOff
	d.blame(e)
	wait := doubled(failWait, failWaitMax, d.s.Failures)
	if e.Outcome == NoAnswer && !d.s.KillSeen.IsZero() {
		wait = max(wait, d.s.StopGrace) // it is at work; many programs take a second signal for an order to hurry
	}
	d.s.NotBefore = d.now.Add(wait)
	d.s.WakeAt = d.s.NotBefore
	d.tell(RestartFailed, func(n *Notice) {
		n.Err = e.Err
		n.Verb = d.s.InFlight
		n.Next = d.s.WakeAt
		n.Took = e.Took
		if !d.s.StoppingAt.IsZero() {
			n.Next = time.Time{}
			n.Detail = "Somebody is stopping it: it is left alone until it is started again."
		}
		if d.s.HalfDone {
			n.Status = StatusExited
		}
	})
}

// blame tells whose doing it is that a failed act found the container as it is:
// a person's, whose stop came meanwhile, or ours to put right.
func (d *decision) blame(e Finished) {
	untouched := e.Outcome == Refused || e.Outcome == Unreached
	down := e.Seen != nil && e.Seen.Status == StatusExited
	person := d.s.PersonAt
	if e.Outcome == Failed && down && d.s.Kills == 1 && d.s.InFlight != Start {
		person = time.Time{} // the engine came as far as the start: the one stop signal was ours, if late
	}
	d.s.Untouched = untouched || (e.Outcome == Failed && e.Seen != nil && !down && d.s.Kills == 0)
	if untouched && person.IsZero() {
		person = d.s.KillSeen
	}
	switch {
	case !person.IsZero():
		d.s.HalfDone = false
		d.beingStopped(person)
	case untouched:
	case down && d.s.InFlight != Stop:
		d.s.HalfDone = true
	default:
		d.s.Doubtful = d.now.Add(d.s.StopGrace + time.Minute)
	}
}

// doubtful tells whether an act without a good answer may still happen.
func (d *decision) doubtful() bool { return d.now.Before(d.s.Doubtful) }
