package heal

import "time"

// Troubles are what people are told of and defib does not treat: a crash loop
// under the engine's own restart policy, a kill for want of memory, a start
// that does not end. They are judged beside the phases and change none of
// them: a restart by hand would defeat the engine's back-off.

// Trouble is the memory of such troubles. It is zero where there is none.
type Trouble struct {
	// WakeAt is when Decide wants a Woke for it; zero: never.
	WakeAt time.Time

	Since    time.Time          // a crash loop or a kill for want of memory was told; when that began
	Told     uint32             // a bit per Reason that was told of it
	ByPerson bool               // the last end was a person's doing
	Down     bool               // it ended, and no start was heard since
	DiedAt   time.Time          // when it last ended by itself
	Deaths   [crashes]time.Time // the newest such ends that a start followed, oldest first
	QuietAt  time.Time          // when it will have been without a new trouble for long enough
	Check    bool               // the next inspection tells how it ended

	OOMAt  time.Time // an oom event that was not told yet, by the engine's clock
	OOMRun time.Time // the end of a run whose kill was dealt with, by the engine's clock
	Stuck  time.Time // when the start began that was told not to end
	Slow   time.Time // when a start was first seen to take too long, until that is sure
	LookAt time.Time // when to look, whatever else happens

	// The engine's count of its policy's restarts, to see it grow; worth
	// nothing by itself.
	Policy   int
	PolicyAt time.Time

	Limits [3]limit // of crash loops, kills for want of memory, and starts that do not end
}

// Limits of what is told of troubles.
const (
	// crashes ends by itself within crashWindow are a crash loop. The window is
	// also how long a container must run for it to be over.
	crashes     = 3
	crashWindow = 10 * time.Minute
	// againAfter is how long at least nothing more is told of the same trouble;
	// it doubles to againAfterMax while the trouble keeps coming back.
	againAfter    = 2 * time.Hour
	againAfterMax = 7 * 24 * time.Hour
	// oomWait is how long an engine gets to notice what the kernel killed, and
	// its restart policy to start it.
	oomWait = 2 * time.Second
	// stuckSlack is added to the time that a start may take by its health
	// check: the engine's clock is known to the second only, and hosts are busy.
	stuckSlack = 30 * time.Second
)

// IsZero tells whether nothing need be remembered.
func (t Trouble) IsZero() bool {
	t.Policy, t.PolicyAt = 0, time.Time{}
	return t == Trouble{}
}

// limit keeps a trouble that comes back for days from being told each time.
type limit struct {
	Told int
	Last time.Time
}

func (l limit) gap() time.Duration { return doubled(againAfter, againAfterMax, l.Told) }

func (l limit) ready(now time.Time) bool { return l.Told == 0 || now.Sub(l.Last) >= l.gap() }

// forgetAt is when the trouble has stayed away long enough to be news again.
func (l limit) forgetAt() time.Time {
	if l.Told == 0 {
		return time.Time{}
	}
	return l.Last.Add(2 * l.gap())
}

// troubles judges what an event means for the troubles; before is the state
// that it met.
func (d *decision) troubles(before State, e Event) {
	d.s.Trouble = before.Trouble
	if d.p.Treatment == TreatNone {
		return
	}
	switch e := e.(type) {
	case Died:
		d.troubleDied(before, e)
	case Started:
		d.troubleStarted(before)
	case OOMKilled:
		t := &d.s.Trouble
		t.OOMAt = e.At
		t.LookAt, t.QuietAt = d.now.Add(oomWait), d.now.Add(crashWindow)
	case Observed:
		d.troubleObserved(e)
	case Looked:
		d.troubleLooked(e)
	case Woke:
		d.troubleWoke()
	case Finished:
		if before.Phase != Restarting || e.Number != before.Number || e.Outcome != NotFound || e.Seen != nil {
			return
		}
		d.gone()
	case Destroyed:
		d.gone()
	default:
		return
	}
	d.s.Trouble.plan()
}

// plan sets WakeAt to the next of what is due.
func (t *Trouble) plan() {
	t.WakeAt = time.Time{}
	for _, at := range []time.Time{t.LookAt, t.QuietAt, t.Limits[0].forgetAt(), t.Limits[1].forgetAt(), t.Limits[2].forgetAt()} {
		if !at.IsZero() && (t.WakeAt.IsZero() || at.Before(t.WakeAt)) {
			t.WakeAt = at
		}
	}
}

// byItself tells whether a process ended without anybody's asking: neither
// ours nor that of a person who sent it a signal.
func (d *decision) byItself(before State, e Died) bool {
	was := decision{p: d.p, s: before, now: d.now}
	unknown := before.Unverified && (e.Replayed || d.now.Sub(before.ActEnd) < lateBy)
	return !was.acting() && !unknown && !was.late(e.At, e.Replayed) &&
		before.StoppingAt.IsZero() && before.Signal == "" && !d.now.Before(before.HoldUntil)
}

