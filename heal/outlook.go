package heal

import "time"

// Outlook is what will become of a container if nothing changes, or what would
// be done if it turned unhealthy.
type Outlook struct {
	Text  string    // sentences
	Next  time.Time // when defib acts next; zero: nothing is planned, or at once
	Would bool      // defib would act on it now if it needed it
}

// OutlookOf judges a container by its policy, what is remembered of it, and what
// a list tells of it. Status or Health may be unknown.
func OutlookOf(p Policy, s State, status Status, health Health, now time.Time) Outlook {
	switch {
	case p.Treatment == TreatNone:
		return Outlook{Text: "Nothing is done about it and nobody is told (action none)."}
	case s.Phase != Steady:
		return phaseOutlook(p, s)
	case s.Hold == HoldAsked:
		return Outlook{Text: "Nothing is done about it while defib is paused for it."}
	}
	return steadyOutlook(p, s, status, health, now)
}

// Spent is how many restarts count against the budget now.
func (s State) Spent(p Policy, now time.Time) int {
	count := 0
	for _, at := range s.Restarts {
		if now.Sub(at) < p.Window || (!s.Since.IsZero() && !at.Before(s.Since)) {
			count++
		}
	}
	return count
}

// phaseOutlook is that of a container with an open incident.
func phaseOutlook(p Policy, s State) Outlook {
	would := p.Treatment != TreatNotify
	switch s.Phase {
	case Restarting:
		return Outlook{Text: "The engine is working on the " + s.InFlight.String() + " that defib asked for.", Would: would}
	case Recovering:
		if !s.HealthySince.IsZero() {
			return Outlook{Text: "It is healthy again. That counts when it stays so.", Would: would}
		}
		return Outlook{Text: "defib waits for it to turn healthy, and judges then whether the restart helped.", Next: s.Deadline, Would: would}
	case GivenUp:
		if s.RetryAt.IsZero() {
			return Outlook{Text: "defib has given up: a human is needed. It does nothing more until the container is healthy or a person restarts it."}
		}
		return Outlook{Text: "defib has given up: a human is needed. It tries a single restart now and then.", Next: s.RetryAt}
	case Failing, BackingOff, Steady:
	}
	if s.Hold != NotHeld {
		return Outlook{Text: "It is left alone for now: " + s.Hold.String() + "."}
	}
	if p.Treatment == TreatNotify {
		return Outlook{Text: "It is unhealthy, and not defib's to restart: people are told when it is over."}
	}
	return Outlook{Text: "defib is going to " + p.verb(s) + " it.", Next: later(s.WakeAt, s.NotBefore), Would: true}
}

// verb is what defib does about an unhealthy container.
func (p Policy) verb(s State) string {
	switch {
	case p.Treatment == TreatStop:
		return Stop.String()
	case s.HalfDone || !s.ExitedAt.IsZero():
		return Start.String()
	}
	return Restart.String()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// steadyOutlook is that of a container without an open incident.
func steadyOutlook(p Policy, s State, status Status, health Health, now time.Time) Outlook {
	switch status {
	case StatusPaused:
		return Outlook{Text: "It is paused: nothing is done about it until it is unpaused."}
	case StatusRestarting:
		return Outlook{Text: "Docker's restart policy is starting it: that is left to Docker."}
	case StatusExited:
		if p.StartExited && p.Treatment == TreatRestart {
			return Outlook{Text: "It is down. It is started when it exits by itself, never after somebody stopped it."}
		}
		return Outlook{Text: "It is down. defib does not start what it did not stop."}
	case StatusUnknown, StatusRunning:
	}
	if health == HealthNone {
		if p.StartExited && p.Treatment == TreatRestart {
			return Outlook{Text: "It has no HEALTHCHECK, so it can never turn unhealthy. If it exits by itself it is started.", Would: true}
		}
		return Outlook{Text: "It has no HEALTHCHECK, so it can never turn unhealthy, and defib can do nothing for it."}
	}
	return p.ifUnhealthy(s, health, now)
}

// ifUnhealthy says what follows, or would follow, when it is unhealthy.
func (p Policy) ifUnhealthy(s State, health Health, now time.Time) Outlook {
	is, does := "If it turns unhealthy ", " restarts it"
	if health == Unhealthy {
		is = "It is unhealthy: "
	}
	when := " at once, unless somebody is stopping it."
	var next time.Time
	switch {
	case p.Treatment == TreatNotify:
		return Outlook{Text: is + "people are told, and nothing is done." + spaced(p.Detail)}
	case p.Treatment == TreatStop:
		does = " stops it"
	case s.Spent(p, now) >= p.MaxRestarts:
		return Outlook{Text: is + "defib gives up and calls a human: its restarts are used up."}
	}
	switch {
	case s.NotBefore.After(now):
		when, next = ", after the back-off of its last restart.", s.NotBefore
	case p.UnhealthyFor > 0:
		when = " when it has been so for " + p.UnhealthyFor.String() + "."
	}
	return Outlook{Text: is + "defib" + does + when, Next: next, Would: true}
}

func spaced(text string) string {
	if text == "" {
		return ""
	}
	return " " + text
}
