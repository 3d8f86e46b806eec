package notify

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"defib/heal"
)

// When people are told again, and when they are told less.
const (
	// A reminder comes this long after the last word on an open incident; the
	// gap doubles with each.
	remindAfter    = 4 * time.Hour
	remindAfterMax = 48 * time.Hour
	// remindMost reminders are sent while a container has had so many messages
	// within a week: with what heal tells that is at most 15.
	remindMost = 12
	// A container flaps when so many incidents of it have begun within
	// flapWithin, or more of them within flapLong. So do storms. It is over when
	// none has begun for that time.
	flapTimes  = 4
	flapWithin = 2 * time.Hour
	flapOften  = 6
	flapLong   = 12 * time.Hour
	week       = 7 * 24 * time.Hour
	// maxOpen bounds the incidents, and the containers, that are remembered.
	maxOpen = 5000
	// keptOver is how long an incident is remembered after its end: a receiver
	// may be away for as long as an alert is tried. One whose end everybody has
	// taken is kept for a moment only, for what is just being posted.
	keptOver, keptHeard = maxAge + time.Hour, time.Minute
)

// ledger remembers what people were told, so that one incident is one
// conversation: it adds reminders, makes one message of a container that flaps,
// and knows who heard of an incident's beginning. It reads no clock. It is safe
// for use by several goroutines.
type ledger struct {
	mu      sync.Mutex
	talks   map[string]*talk   // by incident
	records map[string]*record // by container
	changed bool               // since it was last saved
}

// talk is the conversation about one incident.
type talk struct {
	Notice    heal.Notice `json:"notice,omitzero"` // the newest that was not good news, until it is over
	Last      time.Time   `json:"last"`            // when people were told last
	Reminders int         `json:"reminders,omitempty"`
	Over      time.Time   `json:"over,omitzero"`
	Hushed    bool        `json:"hushed,omitempty"` // nothing of it was news so far: its container flaps
	// Heard holds the receivers that a firing alert was queued for; true: they
	// took one. Who has taken the end is not in it any more.
	Heard map[string]bool `json:"heard,omitempty"`
}

// record is what is remembered of one container, by what survives recreation.
type record struct {
	Begun []time.Time `json:"begun,omitempty"` // of its incidents, within flapLong
	Sent  []time.Time `json:"sent,omitempty"`  // of messages about it, within a week
	Flap  *flap       `json:"flap,omitempty"`
}

// flap is one time in which a container flaps; its incident is one of its own.
type flap struct {
	Notice heal.Notice   `json:"notice"`
	Newest time.Time     `json:"newest"` // when an incident last began
	Quiet  time.Duration `json:"quiet"`  // so long without one, and it is over; ns
}

func newLedger() *ledger {
	return &ledger{talks: map[string]*talk{}, records: map[string]*record{}}
}

// note takes a notice and gives what is to be posted: the notice itself, aside
// where people hear of it in another message, and that other message.
func (l *ledger) note(n heal.Notice, now time.Time) []heal.Notice {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed = true
	t, known := l.talks[n.Incident]
	if !n.ForPeople() || n.Level == heal.LevelNone || n.Reason == heal.WatchBegan || (n.Unsure && !known) {
		if known && n.Reason.Ends() {
			t.end(now)
		}
		return []heal.Notice{n}
	}
	if !known {
		t = &talk{}
		l.talks[n.Incident] = t
	}
	more := l.flaps(&n, t, !known, now)
	t.take(n, now)
	for _, m := range more {
		l.talks[m.Incident] = &talk{Notice: m, Last: now}
	}
	if len(l.talks) > maxOpen || len(l.records) > maxOpen {
		l.bound(now)
	}
	return append([]heal.Notice{n}, more...)
}

// take keeps what is newest in a conversation.
func (t *talk) take(n heal.Notice, now time.Time) {
	if !n.Reason.Resolves() {
		t.Notice = n
	}
	if !n.Aside {
		t.Last = now
	}
	if n.Reason.Ends() {
		t.end(now)
	}
}

// end lets go of the notice, which only reminders need: the file is written at
// each change.
func (t *talk) end(now time.Time) { t.Over, t.Notice = now, heal.Notice{} }