func (d *decision) troubleDied(before State, e Died) {
	t := &d.s.Trouble
	person := !before.StoppingAt.IsZero() || before.Signal != "" || d.now.Before(before.HoldUntil)
	switch {
	case d.byItself(before, e):
		t.Down, t.DiedAt, t.ByPerson = true, d.now, false
		t.QuietAt, t.LookAt = d.now.Add(crashWindow), d.now.Add(failWait)
	case !person:
	case t.Since.IsZero() && t.Stuck.IsZero():
		t.rest()
	default: // the ends of before are the past; what was told waits for how this one ends
		t.Down, t.Deaths, t.ByPerson = true, [crashes]time.Time{}, true
		t.QuietAt = d.now.Add(exitedFor)
	}
}

// troubleStarted counts an end that a start has followed. A start of ours is
// no work of a restart policy.
func (d *decision) troubleStarted(before State) {
	t := &d.s.Trouble
	ours := before.Phase == Restarting || (!before.ActEnd.IsZero() && d.now.Sub(before.ActEnd) < lateBy)
	down := t.Down
	t.Down = false
	if !t.QuietAt.IsZero() {
		t.QuietAt = d.now.Add(crashWindow)
	}
	if !down || ours || t.ByPerson {
		return
	}
	t.Deaths = [crashes]time.Time{t.Deaths[1], t.Deaths[2], t.DiedAt}
	if first := t.Deaths[0]; !first.IsZero() && t.DiedAt.Sub(first) <= crashWindow {
		d.tellTrouble(CrashLooping, first, nil)
	}
}

// troubleObserved takes a word on the health: one that is still starting is
// looked at for how long it has been, one that is healthy is not stuck.
func (d *decision) troubleObserved(e Observed) {
	t := &d.s.Trouble
	switch {
	case e.Health == HealthStarting && t.Stuck.IsZero() && d.s.Phase == Steady && e.Status != StatusPaused:
		d.look()
	case e.Health == Healthy && !t.Stuck.IsZero() && e.Replayed:
		d.lookAside()
	case e.Health == Healthy && !t.Stuck.IsZero():
		d.unstuck(Recovered, 0)
	case e.Health == Healthy || e.Health == Unhealthy:
		t.notSlow()
	}
}

// troubleLooked takes an inspection.
func (d *decision) troubleLooked(e Looked) {
	t := &d.s.Trouble
	switch {
	case e.Gone:
		d.gone()
		return
	case e.Err != "", e.Status == StatusUnknown:
		return // what waits for an answer looks again
	}
	d.policyGrew(e.Sighting)
	d.memoryGone(e.Sighting)
	d.judgeStart(e)
	if t.Check {
		t.Check = false
		d.judgeQuiet(e.Sighting)
	}
}

// policyGrew finds a crash loop whose events were not heard.
func (d *decision) policyGrew(seen Sighting) {
	t := &d.s.Trouble
	if grown := seen.PolicyRestarts - t.Policy; !t.PolicyAt.IsZero() && d.now.Sub(t.PolicyAt) <= crashWindow && grown >= 0 {
		if grown >= crashes {
			t.QuietAt = d.now.Add(crashWindow)
			d.tellTrouble(CrashLooping, t.PolicyAt, nil)
		}
		return
	}
	t.Policy, t.PolicyAt = seen.PolicyRestarts, d.now
}

// memoryGone tells of a kill for want of memory: one that an event told of, or
// one that only the inspection knows.
func (d *decision) memoryGone(seen Sighting) {
	t := &d.s.Trouble
	down := seen.Status == StatusExited || seen.Status == StatusRestarting
	known := seen.FinishedAt.Equal(t.OOMRun)
	if t.OOMAt.IsZero() && (!seen.OOMKilled || !down || known) {
		return
	}
	at := t.OOMAt
	t.OOMAt, t.LookAt = time.Time{}, time.Time{}
	if down {
		t.OOMRun = seen.FinishedAt
	}
	if t.QuietAt.IsZero() {
		t.QuietAt = d.now.Add(crashWindow)
	}
	d.tellTrouble(OutOfMemory, d.now, func(n *Notice) {
		n.ExitCode = 137
		n.Status = seen.Status
		switch {
		case seen.Status == StatusRestarting:
			n.Detail = "Docker's restart policy is about to start it again."
		case down:
			n.ExitCode = seen.ExitCode
			n.Detail = "It is down: no restart policy has started it again."
		case seen.StartedAt.After(at) && seen.PolicyRestarts > 0:
			n.Detail = "Docker's restart policy started it again."
		case !seen.StartedAt.After(at):
			n.ExitCode = 0
			n.Detail = "Only a process in it was killed: the container itself runs on."
		}
	})
}

