package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"defib/status"
)

// clockTime gives a time of the day, with the date where it is another day's.
func clockTime(at, now time.Time) string {
	at, now = at.Local(), now.Local()
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format(time.TimeOnly)
	}
	return at.Format("2006-01-02 15:04")
}

// lasting gives a duration as people write it: to the second below an hour, to
// the minute above.
func lasting(d time.Duration) string {
	unit := time.Second
	switch {
	case d >= time.Hour:
		unit = time.Minute
	case d < time.Second && d > 0:
		unit = time.Millisecond
	}
	text := d.Round(unit).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// when gives a time that is to come: the clock, and how long until then.
func when(at, now time.Time) string {
	left := at.Sub(now)
	if left < time.Second {
		return "now"
	}
	return "at " + clockTime(at, now) + ", in " + lasting(left)
}

// ago gives a time that is over.
func ago(at, now time.Time) string {
	return clockTime(at, now) + " (" + lasting(max(0, now.Sub(at))) + " ago)"
}

// inTrouble tells whether a container is unhealthy, being healed, or held.
func inTrouble(c status.Container) bool {
	return c.Watched && (c.Phase != "" && c.Phase != "steady" || c.Health == "unhealthy" || c.Hold != "" || c.Incident != "")
}

// doing says how far a container's healing has come: its phase, the restarts
// that count, what holds it, and what comes next.
func doing(c status.Container, now time.Time) string {
	parts := []string{cmp.Or(c.Phase, "steady")}
	if c.Restart > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d restarts used", c.Restart, c.Budget))
	}
	if c.Since != nil {
		parts = append(parts, "since "+ago(*c.Since, now))
	}
	return strings.Join(parts, ", ") + ". " + next(c.Outlook, c.NextAt, now)
}

// next says what happens next, or would happen, and when.
func next(text string, at *time.Time, now time.Time) string {
	if at != nil {
		text += " Next: " + when(*at, now) + "."
	}
	return text
}