// flaps puts a notice aside that is no news, since its container flaps, and
// gives the message that says so, once.
func (l *ledger) flaps(n *heal.Notice, t *talk, begins bool, now time.Time) (more []heal.Notice) {
	r := l.recordOf(*n)
	if r == nil || n.Ended != 0 {
		return nil
	}
	if begins && !n.Reason.Resolves() {
		more = r.begin(*n, now)
	}
	t.Hushed = t.Hushed || (begins && r.Flap != nil)
	switch {
	case t.Hushed && routine(n.Reason):
		n.Aside = true
	case !n.Reason.Resolves(): // it has become what a human must know
		t.Hushed = false
	}
	r.sent(now, len(more))
	if !n.Aside {
		r.sent(now, 1)
	}
	return more
}

// routine tells whether a notice is no news of a container that flaps.
func routine(r heal.Reason) bool {
	return r == heal.Restarted || r == heal.StillUnhealthy || r == heal.OnlyTold || r == heal.Recovered ||
		r == heal.Stormed || r == heal.StormOver
}

// recordOf gives the record of a notice's container, or that of storms; nil for
// what is about neither.
func (l *ledger) recordOf(n heal.Notice) *record {
	c := n.Container
	key := c.Project + "/" + c.Service + "/" + c.Name
	switch {
	case n.Of > 0: // a storm
		key = ""
	case c.ID == "":
		return nil
	}
	r := l.records[key]
	if r == nil {
		r = &record{}
		l.records[key] = r
	}
	return r
}

// begin takes that an incident has begun; it gives the message that its
// container flaps, once.
func (r *record) begin(n heal.Notice, now time.Time) []heal.Notice {
	r.Begun = append(newer(r.Begun, now.Add(-flapLong)), now)
	if r.Flap != nil {
		r.Flap.Newest = now
		r.Flap.Notice.Times++
		return nil
	}
	begun, quiet := newer(slices.Clone(r.Begun), now.Add(-flapWithin)), flapWithin
	if len(begun) < flapTimes {
		begun, quiet = r.Begun, flapLong
		if len(begun) < flapOften {
			return nil
		}
	}
	f := heal.Notice{
		Reason: heal.Flapping, Container: n.Container, At: now, Since: begun[0], Times: len(begun), Level: n.Level,
		Probe: n.Probe, Evidence: n.Evidence, Attempt: n.Attempt, Budget: n.Budget, Count: n.Count, Of: n.Of, Names: n.Names,
		Incident: "flap-" + n.Container.ShortID() + "-" + strconv.FormatInt(begun[0].UnixMilli(), 36),
	}
	f.Took = quiet
	r.Flap = &flap{Notice: f, Newest: now, Quiet: quiet}
	return []heal.Notice{f}
}

// quiet is how long it takes until a flapping is over; what a file says is not
// trusted.
func (f *flap) quiet() time.Duration { return min(max(f.Quiet, flapWithin), flapLong) }

func (r *record) sent(now time.Time, n int) {
	r.Sent = newer(r.Sent, now.Add(-week))
	for range n {
		r.Sent = append(r.Sent, now)
	}
	r.Sent = r.Sent[max(0, len(r.Sent)-2*remindMost):]
}

func newer(times []time.Time, than time.Time) []time.Time {
	return slices.DeleteFunc(times, func(t time.Time) bool { return !t.After(than) })
}

// due gives the reminders, and the ends of flapping, whose time has come.
func (l *ledger) due(now time.Time) []heal.Notice {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []heal.Notice
	for _, key := range slices.Sorted(maps.Keys(l.records)) {
		if r := l.records[key]; r.Flap != nil && now.Sub(r.Flap.Newest) >= r.Flap.quiet() {
			all = append(all, l.calm(r, now))
		}
	}
	for _, incident := range slices.Sorted(maps.Keys(l.talks)) {
		t := l.talks[incident]
		if at := t.remindAt(); !at.IsZero() && !now.Before(at) {
			all = append(all, l.remind(t, now)...)
		}
	}
	l.changed = l.changed || len(all) > 0
	l.bound(now)
	return all
}

// calm ends a flapping.
func (l *ledger) calm(r *record, now time.Time) heal.Notice {
	n := r.Flap.Notice
	n.Reason, n.Ended, n.At = heal.Recovered, heal.Flapping, now
	r.Flap, r.Begun = nil, nil
	if t := l.talks[n.Incident]; t != nil {
		t.end(now)
	}
	r.sent(now, 1)
	return n
}

