// Package watcher follows a Docker engine and carries out what heal judges: it
// owns the state of every container with which something is or was wrong.
//
// Four kinds of goroutine share the work. One follows the event stream and one
// lists the unhealthy; both only pass on what they saw. Workers look at a
// container or act on it, one call each. The loop owns all states, asks heal
// and starts the workers; it never calls the engine and never waits for
// anybody else.
package watcher

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"defib/heal"
)

// Watcher watches one engine.
type Watcher struct {
	o        Options
	log      zerolog.Logger
	in       chan message
	hurt     chan struct{} // asks for a list now
	returned chan struct{} // the stream is open after a gap
	gap      atomic.Bool   // the next one ends a gap in what events told
	cond     condition

	engine atomic.Pointer[engine]
	redial atomic.Pointer[context.CancelFunc] // ends the stream that is open

	// Owned by the loop.
	entries    map[string]*entry
	graph      graph
	host       *heal.Host
	turns      turns
	wakes      wakes
	quiet      quiet
	pauses     heal.Pauses
	gapAt      time.Time // the newest list after a gap in what events told
	acting     int
	comparing  bool // those that share namespaces are compared with their owners
	introduced bool // the first full list has told who depends on whom
	counting   bool // the watched are being counted
	aftermath  heal.Aftermath
	trouble    string // what last kept an inspection from working; said once

	memory    *memory
	incidents *incidents

	noLogsBefore atomic.Int64 // ns since 1970: a log did not come just now

	loops   atomic.Bool   // the loop answers
	lookers pool          // for the looks that no act may follow
	looks   chan struct{} // holds a token for each inspection under way
	ended   chan struct{} // closed when the loop has ended
}

// entry is what the loop knows of one container.
type entry struct {
	container heal.Container
	policy    heal.Policy
	state     heal.State
	known     bool // people were told of this incident
	evidence  *heal.Evidence
	unheard   bool // the list told of its trouble while the stream was silent
	untreated *untreated

	key   string    // what survives its recreation
	heard time.Time // the newest event of it, on the engine's clock
}

// message is what the loop is told; apply runs in the loop.
type message interface {
	apply(ctx context.Context, w *Watcher)
}

// New makes a watcher; it does nothing before Run.
func New(o Options) *Watcher {
	w := &Watcher{
		o: o, log: o.Log, entries: map[string]*entry{}, graph: newGraph(), host: heal.NewHost(), quiet: quiet{}, turns: newTurns(o.Parallel),
		in: make(chan message, 64), hurt: make(chan struct{}, 1), ended: make(chan struct{}),
		lookers: pool{most: maxLooks}, looks: make(chan struct{}, maxLooks), returned: make(chan struct{}, 1),
		cond: condition{since: time.Now(), grace: o.StartPeriod, now: Condition{Watched: -1}}, memory: newMemory(o.StateDir, o.Log), incidents: newIncidents(o.StateDir, o.Log),
	}
	if o.Notifier != nil {
		w.memory.settled = o.Notifier.Settle
	}
	return w
}

// Run watches until ctx is done. Acts that are under way then get a few
// seconds to end, and are told about.
func (w *Watcher) Run(ctx context.Context) {
	defer w.memory.open()() //nolint:contextcheck // the writer outlives the context of the watch
	defer w.incidents.open()()
	w.recallPauses(time.Now())
	w.recallAftermath(time.Now())
	w.recallStorm(time.Now())
	w.loops.Store(true)
	if w.o.StartPeriod > 0 {
		w.log.Info().Stringer("for", w.o.StartPeriod).Msg("waiting before the watch begins (AUTOHEAL_START_PERIOD)")
		if !w.waitToStart(ctx) {
			close(w.ended)
			return
		}
	}
	// The stream goes on until the loop ends: the stop signal of an act that is
	// under way must be heard by whoever knows of the act.
	stream, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var readers sync.WaitGroup
	readers.Go(func() { w.follow(stream) })
	readers.Go(func() { w.poll(ctx) })
	readers.Go(func() { w.pollStarting(ctx) })
	readers.Go(func() { w.watchTies(ctx) })
	readers.Go(func() { w.watchAftermath(ctx) })
	w.loop(ctx)
	close(w.ended)
	cancel()
	readers.Wait()
	if e := w.engine.Load(); e != nil {
		e.close()
	}
}

