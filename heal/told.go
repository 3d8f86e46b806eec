package heal

import "time"

// What people are told of troubles, once each.

// OfTrouble tells whether a notice is of a trouble that is told without being
// treated: its beginning or its end, apart from the healing.
func (n Notice) OfTrouble() bool {
	return n.Ended != 0 || (n.Reason >= CrashLooping && n.Reason <= LeftDown)
}

// tellTrouble tells of a trouble, once in its incident, unless the same was
// told not long ago; it tells whether it did.
func (d *decision) tellTrouble(r Reason, since time.Time, add func(*Notice)) bool {
	t := &d.s.Trouble
	l := &t.Limits[r-CrashLooping]
	if t.Told&(1<<r) != 0 && !t.Since.IsZero() || !l.ready(d.now) {
		return false
	}
	l.Told, l.Last = min(l.Told+1, 100), d.now
	if r != StuckStarting {
		if t.Since.IsZero() {
			t.Since = since
		}
		since = t.Since
		t.Told |= 1 << r
	}
	n := Notice{Reason: r, At: d.now, Since: since, Status: StatusRunning, Detail: d.p.Detail}
	if add != nil {
		add(&n)
	}
	d.actions = append(d.actions, Tell{Notice: n})
	return true
}

// endTroubles ends whatever was told of.
func (d *decision) endTroubles(r Reason, exitCode int) {
	t := &d.s.Trouble
	d.unstuck(r, exitCode)
	switch {
	case t.Since.IsZero():
	case t.Told&(1<<CrashLooping) != 0:
		d.tellEnd(r, CrashLooping, t.Since, exitCode)
	case r != ExitedByItself: // that it is down was said with it
		d.tellEnd(r, OutOfMemory, t.Since, exitCode)
	}
	t.Since, t.Told = time.Time{}, 0
}

// gone ends all troubles of a container that does not exist any more.
func (d *decision) gone() {
	d.endTroubles(Removed, 0)
	d.s.Trouble = Trouble{}
}

// recovered ends a crash loop or a kill for want of memory: it has run since.
func (d *decision) recovered() {
	t := &d.s.Trouble
	if t.Since.IsZero() {
		return
	}
	ended := OutOfMemory
	if t.Told&(1<<CrashLooping) != 0 {
		ended = CrashLooping
	}
	d.tellEnd(Recovered, ended, t.Since, 0)
	t.Since, t.Told = time.Time{}, 0
}

// unstuck ends a start that was told not to end.
func (d *decision) unstuck(r Reason, exitCode int) {
	t := &d.s.Trouble
	if t.Stuck.IsZero() {
		return
	}
	d.tellEnd(r, StuckStarting, t.Stuck, exitCode)
	t.Stuck = time.Time{}
	if t.OOMAt.IsZero() {
		t.LookAt = time.Time{}
	}
}

func (d *decision) tellEnd(r, ended Reason, since time.Time, exitCode int) {
	d.actions = append(d.actions, Tell{Notice: Notice{
		Reason: r, Ended: ended, At: d.now, Since: since, Status: StatusRunning, ExitCode: exitCode,
		ByPerson: d.s.Trouble.ByPerson, Detail: d.p.Detail,
	}})
}
