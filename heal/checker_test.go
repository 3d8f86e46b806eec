package heal

import (
	"fmt"
	"reflect"
	"slices"
	"time"
)

// checker drives Decide with any events and holds every promise against each
// step. It keeps its own, dumb memory of what happened and trusts no field of
// State that it can recount.
type checker struct {
	p   Policy
	s   State
	now time.Time

	inFlight     *Act
	tries        int      // restarts since the back-off was last forgotten
	word         Sighting // the newest inspection
	toAct        bool     // the newest look was granted
	overtaken    bool     // since it was asked for, the container was heard to be well, to end or to start
	killedInAct  bool
	byPerson     bool // since the newest act: somebody killed, started or removed it
	restarts     []time.Time
	healthySince time.Time
	told         int // what people saw in this incident
	toldAny      bool
	violations   []string

	troubleMemory
}

func newChecker(p Policy) *checker {
	return &checker{p: p, now: time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)}
}

func (c *checker) fail(format string, args ...any) {
	c.violations = append(c.violations, fmt.Sprintf(format, args...))
}

// step feeds one event and checks what comes of it.
func (c *checker) step(e Event) []Action {
	before := c.s
	kept := append([]time.Time(nil), before.Restarts...)
	after, actions := Decide(c.p, before, e, c.now)
	again, actionsAgain := Decide(c.p, before, e, c.now)
	if !reflect.DeepEqual(after, again) || !reflect.DeepEqual(actions, actionsAgain) {
		c.fail("%T: the same input gave another output", e)
	}
	if len(kept) > 0 && !reflect.DeepEqual(kept, before.Restarts) {
		c.fail("%T: the input was changed", e)
	}
	c.s = after
	c.mayStart = before.HalfDone || len(before.After) > 0 || c.now.Before(before.Doubtful) || c.ownExit
	c.note(e, before)
	c.noteTrouble(e, before)
	for _, a := range actions {
		c.action(a, e, before)
	}
	c.standing(e, before)
	return actions
}

// note keeps the checker's own memory of the world.
func (c *checker) note(e Event, before State) {
	switch e := e.(type) {
	case Looked:
		if e.Err == "" && !e.Gone {
			c.word, c.toAct = e.Sighting, before.ToAct
			c.byPerson = c.byPerson || (before.HalfDone && e.Status == StatusRunning)
		}
	case Observed:
		c.overtaken = c.overtaken || e.Health == Healthy
	case Died:
		c.overtaken = true
	case Killed:
		c.killed(c.inFlight == nil)
	case Started:
		c.overtaken = true
		c.byPerson = c.byPerson || c.inFlight == nil
	case Destroyed:
		c.byPerson, c.inFlight = true, nil
		if !c.s.IsZero() {
			c.fail("a destroyed container is remembered: %+v", c.s)
		}
	case Finished:
		c.noteFinished(e, before)
	}
	healthy := c.s.Phase == Steady || !c.s.HealthySince.IsZero()
	if !healthy {
		c.healthySince = time.Time{}
	} else if c.healthySince.IsZero() {
		c.healthySince = c.now
	}
	if c.s.Tries == 0 && before.Tries > 0 {
		rested := c.now.Sub(c.healthySince) >= c.p.Forget
		if _, woke := e.(Woke); !c.byPerson && (!woke || !rested) && !c.s.Healed() {
			c.fail("%T: the back-off was forgotten without a reason", e)
		}
		c.tries = 0
	}
	if len(c.s.Restarts) < len(before.Restarts) {
		c.noteForgotten(e)
	}
	if len(c.s.Restarts) > len(before.Restarts) || (len(c.s.Restarts) > 0 && c.s.LastRestart.After(before.LastRestart)) {
		c.noteRestart()
	}
}

func (c *checker) noteFinished(e Finished, before State) {
	if c.inFlight == nil || e.Number != c.inFlight.Number {
		if !reflect.DeepEqual(c.s, before) {
			c.fail("a stale outcome (#%d) changed the state", e.Number)
		}
		return
	}
	c.inFlight = nil
	c.byPerson = c.byPerson || (c.killedInAct && e.Outcome != Done)
	c.killedInAct = false
}

func (c *checker) killed(idle bool) {
	c.byPerson = c.byPerson || idle
	c.killedInAct = c.killedInAct || !idle
}

func (c *checker) noteForgotten(e Event) {
	if c.byPerson || c.s.Healed() {
		c.restarts = nil
		return
	}
	lost := len(c.restarts) - len(c.s.Restarts)
	for _, at := range c.restarts[:max(0, lost)] {
		if c.now.Sub(at) < c.p.Window {
			c.fail("%T: a restart of %s ago was forgotten without a reason", e, c.now.Sub(at))
		}
	}
}

func (c *checker) noteRestart() {
	c.restarts = append(c.restarts, c.now)
	c.tries++
	recent := 0
	for _, at := range c.restarts {
		if c.now.Sub(at) < c.p.Window {
			recent++
		}
	}
	if recent > c.p.MaxRestarts && !c.s.SpentBudget {
		c.fail("%d restarts within %s; at most %d", recent, c.p.Window, c.p.MaxRestarts)
	}
}