// loop is the one goroutine that judges. It ends when ctx is done and the acts
// under way have ended and been told of by the stream, or lastWords later.
func (w *Watcher) loop(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var deadline, heard <-chan time.Time
	done := ctx.Done()
	for {
		if done == nil && w.acting == 0 && heard == nil {
			heard = time.After(settle)
		}
		w.consult(ctx)
		timer.Reset(w.sleep(time.Now()))
		select {
		case m := <-w.in:
			m.apply(ctx, w)
		case <-timer.C:
			w.wake(ctx)
		case <-done:
			if w.acting == 0 {
				return
			}
			done, deadline = nil, time.After(lastWords)
			w.log.Info().Int("acts", w.acting).Msg("stopping: waiting for restarts under way")
		case <-heard:
			return
		case <-deadline:
			w.log.Warn().Int("acts", w.acting).Msg("stopped with restarts under way: the engine finishes them")
			return
		}
	}
}

// sleep gives how long the loop may sleep if nothing comes.
func (w *Watcher) sleep(now time.Time) time.Duration {
	d := w.wakes.next(now)
	for _, at := range []time.Time{w.host.WakeAt(), w.pauses.End()} {
		if !at.IsZero() {
			d = max(0, min(d, at.Sub(now)))
		}
	}
	return d
}

// send hands a message to the loop; after its end the message is dropped.
func (w *Watcher) send(m message) {
	select {
	case w.in <- m:
	case <-w.ended:
	}
}

// take passes an event to the container that it is about.
func (w *Watcher) take(ctx context.Context, h heard) {
	if e, known := w.entries[h.id]; known {
		if h.container.Name != "" {
			e.container.Name = h.container.Name
		}
		e.unheard = false
		before := e.state
		w.feed(ctx, e, h.event)
		byPerson := !e.state.StoppingAt.Equal(before.StoppingAt) || !e.state.PersonAt.Equal(before.PersonAt)
		if _, kill := h.event.(heal.Killed); !kill || byPerson {
			w.quiet.note(h.sighting, time.Now())
		}
		return
	}
	w.quiet.note(h.sighting, time.Now())
	watched, _ := w.o.Selection.choose(h.labels)
	if h.created {
		w.introduce(ctx, h.sighting, watched)
	}
	if !watched {
		w.noteOther(h.sighting)
		return
	}
	if h.event != nil && relevant(h.event) {
		w.feed(ctx, w.enter(h.sighting), h.event)
	}
}

// relevant tells whether an event can matter for a container of which nothing
// is remembered.
func relevant(e heal.Event) bool {
	switch e := e.(type) {
	case heal.Observed:
		return e.Health != heal.Healthy
	case heal.Killed, heal.Unpaused, heal.Died, heal.OOMKilled:
		return true
	}
	return false
}

// enter begins to remember a container.
func (w *Watcher) enter(s sighting) *entry {
	p, _ := w.o.Selection.policyFor(w.o.Policy, s.labels)
	e := &entry{container: s.container, policy: p}
	w.restore(e, s)
	w.entries[s.id] = e
	return e
}

// listed is a complete list of the unhealthy.
type listed struct {
	found []sighting
	first bool // the first list after the stream was opened
	gap   bool // and before that it was away for longer than the new one tells of
}

func (l listed) apply(ctx context.Context, w *Watcher) {
	now := time.Now()
	if l.gap {
		w.gapEnded(ctx, now)
	}
	w.quiet.sweep(now)
	present, others := make(map[string]bool, len(l.found)), map[string]heal.Container{}
	surprise, silent := false, !l.first && w.cond.silent(w.o.Interval)
	for _, s := range l.found {
		if o, _ := s.event.(heal.Observed); w.watches(s) {
			present[s.id] = true
			news := w.found(ctx, s, silent)
			surprise = surprise || news
		} else if watched, _ := w.o.Selection.choose(s.labels); !watched && o.Status == heal.StatusRunning {
			others[s.id] = s.container
		}
	}
	w.recall(ctx, l.first)
	for id, e := range w.entries {
		if !present[id] {
			w.feed(ctx, e, heal.Absent{})
		}
	}
	w.noteOthers(others)
	if surprise && !l.first {
		time.AfterFunc(time.Second, func() { w.send(suspicion{}) })
	}
}

