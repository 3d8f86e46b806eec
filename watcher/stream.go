package watcher

import (
	"context"
	"errors"
	"io"
	"time"

	"defib/heal"
)

// follow keeps an event stream open for ever. An engine that is away is a
// state, not a reason to end.
func (w *Watcher) follow(ctx context.Context) {
	f := follower{w: w, seen: map[string]time.Time{}}
	for ctx.Err() == nil {
		lived, err := f.once(ctx)
		if ctx.Err() != nil {
			return
		}
		f.cut = !orderly(err)
		f.note(err)
		if lived >= steadyStream {
			f.wait = 0
			continue // at once: what turned unhealthy in the gap waits for us
		}
		f.wait = min(max(retryMin, 2*f.wait), retryMax)
		select {
		case <-time.After(f.wait):
		case <-ctx.Done():
		}
	}
}

// follower is the memory of the goroutine that follows the stream.
type follower struct {
	w      *Watcher
	born   time.Time // the first connection, on the engine's clock: what is watched has been said then
	wait   time.Duration
	newest time.Time            // of an event, on the engine's clock
	seen   map[string]time.Time // events of the last moments, for the overlap

	lost     time.Time // when the last stream ended
	cut      bool      // that was no orderly end: the engine may have been restarted
	prunedAt int       // how many of them are remembered before the old ones are dropped
	trouble  string    // what was last said of the connection
	since    time.Time // of that trouble
}

// once connects, subscribes and follows one stream to its end. It gives how
// long the stream lived.
func (f *follower) once(ctx context.Context) (time.Duration, error) {
	connecting, cancel := context.WithTimeout(ctx, listTimeout)
	eng, err := connect(connecting, f.w.o, f.skipped)
	cancel()
	if err != nil {
		f.w.cond.fail(err.Error())
		return 0, err
	}
	if old := f.w.engine.Swap(eng); old != nil {
		old.close()
	}
	if f.born.IsZero() {
		f.born = eng.now()
		f.w.logConnected(eng)
		go f.w.introduceAll(ctx, eng)
	}
	stream, end := context.WithCancel(ctx)
	defer end()
	f.w.redial.Store(&end)
	// Until the headers come the client hangs with a hung engine; the context
	// of the stream can have no deadline, since that would end it later.
	impatience := time.AfterFunc(listTimeout, end)
	var since time.Time
	open := make(chan struct{}) // and until then nothing is heard
	errs := eng.subscribe(stream, f.from(eng), func(m event) {
		select {
		case <-open:
			f.hear(eng, m, since)
		case <-stream.Done():
		}
	})
	impatient := !impatience.Stop()
	opened := time.Now()
	if !eng.opened() {
		err := <-errs
		f.w.cond.forbid(isForbidden(err))
		// No gap ends here: while there is no stream each container waits for
		// itself, and a gap renewed at each try would hold them all for ever.
		f.w.wantList(false)
		return 0, refusal(err, impatient)
	}
	since = eng.now()
	f.open(eng)
	defer func() {
		f.w.cond.streamEnded()
		f.lost = time.Now()
		f.w.noteChange(true)
	}()
	close(open)
	err = <-errs
	return time.Since(opened), err
}

// hear passes an event on. What came before the stream was opened is told again.
func (f *follower) hear(eng *engine, m event, opened time.Time) {
	if s, ok := eng.sighting(m); ok && f.fresh(s) {
		s.created = s.created && s.at.After(f.born)
		s.event = replayed(s.event, s.at.Before(opened))
		f.w.send(heard{s})
	}
}

// refusal says why a stream could not be opened.
func refusal(err error, impatient bool) error {
	switch {
	case impatient:
		return errors.New("the engine does not answer")
	case isForbidden(err):
		return errors.New("the endpoint does not allow events (EVENTS=1 in docker-socket-proxy); until it does defib acts only on what it finds in its list, every AUTOHEAL_INTERVAL")
	}
	return errors.New("open the event stream: " + plain(err))
}

// from is where the stream starts, on the engine's clock.
func (f *follower) from(eng *engine) time.Time {
	if f.newest.IsZero() {
		return eng.now().Add(-history)
	}
	return f.newest.Add(-overlap)
}