// action checks one action as it is asked for.
func (c *checker) action(a Action, e Event, before State) {
	switch a := a.(type) {
	case Look:
		if l, ok := e.(Looked); ok && l.Err == "" && a.ToAct == c.toAct && !c.overtaken {
			c.fail("a look led to the same look at the same instant")
		}
		c.overtaken = false
	case Act:
		c.act(a, e, before)
	case Tell:
		c.tell(a.Notice)
	}
}

// follows tells whether an inspection shows a container that has to be
// restarted after another.
func follows(l Looked) bool {
	return slices.ContainsFunc(l.Owners, func(o OwnerSeen) bool { return o.StartedAt.After(l.StartedAt) })
}

func (c *checker) act(a Act, e Event, before State) {
	if c.inFlight != nil {
		c.fail("%s while %s is under way", a.Verb, c.inFlight.Verb)
	}
	looked, ok := e.(Looked)
	switch {
	case !ok || looked.Err != "" || looked.Gone:
		c.fail("%s without having looked: %T", a.Verb, e)
	case !c.toAct:
		c.fail("%s out of turn", a.Verb)
	case a.Verb == Start && !c.mayStart:
		c.fail("start of a container that defib has not stopped and may not start")
	case a.Verb == Start && looked.Status != StatusExited:
		c.fail("start of a container that is %s", looked.Status)
	case c.overtaken:
		c.fail("%s for what was seen before it was heard to be well, to end or to start", a.Verb)
	case a.Verb == Restart && follows(looked):
		if looked.Status != StatusRunning {
			c.fail("restart after its owner of a container that is %s", looked.Status)
		}
	case a.Verb != Start && (looked.Health != Unhealthy || looked.Status != StatusRunning || looked.Streak == 0):
		c.fail("%s of a container that is %s, %s, streak %d", a.Verb, looked.Status, looked.Health, looked.Streak)
	case c.p.Treatment == TreatNone || c.p.Treatment == TreatNotify:
		c.fail("%s though it may only be told", a.Verb)
	case a.Verb == Restart && !c.s.StoppingAt.IsZero():
		c.fail("restart of a container that somebody is stopping")
	}
	if ok && looked.HeldFor > 0 && !c.s.HalfDone && !before.HalfDone {
		c.fail("%s of a container that is held: %s", a.Verb, looked.Held)
	}
	for _, o := range looked.Owners {
		if o.Tie == TieNamespace && (o.Gone || o.Status != StatusRunning) && a.Verb != Stop {
			c.fail("%s of a container whose namespace's owner does not run", a.Verb)
		}
	}
	if n := len(c.restarts); n > 0 && c.tries > 0 && a.Verb == Restart {
		least := c.p.Backoff
		for i := 1; i < c.tries && least < c.p.BackoffMax; i++ {
			least *= 2
		}
		if gap := c.now.Sub(c.restarts[n-1]); gap < min(least, c.p.BackoffMax) {
			c.fail("restart %d comes %s after the one before; at least %s", n+1, gap, least)
		}
	}
	c.inFlight = &a
	c.byPerson = false
}

func (c *checker) tell(n Notice) {
	if n.OfTrouble() {
		c.tellTrouble(n)
		return
	}
	ends := n.Reason.Ends()
	if ends && n.Reason != Quarantined && n.Reason != Followed && !n.Exited && !c.toldAny && !n.Unsure {
		c.fail("%s though nothing was told before", n.Reason)
	}
	if !n.Repeat && !n.Silent {
		c.told++
	}
	c.toldAny = true
	if c.told > 8 {
		c.fail("%d messages in one incident, the last: %s", c.told, n.Reason)
	}
	if ends {
		c.told, c.toldAny = 0, false
	}
}

// standing checks what must hold after every step.
func (c *checker) standing(e Event, before State) {
	if len(c.s.Restarts) > max(1, c.p.MaxRestarts) {
		c.fail("%d restarts are remembered", len(c.s.Restarts))
	}
	waits := c.s.Phase == Failing || c.s.Phase == BackingOff || c.s.Phase == Recovering ||
		(c.s.Phase == GivenUp && c.p.RetryAfter > 0)
	if waits && c.s.WakeAt.IsZero() && !c.s.Looking {
		c.fail("%T: a dead end: %s without a date", e, c.s.Phase)
	}
	if (c.s.Phase == Restarting) != (c.inFlight != nil) {
		c.fail("%T: phase %s, act under way: %v", e, c.s.Phase, c.inFlight != nil)
	}
	if o, ok := e.(Observed); ok {
		repeated, actions := Decide(c.p, c.s, o, c.now)
		repeated.Overtaken = c.s.Overtaken // a look that the first one began
		if len(actions) > 0 || !reflect.DeepEqual(repeated, c.s) {
			c.fail("a repeated observation (%s, %s) did something", o.Health, o.Status)
		}
	}
	c.standingTrouble(e)
	_ = before
}
