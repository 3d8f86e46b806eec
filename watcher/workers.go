package watcher

import (
	"context"
	"errors"
	"runtime"
	"time"

	"defib/heal"
)

// errAway is what a worker finds before the first connection.
var errAway = errors.New("the engine is away")

// look has a container inspected. A look that an act may follow waits for its
// turn, so that what is acted on was seen a moment ago.
func (w *Watcher) look(ctx context.Context, e *entry, a heal.Look) {
	id := e.container.ID
	if a.ToAct && !w.turns.ask(id) {
		w.log.Debug().Str("container", e.container.Name).Msg("waiting for its turn")
		return
	}
	w.startLook(ctx, e, a.ToAct)
}

// startLook inspects in a worker. Before an act it lets a new stream tell what
// happened before it was opened: that somebody is stopping the container, say.
func (w *Watcher) startLook(ctx context.Context, e *entry, toAct bool) {
	id, after := e.container.ID, e.state.After
	withLog, keepLog := w.wantsLog(e, toAct)
	mayTell := e.policy.Treatment == heal.TreatNotify && e.state.Told&(1<<heal.OnlyTold) == 0
	job := func() {
		if mayTell {
			w.memory.settle() // whoever comes after this process must know of the incident that people are told of
		}
		if wait := w.cond.settles(); toAct && wait > 0 {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
		}
		seen, err := w.see(ctx, id, withLog, toAct)
		l := looked{id: id, seen: seen, keepLog: keepLog, err: err}
		if err == nil {
			l.owners = w.owners(ctx, seen.shares, after)
		}
		w.send(l)
	}
	if toAct {
		go job()          // they are few, see turns, and wait for nobody
		runtime.Gosched() // it goes first: what is left to do here is not what healing waits for
		return
	}
	w.lookers.do(job)
}

func (w *Watcher) inspect(ctx context.Context, id string) (inspection, error) {
	eng := w.engine.Load()
	if eng == nil {
		return inspection{}, errAway
	}
	select {
	case w.looks <- struct{}{}:
		defer func() { <-w.looks }()
	case <-ctx.Done():
		return inspection{}, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, min(w.o.CallTimeout, listTimeout))
	defer cancel()
	return eng.inspect(ctx, id)
}

// giveTurn ends a container's turn and starts the look of the next.
func (w *Watcher) giveTurn(ctx context.Context, id string) {
	for next, ok := w.turns.give(id); ok; next, ok = w.turns.give(next) {
		if e, known := w.entries[next]; known && e.state.ToAct {
			w.startLook(ctx, e, true)
			return
		}
	}
}

// looked is the result of a look.
type looked struct {
	id      string
	seen    inspection
	keepLog bool // what the look before read of its log still serves
	owners  []heal.OwnerSeen
	err     error
}

func (l looked) apply(ctx context.Context, w *Watcher) {
	e, known := w.entries[l.id]
	if !known {
		w.giveTurn(ctx, l.id)
		return
	}
	switch {
	case l.err == nil:
		e.container = l.seen.container
		w.trouble = ""
		w.takeEvidence(e, l)
		probe := l.seen.Timing.Interval + l.seen.Timing.Timeout
		if len(e.state.After) > 0 {
			probe = 0 // no probe of its own would tell that it need not be restarted
		}
		held, wait := w.host.Judge(l.id, probe, time.Now())
		if left := w.pauses.Left(e.container, time.Now()); left > 0 {
			held, wait = heal.HoldAsked, left
		}
		w.feed(ctx, e, heal.Looked{
			Sighting: l.seen.Sighting, EngineNow: w.engineNow(),
			Owners: l.owners,
			Held:   held, HeldFor: wait,
			Blind: w.blind(e, l.seen.StopTimeout),
			Gap:   max(0, time.Until(w.gapAt.Add(stops(l.seen.StopTimeout)))),
			Busy:  w.quiet.left(e.container.Project, time.Now()),
		})
	case isGone(l.err, l.id):
		w.feed(ctx, e, heal.Looked{Gone: true})
	default:
		if text := plain(l.err); text != w.trouble {
			w.trouble = text
			w.about(w.log.Warn(), e).Str("err", text).Msg("could not be looked at: without that nothing is restarted")
		}
		w.feed(ctx, e, heal.Looked{Err: plain(l.err)})
	}
}