// open notes that the stream is there and has the list fetched: what happened
// before the stream is in it, what happens from now on in the stream.
func (f *follower) open(eng *engine) {
	f.w.cond.streamOpened(eng.version())
	f.w.noteChange(true)
	if f.trouble != "" {
		f.w.log.Info().Stringer("away", time.Since(f.since).Round(10*time.Millisecond)).Msg("the engine is back")
		f.trouble = ""
	}
	gap := f.lost.IsZero() || time.Since(f.lost) > overlap
	f.w.wantList(gap)
	if gap || f.cut {
		f.w.engineReturned()
	}
}

// replayed marks an event that is older than the stream that tells it.
func replayed(e heal.Event, yes bool) heal.Event {
	switch e := e.(type) {
	case heal.Observed:
		e.Replayed = yes
		return e
	case heal.Killed:
		e.Replayed = yes
		return e
	case heal.Died:
		e.Replayed = yes
		return e
	case heal.Started:
		e.Replayed = yes
		return e
	}
	return e
}

// orderly tells whether a stream ended without anything wrong: by its server,
// or by us.
func orderly(err error) bool {
	return err == nil || errors.Is(err, io.EOF) || errors.Is(err, context.Canceled)
}

// note says once what is wrong with the connection. An orderly end of the
// stream is nothing wrong: proxies cut it when it was idle for long.
func (f *follower) note(err error) {
	if orderly(err) {
		f.w.log.Debug().Msg("the event stream ended; opening it anew")
		return
	}
	text := plain(err)
	if text == f.trouble {
		return
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		f.w.log.Info().Msg("the event stream was cut; opening it anew")
		return
	}
	if f.trouble == "" {
		f.since = time.Now()
	}
	f.trouble = text
	f.w.log.Warn().Str("err", text).Msg("no connection to the engine; trying again until there is one")
}

func (f *follower) skipped(err error) {
	f.w.log.Warn().Err(err).Msg("an event could not be read and was left out; the next list makes up for it")
	f.w.wantList(false)
}

// fresh tells whether an event was not seen before: streams overlap.
func (f *follower) fresh(s sighting) bool {
	f.w.cond.event()
	if _, double := f.seen[s.key]; double {
		return false
	}
	f.seen[s.key] = s.at
	if s.at.After(f.newest) {
		f.newest = s.at
	}
	if len(f.seen) > f.prunedAt {
		f.prune()
		f.prunedAt = 2*len(f.seen) + 512
	}
	return true
}

// prune forgets the events that no new stream can replay.
func (f *follower) prune() {
	for key, at := range f.seen {
		if at.Before(f.newest.Add(-2 * overlap)) {
			delete(f.seen, key)
		}
	}
}

// heard is a sighting from the event stream.
type heard struct{ sighting }

func (h heard) apply(ctx context.Context, w *Watcher) {
	if w.isOwn(h.id, h.labels) || w.heardBefore(h.sighting) {
		return
	}
	e := w.entries[h.id]
	stopped := e != nil && !e.state.StoppingAt.IsZero()
	w.take(ctx, h)
	w.noteChange(h.event != nil)
	w.aftermath.Heard(h.id, h.event)
	w.tellAftermath(w.aftermath.Over(time.Now()))
	if _, died := h.event.(heal.Died); !died || !stopped { // who was stopped by a person did not go down with another
		w.ownerChanged(ctx, h.sighting)
	}
}

// wantList asks for a list now; one wish is enough. gap says that the stream
// was away for longer than the new one tells of.
func (w *Watcher) wantList(gap bool) {
	if gap {
		w.gap.Store(true)
	}
	select {
	case w.hurt <- struct{}{}:
	default:
	}
}

// introduce says that a new container is watched and what is odd about it.
func (w *Watcher) introduce(ctx context.Context, s sighting, watched bool) {
	if s.labels[labelOneOff] == "True" {
		return // of "compose run": gone before anybody has read of it
	}
	if !watched {
		w.logMisread(s)
		return
	}
	w.logWatched(s, "watching a new container")
	go func() {
		seen, err := w.inspect(ctx, s.id)
		if err != nil {
			return
		}
		if seen.Health == heal.HealthNone && !w.startsExited(s.labels) {
			w.logUnprobed(s.container)
		}
		w.send(met{all: []sighting{s}, shares: map[string][]string{s.id: seen.shares}})
	}()
}