// remind gives the reminder of an incident, none where its container has been
// spoken of too often.
func (l *ledger) remind(t *talk, now time.Time) []heal.Notice {
	t.Reminders, t.Last = t.Reminders+1, now
	n := t.Notice
	if r := l.recordOf(n); r != nil {
		if r.Flap != nil && n.Reason == heal.Flapping {
			n.Times = r.Flap.Notice.Times
		}
		if len(newer(r.Sent, now.Add(-week))) >= remindMost {
			return nil
		}
		r.sent(now, 1)
	}
	n.At, n.Next, n.Repeat, n.Reminder = now, time.Time{}, true, true
	return []heal.Notice{n}
}

// remindAt is when people are to be reminded; zero: never. What defib is at
// work on needs no reminder, since an outcome is told.
func (t *talk) remindAt() time.Time {
	if !t.Over.IsZero() || t.Last.IsZero() || t.Notice.Reason == 0 || t.Notice.Reason == heal.Restarted {
		return time.Time{}
	}
	gap := remindAfterMax
	if t.Reminders < 4 { // 2^4 x 4 h is more than 48 h
		gap = min(gap, remindAfter<<t.Reminders)
	}
	return t.Last.Add(gap)
}

// bound forgets what is over for long, and the oldest where there is too much.
func (l *ledger) bound(now time.Time) {
	for incident, t := range l.talks {
		if over := now.Sub(t.Over); !t.Over.IsZero() && (over > keptOver || over > keptHeard && len(t.Heard) == 0) {
			delete(l.talks, incident)
		}
	}
	for key, r := range l.records {
		r.Begun, r.Sent = newer(r.Begun, now.Add(-flapLong)), newer(r.Sent, now.Add(-week))
		if r.Flap == nil && len(r.Begun)+len(r.Sent) == 0 {
			delete(l.records, key)
		}
	}
	drop(l.talks, func(a, b *talk) int { return a.Last.Compare(b.Last) })
	drop(l.records, func(a, b *record) int { return cmp.Compare(len(a.Sent), len(b.Sent)) })
}

// drop removes what comes first in an order where there are more than maxOpen,
// and some more, so that not each new one needs it.
func drop[T any](m map[string]T, order func(a, b T) int) {
	if len(m) <= maxOpen {
		return
	}
	keys := slices.Collect(maps.Keys(m))
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(order(m[a], m[b]), cmp.Compare(a, b)) })
	for _, key := range keys[:len(keys)-maxOpen*9/10] {
		delete(m, key)
	}
}

// queued notes that a receiver was handed an alert of an incident that is not
// over.
func (l *ledger) queued(receiver, incident string) {
	l.hear(incident, func(t *talk) { t.queuedFor(receiver) })
}

func (t *talk) queuedFor(receiver string) {
	if t.Heard == nil {
		t.Heard = map[string]bool{}
	}
	if !t.Heard[receiver] {
		t.Heard[receiver] = false
	}
}

// recalled notes that an alert in the spool was queued for a receiver: a kill may
// have come before that was written here.
func (l *ledger) recalled(receiver string, n heal.Notice, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, known := l.talks[n.Incident]
	switch {
	case n.Incident == "" || !n.ForPeople(), !known && n.Reason.Resolves():
		return
	case !known:
		t = &talk{}
		t.take(n, at)
		l.talks[n.Incident] = t
	case n.Reason.Ends() && t.Over.IsZero():
		t.end(at)
	}
	if !n.Reason.Resolves() {
		t.queuedFor(receiver)
	}
	l.changed = true
}

// told notes that a receiver took a message about an incident.
func (l *ledger) told(receiver, incident string) {
	l.hear(incident, func(t *talk) { t.Heard[receiver] = true })
}

// done notes that a receiver has taken the end of an incident, or never hears
// of ends.
func (l *ledger) done(receiver, incident string) {
	l.hear(incident, func(t *talk) { delete(t.Heard, receiver) })
}

func (l *ledger) hear(incident string, change func(t *talk)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.talks[incident]; t != nil {
		if t.Heard == nil {
			t.Heard = map[string]bool{}
		}
		change(t)
		l.changed = true
	}
}

// knows tells whether a receiver was handed the beginning of an incident, and
// whether it took it. known is false where the incident itself is forgotten.
func (l *ledger) knows(receiver, incident string) (queued, took, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.talks[incident]
	if t == nil {
		return false, false, false
	}
	took, queued = t.Heard[receiver]
	return queued, took, true
}

// touch has it saved again.
func (l *ledger) touch() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed = true
}

// dirty tells whether something has changed since it was last asked.
func (l *ledger) dirty() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed := l.changed
	l.changed = false
	return changed
}
