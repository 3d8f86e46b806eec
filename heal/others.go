package heal

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// killed takes a signal that somebody sent: ours, as part of an act, or a
// person's, which means hands off until the container is started again.
func (d *decision) killed(e Killed) {
	switch {
	case d.late(e.At, e.Replayed):
	case d.s.Unverified && (e.Replayed || d.now.Sub(d.s.ActEnd) < lateBy):
	case d.acting():
		d.killedInAct(e)
	case d.ends(e.Signal):
		d.beingStopped(e.At)
	default: // a reload for most, but the stop signal of some: the inspection tells
		d.s.Signal = e.Signal
		d.look()
	}
}

// acting tells whether kills may be those of an act of ours.
func (d *decision) acting() bool {
	after := d.doubtful() || (d.s.Failures > 0 && d.now.Sub(d.s.ActEnd) < lateBy)
	return d.s.Phase == Restarting || (after && !d.s.Untouched)
}

// killedInAct tells the kills of an act from a person's that come meanwhile. An
// act sends the stop signal once, within moments of the call, and KILL when
// the grace is over.
func (d *decision) killedInAct(e Killed) {
	soon := d.now.Sub(d.s.ActAt) <= killsWithin
	sends := d.s.InFlight != Start // a start sends none
	if !d.ends(e.Signal) || (sends && isKill(e.Signal) && (soon || d.s.Kills > 0)) {
		return
	}
	if d.s.Kills++; d.s.Kills == 1 {
		d.s.KillSeen = e.At
		if sends && soon {
			return
		}
	}
	d.s.PersonAt = e.At
	if d.s.Phase != Restarting {
		d.s.HalfDone, d.s.Doubtful = false, time.Time{}
		d.beingStopped(e.At)
	}
}

// beingStopped notes that somebody is stopping the container.
func (d *decision) beingStopped(at time.Time) {
	d.s.StoppingAt = at
	d.s.StopHeard = d.now
	switch d.s.Phase {
	case Steady:
		if d.s.WakeAt.IsZero() {
			d.s.WakeAt = d.now.Add(rarely)
		}
	case Restarting:
	default:
		d.s.Hold = HoldStopping
	}
}

// late tells whether an event is about an earlier run of the container: it is
// older than its start. Where it is neither replayed nor one of our last
// restart it is not: then an old time is that of an engine whose clock was set
// back.
func (d *decision) late(at time.Time, replayed bool) bool {
	mayBe := replayed || d.now.Sub(d.s.ActEnd) < time.Minute
	return mayBe && !d.s.StartedAt.IsZero() && !at.After(d.s.StartedAt)
}

// died takes the end of the process. A person's stop ends the incident unless
// the container is started again at once, as "docker restart" does.
func (d *decision) died(e Died) {
	switch {
	case d.s.Phase == Restarting, d.late(e.At, e.Replayed):
	case d.s.Phase == Steady:
		d.down()
	case !d.s.StoppingAt.IsZero():
		d.s.DownSince = d.now
		d.hold(HoldExited, exitedFor)
	default: // look when a restart policy had the time to start it
		if soon := d.now.Add(failWait); d.s.WakeAt.IsZero() || soon.Before(d.s.WakeAt) {
			d.s.WakeAt = soon
		}
	}
}

// down takes the end of a process that nothing was wrong with. A person's stop
// forgets its restarts, a crash does not: else a container that crashes after
// each restart would have no budget.
func (d *decision) down() {
	d.s.NeedProbe, d.s.Signal = false, ""
	if !d.s.StoppingAt.IsZero() {
		d.s.StoppingAt = time.Time{}
		d.s.Restarts = nil
		d.forget()
	} else if len(d.s.Restarts) > 0 {
		d.s.HealthySince = d.now
		d.s.WakeAt = d.now.Add(d.p.Forget)
	}
}

// started takes a start. One that follows a kill which was not ours is a
// person's: it re-arms everything. Whether somebody brought back what we could
// not an inspection must tell: the event may be an old one.
func (d *decision) started(e Started) {
	switch {
	case d.s.Phase == Restarting:
	case d.s.HalfDone, len(d.s.After) > 0 && d.s.StoppingAt.IsZero():
		d.look()
	case !d.s.StoppingAt.IsZero() && (!e.Replayed || e.At.After(d.s.StoppingAt)):
		d.rearm()
	}
}

// rearm forgets back-off and budget, because a person took the container in
// hand. An open incident waits for the verdict on what the person did.
func (d *decision) rearm() {
	open := !d.s.Since.IsZero()
	d.s = State{
		Since: d.s.Since, Told: d.s.Told, ByPerson: open, Number: d.s.Number, Looking: d.s.Looking, ToAct: d.s.ToAct,
		Timing: d.s.Timing, Probe: d.s.Probe, StopGrace: d.s.StopGrace, StopSignal: d.s.StopSignal,
	}
	if open {
		d.await()
	}
}

// pausing takes the two ends of a pause. Health is frozen in between and stays
// as it was until a probe after it.
func (d *decision) pausing(e Event) {
	_, unpaused := e.(Unpaused)
	if d.s.Phase == Restarting || (d.s.Phase == Steady && !unpaused) {
		return
	}
	d.s.NeedProbe, d.s.StaleProbe = true, time.Time{}
	if d.s.Phase == Steady {
		d.s.WakeAt = d.now.Add(rarely)
	}
	if unpaused {
		d.look()
	} else {
		d.hold(HoldPaused, recheck)
	}
}

// ends tells whether a signal asks the container to end: TERM, KILL, its own
// stop signal, and what cannot be read.
func (d *decision) ends(signal string) bool {
	return AsksToEnd(signal) || (d.s.StopSignal != "" && sameSignal(signal, d.s.StopSignal))
}

// AsksToEnd tells whether a signal, a number or a name, asks nearly every
// container to end: TERM, KILL, and what cannot be read.
func AsksToEnd(signal string) bool {
	n := number(signal)
	return n == "15" || n == "9" || n == ""
}

func isKill(signal string) bool { return number(signal) == "9" }

// sameSignal compares a signal's number or name with another's.
func sameSignal(a, b string) bool { return number(a) == number(b) }

// number gives the Linux number of a signal's name; a number stays as it is,
// and what is neither gives itself.
func number(signal string) string {
	name := strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(signal)), "SIG")
	names := [...]string{
		"", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
		"STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
	}
	if n := slices.Index(names[:], name); n > 0 {
		return strconv.Itoa(n)
	}
	return name
}
