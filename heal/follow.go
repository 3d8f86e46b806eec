package heal

import (
	"slices"
	"time"
)

// Tie is how a container is bound to another, its owner, after which it is to
// be restarted.
type Tie uint8

// The ties.
const (
	TieNamespace Tie = iota // it shares the owner's network, process or IPC namespace, and loses it with each start of the owner
	TieStarted              // Compose's depends_on with restart: true; the owner must have started
	TieHealthy              // the same with condition: service_healthy
	TieCompleted            // the same with condition: service_completed_successfully
	TieLabel                // label autoheal.restart-with; the owner must be healthy where it has a health check
)

// Owner is one that a container is to be restarted after.
type Owner struct {
	ID, Name string
	Tie      Tie
	Ours     bool // its restart is ours: nobody else sees to those that depend on it
	// Path holds the ids of those whose restart led to this one, so that a
	// circle ends where it began.
	Path  []string
	Heard time.Time // when Decide heard of it, by the caller's clock
	Died  bool      // the container died at about the same time
	Gone  bool      // the owner does not exist any more, and people know
}

// OwnerSeen is what an inspection says of an owner.
type OwnerSeen struct {
	ID, Name  string
	Tie       Tie
	Gone      bool // there is no such container
	Status    Status
	Health    Health
	StartedAt time.Time // the engine's clock
	ExitCode  int
}

// OwnerStarted says that an owner has been started, by whomever: the container
// may have to be restarted after it.
type OwnerStarted struct{ Owner }

// OwnerLost says that a container which shares an owner's namespace died, or
// that the owner was removed.
type OwnerLost struct{ Owner }

func (OwnerStarted) event() {}
func (OwnerLost) event()    {}

// maxOwners bounds what is remembered of one container.
const maxOwners = 32

// ownerSettle is how long an owner that somebody else restarted must be ready:
// "docker compose restart" restarts those that depend on it by itself.
const ownerSettle = 5 * time.Second

// ready tells whether the container may be restarted now, after this owner.
func (o OwnerSeen) ready() bool {
	switch {
	case o.Tie == TieCompleted:
		return o.Status == StatusExited && o.ExitCode == 0
	case o.Status != StatusRunning:
		return false
	case o.Tie == TieStarted:
		return true
	}
	return o.Health == Healthy || o.Health == HealthNone
}

// owned takes that an owner was started or lost: a look tells whether the
// container has to be restarted for it.
func (d *decision) owned(o Owner) {
	if d.p.Treatment == TreatNone || (d.p.Treatment != TreatRestart && o.Tie != TieNamespace) {
		return
	}
	keep := slices.DeleteFunc(slices.Clone(d.s.After), func(a Owner) bool {
		o.Died = o.Died || (a.ID == o.ID && a.Died)
		return a.ID == o.ID
	})
	o.Heard = d.now
	if len(keep) < maxOwners {
		keep = append(keep, o)
	}
	d.s.After = keep
	d.s.OwnerReady = time.Time{}
	switch d.s.Phase {
	case Restarting: // its outcome is followed by a look
	case Steady:
		d.fail()
		d.s.Following = true
		d.s.WakeAt = d.now.Add(failWait) // by then what died with its owner is down
		if !o.Died {
			d.look()
		}
	default:
		d.look()
	}
}

// follow deals with a container that has to be restarted after others, or
// cannot be because of them. It tells whether that is all that the look is for.
func (d *decision) follow(e Looked) bool {
	if d.p.Treatment == TreatNone {
		return false
	}
	d.sortOut(e)
	if lost := d.ownerGone(e); lost != nil {
		if e.Busy > 0 && d.s.Told&(1<<OwnerReplaced) == 0 { // it may be replaced next
			d.hold(HoldDeploy, e.Busy)
			return true
		}
		d.tellReplaced(*lost)
		return true
	}
	if len(d.s.After) == 0 {
		return d.unfollow(e) || d.ownerDown(e)
	}
	if d.p.Treatment != TreatRestart {
		d.tellOrphaned()
		return true
	}
	switch {
	case e.Status == StatusPaused:
		d.hold(HoldPaused, recheck)
	case e.Status == StatusRestarting:
		d.hold(HoldRestarting, recheck)
	case d.heldBack(e):
	case e.Status == StatusExited:
		d.bring(Start)
	default:
		d.bring(Restart)
	}
	return true
}

// sortOut drops the owners that the container need not follow any more and
// adds those that took its namespace away unheard.
func (d *decision) sortOut(e Looked) {
	var keep []Owner
	for _, a := range d.s.After {
		i := slices.IndexFunc(e.Owners, func(o OwnerSeen) bool { return o.ID == a.ID })
		if i < 0 { // it could not be looked at: nothing is known of it now
			keep = append(keep, a)
		} else if d.follows(a, e.Owners[i], e.Sighting) {
			a.Name = e.Owners[i].Name // it may have been renamed
			keep = append(keep, a)
		}
	}
	for _, o := range e.Owners {
		known := slices.ContainsFunc(keep, func(a Owner) bool { return a.ID == o.ID })
		if o.Tie == TieNamespace && !known && !o.Gone && running(e.Status) && running(o.Status) && o.StartedAt.After(e.StartedAt) {
			keep = append(keep, Owner{ID: o.ID, Name: o.Name, Tie: o.Tie, Path: []string{o.ID}})
		}
	}
	d.s.After = keep
}

func running(s Status) bool { return s == StatusRunning || s == StatusPaused }