// judgeStart tells, once, of a start that takes longer than the health check
// allows. Both times are the engine's. An engine from 25 on that was restarted
// beside its running containers calls all of them starting until their first
// probe, however long they have been running (engine fact 2.8): two looks, with
// the time for a probe between them, must agree.
func (d *decision) judgeStart(e Looked) {
	t := &d.s.Trouble
	if !t.Stuck.IsZero() {
		if t.LookAt.IsZero() {
			t.LookAt = d.now.Add(rarely) // the event of its health may be lost
		}
		if e.Health == Healthy {
			d.unstuck(Recovered, 0)
		}
		return
	}
	if e.Health != HealthStarting || e.Status != StatusRunning || d.s.Phase != Steady || e.EngineNow.IsZero() || e.StartedAt.IsZero() {
		t.notSlow()
		return
	}
	took := e.EngineNow.Sub(e.StartedAt)
	if took <= e.Timing.StartPeriod+time.Duration(e.Timing.Retries+1)*(e.Timing.Interval+e.Timing.Timeout)+stuckSlack {
		t.notSlow()
		return
	}
	if t.Slow.IsZero() {
		t.Slow = d.now
	}
	if sure := t.Slow.Add(e.Timing.Interval + 2*e.Timing.Timeout + stuckSlack); d.now.Before(sure) {
		if t.LookAt.IsZero() {
			t.LookAt = sure
		}
		return
	}
	t.notSlow()
	if d.tellTrouble(StuckStarting, d.now.Add(-took), nil) {
		t.Stuck = d.now.Add(-took)
		t.LookAt = d.now.Add(rarely)
	}
}

// notSlow takes back that a start may take too long.
func (t *Trouble) notSlow() {
	if t.Slow.IsZero() {
		return
	}
	t.Slow = time.Time{}
	if t.OOMAt.IsZero() && t.Stuck.IsZero() {
		t.LookAt = time.Time{}
	}
}

// judgeQuiet ends the troubles of a container that has had no new one for long
// enough, by what it does now.
func (d *decision) judgeQuiet(seen Sighting) {
	t := &d.s.Trouble
	switch {
	case d.s.Phase != Steady, seen.Status == StatusPaused: // the healing has the word
		t.QuietAt = d.now.Add(crashWindow)
		return
	case seen.Status == StatusRestarting:
		t.QuietAt = d.now.Add(recheck)
		return
	case seen.Status == StatusRunning && t.Down: // the event of its start is lost
		t.Down, t.QuietAt = false, d.now.Add(crashWindow)
		return
	case seen.Status == StatusRunning:
		d.recovered()
	case t.ByPerson:
		d.endTroubles(StoppedByOther, seen.ExitCode)
	default:
		d.endTroubles(ExitedByItself, seen.ExitCode)
	}
	t.rest()
}

// rest forgets what is over and keeps what limits the next messages, and a
// start that does not end.
func (t *Trouble) rest() {
	*t = Trouble{Limits: t.Limits, Stuck: t.Stuck, Slow: t.Slow, LookAt: t.LookAt, Policy: t.Policy, PolicyAt: t.PolicyAt}
}

// troubleWoke does what is due.
func (d *decision) troubleWoke() {
	t := &d.s.Trouble
	if t.WakeAt.IsZero() || d.now.Before(t.WakeAt) {
		return
	}
	if d.reached(t.LookAt) {
		t.LookAt = time.Time{}
		switch { // should the look fail
		case !t.OOMAt.IsZero(), !t.Slow.IsZero(), d.s.Phase == Restarting:
			t.LookAt = d.now.Add(recheck)
		case !t.Stuck.IsZero():
			t.LookAt = d.now.Add(rarely)
		}
		d.lookAside()
	}
	if d.reached(t.QuietAt) {
		if t.Since.IsZero() && t.Stuck.IsZero() {
			t.rest()
		} else {
			t.Check, t.QuietAt = true, d.now.Add(recheck) // should the look fail
			d.lookAside()
		}
	}
	for i := range t.Limits {
		if d.reached(t.Limits[i].forgetAt()) {
			t.Limits[i] = limit{}
		}
	}
}

// reached tells whether a time that is set has come.
func (d *decision) reached(at time.Time) bool { return !at.IsZero() && !d.now.Before(at) }

// lookAside looks for a trouble's sake, unless an act is under way, whose
// inspection the phases wait for.
func (d *decision) lookAside() {
	if d.s.Phase != Restarting {
		d.look()
	}
}

// restored gives the troubles that a file tells of: nothing in them lies in a
// future that cannot be, and they are looked into soon.
func (t Trouble) restored(now time.Time) Trouble {
	if t.IsZero() {
		return Trouble{}
	}
	for _, at := range []*time.Time{&t.Since, &t.DiedAt, &t.Slow, &t.Limits[0].Last, &t.Limits[1].Last, &t.Limits[2].Last, &t.PolicyAt} {
		*at = earliest(*at, now)
	}
	for i := range t.Limits {
		t.Limits[i].Told = bounded(t.Limits[i].Told)
	}
	if !t.QuietAt.IsZero() {
		t.QuietAt = earliest(t.QuietAt, now.Add(crashWindow))
	}
	if !t.LookAt.IsZero() {
		t.LookAt = earliest(t.LookAt, now.Add(time.Minute))
	}
	t.plan()
	return t
}
