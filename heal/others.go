package heal

import (
	"strings"
	"time"
)

// killed takes a signal that somebody sent. While a restart of ours is under
// way it is ours, and so are the late events of that restart: they are older
// than the container's new start.
func (d *decision) killed(e Killed) {
	ours := d.s.Phase == Restarting || d.s.Unverified || d.s.Unanswered || d.late(e.At)
	switch {
	case ours:
	case stops(e.Signal):
		d.s.StoppingAt = e.At
		if d.s.Phase != Steady {
			d.s.Hold = HoldStopping
		}
	default: // a reload for most, but the stop signal of some: the inspection tells
		d.s.Signal = e.Signal
		d.look()
	}
}

// late tells whether an event belongs to our last restart: it is older than
// the start which that ended with. Long after the restart nothing is: then an
// old time is that of an engine whose clock was set back.
func (d *decision) late(at time.Time) bool {
	return d.now.Sub(d.s.LastRestart) < time.Minute && !at.After(d.s.StartedAt)
}

// died takes the end of the process. A person's stop ends the incident unless
// the container is started again at once, as "docker restart" does.
func (d *decision) died(e Died) {
	switch {
	case d.s.Phase == Restarting, d.late(e.At):
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

// started takes a start. One that follows a kill which was not ours, or that
// brings back what we could not, is a person's: it re-arms everything.
func (d *decision) started() {
	if d.s.Phase != Restarting && (!d.s.StoppingAt.IsZero() || d.s.HalfDone) {
		d.rearm()
	}
}

// rearm forgets back-off and budget, because a person took the container in
// hand. An open incident waits for the verdict on what the person did.
func (d *decision) rearm() {
	open := !d.s.Since.IsZero()
	d.s = State{
		Since: d.s.Since, Told: d.s.Told, ByPerson: open, Number: d.s.Number, Looking: d.s.Looking, ToAct: d.s.ToAct,
		Timing: d.s.Timing, Probe: d.s.Probe, StopGrace: d.s.StopGrace,
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
	if unpaused {
		d.look()
	} else {
		d.hold(HoldPaused, recheck)
	}
}

// stops tells whether a signal asks nearly every container to end: INT, QUIT,
// ABRT, KILL and TERM. Unreadable ones count as such.
func stops(signal string) bool {
	switch normal(signal) {
	case "1", "HUP", "10", "USR1", "12", "USR2", "17", "CHLD", "18", "CONT", "23", "URG", "28", "WINCH", "29", "IO":
		return false
	}
	return true
}

// sameSignal compares a signal's number or name with another's.
func sameSignal(a, b string) bool {
	return number(normal(a)) == number(normal(b))
}

func normal(signal string) string {
	return strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(signal)), "SIG")
}

// number gives the Linux number of the signals that stops lets pass.
func number(name string) string {
	numbers := map[string]string{
		"HUP": "1", "USR1": "10", "USR2": "12", "CHLD": "17", "CONT": "18", "URG": "23", "WINCH": "28", "IO": "29",
	}
	if n, ok := numbers[name]; ok {
		return n
	}
	return name
}
