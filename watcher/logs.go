package watcher

import (
	"time"

	"github.com/rs/zerolog"

	"defib/heal"
)

// The log says each decision in one line, with the same keys everywhere:
// container, id, project, phase, reason, attempt, err. The steady state says
// nothing.

func (w *Watcher) logChange(e *entry, before heal.State, ev heal.Event, told bool) {
	w.logUntreated(e, before, ev, told)
	if s := e.state; s.Hold != before.Hold && s.Hold != heal.NotHeld {
		w.about(w.log.Info(), e).Str("phase", s.Phase.String()).Str("reason", s.Hold.String()).Msg("left alone for now")
	}
	if e.state.Phase != before.Phase {
		w.about(w.log.Debug(), e).Str("phase", e.state.Phase.String()).Str("was", before.Phase.String()).Msg("phase")
	}
	if e.state.Phase == heal.BackingOff && before.Phase != heal.BackingOff {
		w.about(w.log.WithLevel(quietly(zerolog.InfoLevel, e.state.Failures > 1)), e).Str("phase", e.state.Phase.String()).
			Stringer("wait", time.Until(e.state.WakeAt).Round(time.Second)).Msg("waiting before the next restart")
	}
}

// untreated is an incident that ended before anything was done, of which the
// log does not say so yet.
type untreated struct {
	phase  heal.Phase // the one that it ended in
	exited bool       // it was about a container that had exited
}

// logUntreated logs the end of what nothing was done about. While the container
// is being looked at, that may still find the opposite of what ended it.
func (w *Watcher) logUntreated(e *entry, before heal.State, ev heal.Event, told bool) {
	s := e.state
	s.Looking = false
	switch {
	case told || s.Phase != heal.Steady:
		e.untreated = nil
	case before.Phase != heal.Steady && s.Healed() && !before.Following:
		e.untreated = &untreated{phase: before.Phase, exited: !before.ExitedAt.IsZero()}
	}
	u := e.untreated
	l, _ := ev.(heal.Looked)
	if u == nil || !e.state.Healed() || l.Err != "" { // what could not be looked at: nothing is known
		return
	}
	e.untreated = nil
	message := "is gone or down, and not by defib: nothing to do"
	_, started := ev.(heal.Started)
	switch {
	case l.Status == heal.StatusRunning && l.Health == heal.HealthStarting && !u.exited:
		message = "was started anew before anything was done"
	case !s.HealthySince.IsZero() && u.exited:
		message = "runs again before anything was done"
	case !s.HealthySince.IsZero():
		message = "healthy again before anything was done"
	case started, l.Status == heal.StatusRunning:
		message = "was started by somebody before anything was done"
	}
	w.about(w.log.Info(), e).Str("phase", u.phase.String()).Msg(message)
}

func (w *Watcher) logConnected(eng *engine) {
	e := w.log.Info().Str("engine", eng.version()).Stringer("endpoint", w.o.Endpoint).Str("api", eng.read.ClientVersion())
	if w.o.WriteEndpoint != nil {
		e = e.Stringer("write_endpoint", w.o.WriteEndpoint)
	}
	e.Msg("connected")
}

func (w *Watcher) logAct(e *entry, a heal.Act) {
	s := e.state
	l := w.about(w.log.WithLevel(quietly(zerolog.InfoLevel, s.Failures > 0)), e).Str("phase", s.Phase.String()).Int("attempt", s.Made+1)
	switch a.Verb {
	case heal.Start:
		if s.Revived {
			l.Int("exit_code", s.ExitCode).Msg("exited by itself: starting it (autoheal.start-exited)")
			return
		}
		if s.Following {
			l.Str("owner", ownerName(s)).Msg("went down with one that it depends on, which is back: starting it")
			return
		}
		l.Msg("down after its restart: starting it")
	case heal.Stop:
		l.Stringer("stop_timeout", a.Grace).Int("exit_code", s.Probe.ExitCode).Str("health_output", s.Probe.Output).Msg("unhealthy: stopping it")
	default:
		if s.Following {
			l.Str("owner", ownerName(s)).Stringer("stop_timeout", a.Grace).Msg("one that it depends on was restarted: restarting it as well")
			return
		}
		l.Stringer("stop_timeout", a.Grace).Int("exit_code", s.Probe.ExitCode).Str("health_output", s.Probe.Output).Msg("unhealthy: restarting it")
	}
}

func ownerName(s heal.State) string {
	if len(s.After) == 0 {
		return s.FollowedBy
	}
	return s.After[0].Name
}