// blind tells how long a container must be watched before it is acted on,
// because nobody could have told that somebody is stopping it: as long as its
// stop may take.
func (w *Watcher) blind(e *entry, stopTimeout time.Duration) time.Duration {
	switch w.cond.sight() {
	case sightAway: // it may be back any moment, and then tells
		return max(stops(stopTimeout), time.Minute)
	case sightNever:
		return stops(stopTimeout)
	default:
		if e.unheard {
			return stops(stopTimeout)
		}
	}
	return 0
}

// stops is how long a stop that nothing was heard of may be under way: as long
// as the container may take for one. Who may take half an hour is not left
// sick for so long after each start of defib.
func stops(stopTimeout time.Duration) time.Duration {
	return min(stopTimeout, 5*time.Minute) + time.Second
}

// act has the engine do something, in a worker of its own: a call that hangs
// keeps nobody but itself. It outlives ctx, since an engine of the 24 series
// leaves a container stopped when the call is cut off.
func (w *Watcher) act(ctx context.Context, e *entry, a heal.Act) {
	id := e.container.ID
	if ctx.Err() != nil {
		return // defib is stopping: nothing new is begun
	}
	w.logAct(e, a)
	w.acting++
	limit := a.Grace + max(slack, w.o.CallTimeout)
	go func() {
		// A turn that a hung call never gives back would stop all others.
		late := time.AfterFunc(a.Grace+slack/2, func() { w.send(overdue{id: id, number: a.Number}) })
		defer late.Stop()
		w.send(w.carryOut(context.WithoutCancel(ctx), id, a, limit))
	}()
	runtime.Gosched() // the call goes first
}

// carryOut makes the call and looks at what came of it.
func (w *Watcher) carryOut(ctx context.Context, id string, a heal.Act, limit time.Duration) finished {
	w.memory.settle() // whoever comes after this process must know of the act
	eng := w.engine.Load()
	started := time.Now()
	call, cancel := context.WithTimeout(ctx, limit)
	asked, err := eng.do(call, a.Verb, id, eng.stopTimeout(a))
	if a.Verb == heal.Start && isForbidden(err) {
		// The usual restart-only proxy does not let start through; to the
		// engine a restart of what is down is a start.
		asked, err = eng.do(call, heal.Restart, id, eng.stopTimeout(a))
	}
	cancel()
	f := heal.Finished{Number: a.Number, Outcome: outcome(err, id, asked), Took: time.Since(started)}
	if err != nil {
		f.Err = plain(err)
		switch f.Outcome { //nolint:exhaustive // the engine's own words serve for the others
		case heal.NoAnswer:
			if errors.Is(err, context.DeadlineExceeded) {
				f.Err = "the engine gave no answer within " + f.Took.Round(time.Second).String()
			}
		case heal.Refused:
			f.Err = "the endpoint does not allow it (" + f.Err + "): allow it, or name one that does in AUTOHEAL_DOCKER_HOST_WRITE"
		}
	}
	if seen, err := w.inspect(ctx, id); err == nil {
		f.Seen = &seen.Sighting
		if f.Outcome == heal.NotFound {
			f.Outcome = heal.Unreached
			f.Err = "the endpoint does not know it: does AUTOHEAL_DOCKER_HOST_WRITE lead to the same engine?"
		}
	}
	return finished{id: id, Finished: f}
}

// stopTimeout is how long the engine is to let a container stop; negative: as
// long as the container has set. Podman kills at once where that is 0, as it is
// for all that Docker's client and Compose have made there, so it is told.
func (e *engine) stopTimeout(a heal.Act) time.Duration {
	if a.StopTimeout < 0 && e.podman() {
		return a.Grace
	}
	return a.StopTimeout
}

// finished is the outcome of an act.
type finished struct {
	heal.Finished

	id string
}

func (f finished) apply(ctx context.Context, w *Watcher) {
	w.acting--
	e, known := w.entries[f.id]
	if !known {
		w.giveTurn(ctx, f.id)
		return
	}
	w.feed(ctx, e, f.Finished)
}

// overdue says that an act has taken longer than it should: others may go on.
type overdue struct {
	id     string
	number uint64
}

func (o overdue) apply(ctx context.Context, w *Watcher) {
	e, known := w.entries[o.id]
	if known && e.state.Phase == heal.Restarting && e.state.Number == o.number {
		w.log.Warn().Str("container", e.container.Name).Str("id", e.container.ShortID()).
			Msg("the engine has not answered yet; others are not kept waiting")
		w.giveTurn(ctx, o.id)
	}
}