// follows tells whether the container still has to be restarted after an owner.
// One that is down follows only an owner that it went down with.
func (d *decision) follows(a Owner, o OwnerSeen, seen Sighting) bool {
	switch {
	case o.Gone:
		return a.Tie == TieNamespace
	case seen.Status == StatusExited:
		return a.Died && d.s.StoppingAt.IsZero() && (!running(o.Status) || !o.StartedAt.Before(seen.StartedAt))
	case o.Status == StatusExited && o.Tie != TieCompleted:
		return false // its next start will be told
	case !running(o.Status) && o.Tie != TieCompleted:
		return true
	}
	return o.StartedAt.After(seen.StartedAt)
}

// ownerGone gives an owner of a namespace that does not exist any more: no
// restart can work then, and one would leave the container down.
func (d *decision) ownerGone(e Looked) *OwnerSeen {
	for i, o := range e.Owners {
		if o.Tie == TieNamespace && o.Gone {
			return &e.Owners[i]
		}
	}
	return nil
}

// unfollow ends what was begun for an owner's sake only.
func (d *decision) unfollow(e Looked) bool {
	if !d.s.Following || d.s.Phase == Recovering || !d.s.Since.IsZero() {
		return false
	}
	d.s.Following = false
	if e.Status == StatusRunning && e.Health == Unhealthy {
		d.fail() // this is its own trouble, from now on
		return false
	}
	d.settle()
	return true
}

// ownerDown holds a container that would be restarted, or started again, while
// an owner of its namespace is down: the engine would stop it and could not
// start it. The start of the owner ends the hold; people are told if it does
// not come.
func (d *decision) ownerDown(e Looked) bool {
	sick := e.Status == StatusRunning && e.Health == Unhealthy
	halfway := e.Status == StatusExited && d.oursToStart(e)
	i := slices.IndexFunc(e.Owners, func(o OwnerSeen) bool { return o.Tie == TieNamespace && o.Status != StatusRunning })
	if i < 0 || (!sick && !halfway) || d.p.Treatment == TreatNone {
		return false
	}
	if d.s.Phase == Steady || d.s.Phase == Recovering {
		d.fail()
	}
	d.hold(HoldOwner, recheck)
	if d.now.Sub(d.s.UnhealthySince) >= causeMost && d.s.Told&(1<<OnlyTold) == 0 {
		if d.s.Since.IsZero() {
			d.s.Since = d.s.UnhealthySince
		}
		d.tell(OnlyTold, func(n *Notice) {
			n.Owner = e.Owners[i].Name
			n.Detail = "The container whose network or other namespace it shares does not run. It is brought back once that one runs again."
		})
	}
	return true
}

// heldBack holds a container that may not be brought back yet.
func (d *decision) heldBack(e Looked) bool {
	if h, wait := d.gate(e, false); h != NotHeld {
		d.hold(h, wait)
		return true
	}
	settled := true
	for _, o := range e.Owners {
		down := o.Tie == TieNamespace && o.Status != StatusRunning
		if down || (d.isAfter(o.ID) && !o.ready()) {
			d.s.OwnerReady = time.Time{}
			d.hold(HoldOwner, recheck)
			return true
		}
	}
	for _, a := range d.s.After {
		settled = settled && a.Ours
		if !slices.ContainsFunc(e.Owners, func(o OwnerSeen) bool { return o.ID == a.ID }) {
			d.hold(HoldOwner, failWaitMax)
			return true
		}
	}
	if d.s.OwnerReady.IsZero() {
		d.s.OwnerReady = d.now
	}
	if until := d.s.OwnerReady.Add(ownerSettle); !settled && d.now.Before(until) {
		d.hold(HoldOwner, until.Sub(d.now))
		return true
	}
	return false
}

func (d *decision) isAfter(id string) bool {
	return slices.ContainsFunc(d.s.After, func(a Owner) bool { return a.ID == id })
}

// bring restarts or starts a container within its back-off and its budget.
func (d *decision) bring(v Verb) {
	d.s.Hold = NotHeld
	if d.s.Phase == Recovering {
		d.s.Phase = BackingOff
	}
	if d.s.Since.IsZero() {
		d.s.Since = d.s.UnhealthySince
		d.s.Following = true
	}
	switch {
	case d.s.SpentBudget && (d.p.RetryAfter == 0 || !d.due()):
		d.waitForRetry()
	case d.s.SpentBudget:
		d.act(v)
	case d.spent():
		d.giveUp()
	default:
		d.actOrWait(v)
	}
}

// followed forgets the owners that the container has been restarted after; one
// that was started in the meantime is not among them.
func (d *decision) followed() {
	if d.s.Following && len(d.s.After) > 0 {
		d.s.FollowedBy = d.s.After[0].Name
	}
	d.s.After = slices.DeleteFunc(slices.Clone(d.s.After), func(a Owner) bool { return !a.Heard.After(d.s.ActAt) })
}

// tellReplaced tells, once, that the owner of the container's namespace is gone.
func (d *decision) tellReplaced(o OwnerSeen) {
	if d.s.Phase == Steady || d.s.Phase == Recovering {
		d.fail()
	}
	if d.s.Since.IsZero() {
		d.s.Since = d.s.UnhealthySince
	}
	d.hold(HoldOwner, rarely)
	if d.s.Told&(1<<OwnerReplaced) == 0 {
		d.tell(OwnerReplaced, func(n *Notice) { n.Owner = o.Name })
	}
}

// tellOrphaned tells, once, that a container which is not ours to restart needs it.
func (d *decision) tellOrphaned() {
	if d.s.Since.IsZero() {
		d.s.Since = d.s.UnhealthySince
	}
	d.hold(HoldOwner, recheck)
	if d.s.Told&(1<<OnlyTold) != 0 {
		return
	}
	d.tell(OnlyTold, func(n *Notice) {
		n.Owner = d.s.After[0].Name
		n.Detail = "It shares a network or another namespace with a container that has been restarted, and has lost it. Only a restart of this one repairs that."
	})
}
