package watcher

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"time"

	"defib/heal"
)

// poll lists the unhealthy every Interval and when asked to. It is the net
// below the event stream: whatever an event did not say, the list does.
func (w *Watcher) poll(ctx context.Context) {
	var trouble string
	failures := 0
	timer := time.NewTimer(w.o.Interval)
	defer timer.Stop()
	for {
		first := false
		select {
		case <-ctx.Done():
			return
		case <-w.hurt:
			first = true
		case <-timer.C:
		}
		if w.engine.Load() == nil {
			timer.Reset(w.o.Interval)
			continue // the stream's goroutine says what is wrong
		}
		next := w.o.Interval
		l, err := w.listOnce(ctx)
		if err != nil && ctx.Err() == nil {
			failures++
			next = min(time.Duration(failures)*time.Second, w.o.Interval)
			if text := plain(err); text != trouble {
				trouble = text
				w.log.Warn().Str("err", text).Msg("the list of unhealthy containers could not be had; trying again")
			}
		} else if err == nil {
			if trouble != "" {
				w.log.Info().Msg("the list of unhealthy containers works again")
			}
			trouble, failures = "", 0
			l.first = first
			w.send(l)
		}
		timer.Reset(next)
	}
}

// listOnce gets one list. An engine that does not answer it in time is hung:
// its stream, which would stay silent without an error, is ended as well.
func (w *Watcher) listOnce(ctx context.Context) (listed, error) {
	eng := w.engine.Load()
	call, cancel := context.WithTimeout(ctx, min(w.o.CallTimeout, listTimeout))
	defer cancel()
	found, err := eng.list(call, "unhealthy")
	if err != nil {
		w.cond.fail(plain(err))
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			if end := w.redial.Load(); end != nil {
				(*end)()
			}
			return listed{}, errors.New("the engine does not answer")
		}
		return listed{}, err
	}
	w.cond.listed()
	return listed{found: found, gap: w.gap.Swap(false)}, nil
}

// introduceAll says at the start what is watched, what the endpoint allows and
// what is odd. It is the only full list that defib makes.
func (w *Watcher) introduceAll(ctx context.Context, eng *engine) {
	call, cancel := context.WithTimeout(ctx, w.o.CallTimeout)
	defer cancel()
	w.nameHost(eng.hostName(call))
	watched, all, err := w.introduceWatched(call, eng)
	w.log.Info().Int("watched", watched).Msg("ready")
	if w.o.Greet {
		now := time.Now()
		w.o.Notifier.Post(heal.Notice{
			Reason: heal.WatchBegan, At: now, Count: watched, Detail: "The engine is " + eng.version(), Incident: "start-" + strconv.FormatInt(now.UnixMilli(), 36),
		})
	}
	if err == nil { // else poll says what is wrong
		w.cond.watched(watched)
		w.send(all)
	}
	if watched == 0 {
		w.log.Warn().Msg("no running container is watched: label some, or set AUTOHEAL_CONTAINER_LABEL=all")
	}
	if against := eng.mayInspect(call); against != "" {
		w.log.Warn().Msg(against)
	}
	if w.o.Policy.Treatment == heal.TreatNotify || w.o.Policy.Treatment == heal.TreatNone {
		return // a read-only endpoint is all that is needed
	}
	if against := eng.mayRestart(call); against != "" {
		w.log.Warn().Msg(against)
	}
}

// nameHost notes what messages call this host.
func (w *Watcher) nameHost(told string) {
	name := cmp.Or(told, w.o.HostName)
	if name == "" {
		w.log.Warn().Msg("messages cannot say which host they come from: set AUTOHEAL_HOST_NAME, or let the endpoint tell it (INFO=1 in docker-socket-proxy)")
	}
	w.cond.change(func(now *Condition) { now.Host = name })
}

// introduceWatched logs every watched container. It gives their number, and
// what the full list tells of who depends on whom.
func (w *Watcher) introduceWatched(ctx context.Context, eng *engine) (count int, all met, err error) {
	all = met{full: true, check: true}
	err = eng.eachOfAll(ctx, func(s sighting) {
		all.add(s)
		switch ok, _ := w.o.Selection.choose(s.labels); {
		case w.isOwn(s.id, s.labels), !isRunning(s):
		case ok:
			w.logWatched(s, "watching")
			count++
		default:
			w.logMisread(s)
		}
	})
	if err != nil {
		if isForbidden(err) {
			w.log.Error().Stringer("endpoint", w.o.Endpoint).
				Msg("the endpoint does not allow to list containers: allow it (CONTAINERS=1 in docker-socket-proxy)")
		}
		return count, all, err
	}
	_ = eng.each(ctx, "none", func(s sighting) { // poll says what is wrong with lists
		if w.watches(s) && !w.startsExited(s.labels) {
			w.logUnprobed(s.container)
		}
	})
	return count, all, nil
}
