// Package status shows how defib is doing: to Docker's health check, to people,
// and to Prometheus. Nothing in it can be changed over a network.
package status

import (
	"fmt"
	"time"
)

// Watch is what the judgement on defib's own health is based on.
type Watch struct {
	Since      time.Time     // when the watch began
	Grace      time.Duration // for so long after it nothing is expected
	Stream     bool          // the event stream is open
	StreamGone time.Time     // since when it is not; zero: it never was
	LastList   time.Time     // when a list of the unhealthy last worked; zero: never
	Interval   time.Duration // between two lists
	Trouble    string        // the last thing that did not work
}

// patience is how long a new connection may take. Engines restart.
const patience = 30 * time.Second

// Judge tells whether defib can do its work, and why not: an event stream that
// has been gone for more than 30 s, or no list for three intervals, makes it
// unhealthy.
func Judge(w Watch, now time.Time) (ok bool, why string) {
	begin := w.Since.Add(w.Grace + patience)
	if now.Before(begin) && w.LastList.IsZero() {
		return true, "starting"
	}
	limit := max(3*w.Interval, patience)
	if since := now.Sub(w.LastList); w.LastList.IsZero() || since > limit {
		return false, because("no list of containers", w.LastList, now, w.Trouble)
	}
	if !w.Stream && now.Sub(w.StreamGone) > patience && now.After(begin) {
		return false, because("no event stream", w.StreamGone, now, w.Trouble)
	}
	return true, "watching"
}

func because(what string, since, now time.Time, trouble string) string {
	text := what + " yet"
	if !since.IsZero() {
		text = fmt.Sprintf("%s for %s", what, now.Sub(since).Round(time.Second))
	}
	if trouble != "" {
		text += ": " + trouble
	}
	return text
}