func (w *Watcher) logHost(n heal.Notice) {
	level := zerolog.WarnLevel
	if n.Reason.Resolves() {
		level = zerolog.InfoLevel
	}
	l := w.log.WithLevel(level).Str("reason", n.Reason.String()).Str("incident", n.Incident).
		Int("count", n.Count)
	if n.Of > 0 {
		l = l.Int("of", n.Of).Int("left", n.Left)
	} else {
		l = l.Strs("containers", n.Names)
	}
	if n.Container.Name != "" {
		l = l.Str("container", n.Container.Name)
	}
	l.Msg(wordsFor(n))
}

// quietly lowers the level of what has been said before: a trouble that lasts
// is one line, not one a minute.
func quietly(level zerolog.Level, repeated bool) zerolog.Level {
	if repeated {
		return zerolog.DebugLevel
	}
	return level
}

func (w *Watcher) logNotice(e *entry, n heal.Notice) {
	level := zerolog.WarnLevel
	switch {
	case n.Reason.Resolves() || n.Reason == heal.Restarted:
		level = zerolog.InfoLevel
	case n.Reason == heal.GaveUp:
		level = zerolog.ErrorLevel
	}
	level = quietly(level, n.Repeat && n.Reason == heal.RestartFailed)
	l := w.about(w.log.WithLevel(level), e).Str("phase", e.state.Phase.String()).Str("reason", n.Reason.String()).
		Str("incident", n.Incident).Int("attempt", n.Attempt)
	if n.Owner != "" {
		l = l.Str("owner", n.Owner)
	}
	if n.Took > 0 {
		l = l.Stringer("took", n.Took.Round(time.Millisecond))
	}
	if n.Err != "" {
		l = l.Str("err", n.Err)
	}
	if !n.Next.IsZero() {
		l = l.Time("next", n.Next)
	}
	l.Msg(wordsFor(n))
}

// words gives the constant message of each reason.
func words(r heal.Reason) string {
	switch r {
	case heal.Restarted:
		return "restarted; waiting for it to become healthy"
	case heal.RestartFailed:
		return "could not be restarted; trying again"
	case heal.StillUnhealthy:
		return "did not become healthy after the restart"
	case heal.GaveUp:
		return "gave up: its restarts did not help, a human is needed"
	case heal.OnlyTold:
		return "unhealthy; it is not defib's to restart"
	case heal.Quarantined:
		return "unhealthy: stopped, as asked for"
	case heal.CrashLooping:
		return "exits again and again; its restart policy starts it, defib leaves it alone"
	case heal.OutOfMemory:
		return "was killed by the kernel for want of memory"
	case heal.StuckStarting:
		return "has been starting for longer than its health check allows"
	case heal.ProbesStopped:
		return "the engine does not run their health checks any more: restarting them revives these"
	case heal.LeftDown:
		return "the engine stopped them after its own crash, and their restart policy does not start them"
	case heal.Flapping:
		return "falls ill again and again"
	case heal.Followed:
		return "restarted after one that it depends on, and well"
	case heal.OwnerReplaced:
		return "its network is gone: the container that owned it was recreated, and only recreating this one repairs that"
	case heal.Stormed:
		return "many turned unhealthy at once: a canary is healed first, the others wait"
	case heal.StormOver:
		return "the storm is over"
	case heal.Recovered:
		return "healthy again"
	case heal.StoppedByOther:
		return "was stopped by somebody while it was unhealthy"
	case heal.ExitedByItself:
		return "exited while it was unhealthy; defib does not start it"
	case heal.Removed:
		return "was removed while it was unhealthy"
	case heal.WatchBegan:
		return "the watch has begun"
	}
	return "notice"
}

func (w *Watcher) logWatched(s sighting, message string) {
	_, why := w.o.Selection.choose(s.labels)
	p, wrong := w.o.Selection.policyFor(w.o.Policy, s.labels)
	e := &entry{container: s.container}
	w.about(w.log.Info(), e).Str("reason", why).Stringer("action", p.Treatment).Msg(message)
	w.warnLabels(e, wrong)
}

// logMisread warns of a container that is not watched and has a label that
// looks as if it should be, or should not.
func (w *Watcher) logMisread(s sighting) {
	if _, set := s.labels[labelOptOut]; set {
		w.warnLabels(&entry{container: s.container}, w.o.Selection.misspelt(s.labels))
	}
}

func (w *Watcher) warnLabels(e *entry, wrong []string) {
	for _, text := range wrong {
		w.about(w.log.Warn(), e).Str("reason", text).Msg("a label is not understood")
	}
}

func (w *Watcher) logUnprobed(c heal.Container) {
	w.about(w.log.Warn(), &entry{container: c}).
		Msg("has no HEALTHCHECK: it can never turn unhealthy, so defib can do nothing for it")
}

func (w *Watcher) about(l *zerolog.Event, e *entry) *zerolog.Event {
	l = l.Str("container", e.container.Name).Str("id", e.container.ShortID())
	if e.container.Project != "" {
		l = l.Str("project", e.container.Project)
	}
	return l
}
