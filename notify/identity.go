package notify

import (
	"strconv"
	"time"
)

// id names an alert for a program that must not take it twice: it is the same
// on every attempt and over restarts of defib, and another for each notice.
func (a *alert) id() string {
	n := &a.Notice
	switch {
	case a.Test:
		return "msg_" + digest("test", stamp(a.Queued))[:32]
	case a.About != nil:
		return "msg_" + digest("outage", a.About.receiver, stamp(a.About.since), strconv.FormatBool(a.About.over))[:32]
	}
	return "msg_" + digest(n.Incident, n.Container.ID, n.Reason.String(), stamp(n.At), strconv.Itoa(n.Attempt), strconv.FormatBool(n.Reminder))[:32]
}

// conversation names what an alert is a part of, from its beginning to its end:
// the incident, on this host. Two hosts may have a storm in the same moment.
func (a *alert) conversation() string {
	switch {
	case a.Test:
		return digest("test", a.Host)
	case a.About != nil:
		return digest("outage", a.Host, a.About.receiver, stamp(a.About.since))
	}
	return digest(a.Host, a.Notice.Incident)
}

// stamp gives a time as RFC 3339 has it, in UTC.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// instant is stamp, and nil for no time.
func instant(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := stamp(t)
	return &text
}