// found feeds one entry of a list; it tells whether that was news. unheard says
// that no event could have told of it.
func (w *Watcher) found(ctx context.Context, s sighting, unheard bool) bool {
	e, known := w.entries[s.id]
	if !known {
		e = w.enter(s)
	}
	steady := e.state.Phase == heal.Steady
	if steady {
		e.unheard = unheard
	}
	w.feed(ctx, e, s.event)
	return steady && e.state.Phase == heal.Failing
}

// suspicion says that a list found news that the stream had not told. Some
// proxies and engines keep a dead stream open; a live one has had a second by
// now to catch up.
type suspicion struct{}

func (suspicion) apply(_ context.Context, w *Watcher) {
	if !w.cond.silent(w.o.Interval) {
		return
	}
	if end := w.redial.Load(); end != nil {
		w.log.Warn().Msg("the event stream said nothing of an unhealthy container: opening it anew")
		(*end)()
	}
}

// feed asks heal what an event means and does it.
func (w *Watcher) feed(ctx context.Context, e *entry, ev heal.Event) {
	if ev == nil {
		return
	}
	id := e.container.ID
	before := e.state
	state, actions := heal.Decide(e.policy, e.state, ev, time.Now())
	e.state = state
	told := w.tellAll(e, actions)
	for _, a := range actions {
		switch a := a.(type) {
		case heal.Look:
			w.look(ctx, e, a)
		case heal.Act:
			w.act(ctx, e, a)
		}
	}
	w.host.Note(e.container, w.graph.needs(id), state, time.Now())
	w.logChange(e, before, ev, told)
	w.noteChange(state.Phase != before.Phase || state.Hold != before.Hold)
	if state.Phase != heal.Restarting && !state.ToAct {
		w.giveTurn(ctx, id)
	}
	if state.IsZero() {
		delete(w.entries, id)
	} else if !state.WakeAt.IsZero() && !state.WakeAt.Equal(before.WakeAt) {
		w.wakes.add(state.WakeAt, id)
	}
	w.wakeForTrouble(e, before)
	w.cond.count(len(w.entries))
}

// noteChange tells those who look on that there is something to see.
func (w *Watcher) noteChange(yes bool) {
	if yes && w.o.Changed != nil {
		w.o.Changed()
	}
}

// wake feeds every container whose time has come.
func (w *Watcher) wake(ctx context.Context) {
	for _, id := range w.wakes.due(time.Now()) {
		if e, known := w.entries[id]; known {
			w.feed(ctx, e, heal.Woke{})
		}
	}
}

// tellAll hands on what is told, and then has the state remembered: a file that
// says that people were told is only written when what they were told is safe.
// Both come before an act is begun, which waits for the file.
func (w *Watcher) tellAll(e *entry, actions []heal.Action) (told bool) {
	news := false
	for _, a := range actions {
		if t, ok := a.(heal.Tell); ok {
			news = w.tell(e, t.Notice) || news
			told = true
		}
	}
	w.memory.note(e)
	if news {
		w.memory.hurry()
	}
	return told
}

// incidentOf names an incident.
func incidentOf(c heal.Container, since time.Time) string {
	return c.ShortID() + "-" + strconv.FormatInt(since.UnixMilli(), 36)
}

// tell completes a notice, logs it and hands it on. It tells whether that is
// news for people.
func (w *Watcher) tell(e *entry, n heal.Notice) bool {
	if !n.OfTrouble() {
		over := n.Reason.Resolves() && n.Reason != heal.Followed && !e.known // of what nobody heard
		n.Aside = n.Aside || over || w.host.Hushed(e.container.ID, n.Reason, e.known)
		e.known = (e.known || n.ForPeople()) && !n.Reason.Ends()
	}
	n.Container = e.container
	n.Incident = incidentOf(e.container, n.Since)
	n.Evidence, n.Level = e.evidenceFor(n), e.policy.Alert
	w.logNotice(e, n)
	w.incidents.note(n)
	w.o.Notifier.Post(n)
	return n.ForPeople()
}
