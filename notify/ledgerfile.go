package notify

import (
	"maps"
	"time"

	"defib/heal"
)

// saved gives what outlives defib. It is a copy: the ledger goes on.
func (l *ledger) saved() ledgerSaved {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := ledgerSaved{Version: spoolVersion, Talks: map[string]*talk{}, Records: map[string]*record{}}
	for incident, t := range l.talks {
		c := *t
		c.Heard = maps.Clone(t.Heard)
		s.Talks[incident] = &c
	}
	for key, r := range l.records {
		c := *r
		if r.Flap != nil {
			f := *r.Flap
			c.Flap = &f
		}
		c.Begun, c.Sent = newer(append([]time.Time(nil), r.Begun...), time.Time{}), newer(append([]time.Time(nil), r.Sent...), time.Time{})
		s.Records[key] = &c
	}
	return s
}

// restore takes in what a file says. Nothing in it may lie in the future.
func (l *ledger) restore(s ledgerSaved, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	past := func(t *time.Time) {
		if t.After(now) {
			*t = now
		}
	}
	for incident, t := range s.Talks {
		if t == nil || l.talks[incident] != nil {
			continue
		}
		past(&t.Last)
		past(&t.Over)
		t.Reminders = max(0, t.Reminders)
		trim(&t.Notice)
		l.talks[incident] = t
	}
	for key, r := range s.Records {
		if r != nil && l.records[key] == nil {
			r.restore(past)
			l.records[key] = r
		}
	}
	l.bound(now)
}

// restore takes in what a file says of one container.
func (r *record) restore(past func(t *time.Time)) {
	for _, times := range [][]time.Time{r.Begun, r.Sent} {
		for i := range times {
			past(&times[i])
		}
	}
	if r.Flap == nil {
		return
	}
	past(&r.Flap.Newest)
	if r.Flap.Notice.Reason != heal.Flapping {
		r.Flap = nil
	}
}
