package status

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"defib/heal"
)

// The limits of what is remembered of incidents for people: a megabyte in all.
const (
	maxIncidents  = 200
	maxHappenings = 16 // of one incident: the first and the last eight
	maxJournal    = 1 << 20
)

// Words puts a notice into words: a title, sentences, and how bad it is.
type Words func(n heal.Notice) (title, text, severity string)

// Journal remembers the newest incidents. It is safe for use by several
// goroutines.
type Journal struct {
	mu      sync.Mutex
	words   Words
	changes *Changes
	all     map[string]*Incident
	bytes   int // of all happenings, about
}

// NewJournal makes an empty one, which notes in changes what is new.
func NewJournal(words Words, changes *Changes) *Journal {
	return &Journal{words: words, changes: changes, all: map[string]*Incident{}}
}

// Note takes a notice, in any order of time; the same one twice is one.
func (j *Journal) Note(n heal.Notice) {
	if n.Incident == "" || n.Reason == heal.WatchBegan || n.Reminder {
		return
	}
	h := j.happening(n)
	j.mu.Lock()
	defer j.mu.Unlock()
	in := j.all[n.Incident]
	if in == nil {
		c := n.Container
		if n.Count > 0 { // of a storm it is only the one that is healed first
			c = heal.Container{}
		}
		in = &Incident{ID: n.Incident, Container: c.Name, Project: c.Project, Service: c.Service, Image: c.Image, Since: n.Since}
		if in.Since.IsZero() {
			in.Since = n.At
		}
		j.all[n.Incident] = in
	}
	if !j.add(in, h) {
		return
	}
	if !h.At.Before(in.At) {
		in.At, in.Reason, in.Title, in.Restarts, in.Status = h.At, h.Reason, h.Title, h.Attempt, "firing"
		in.Ended = nil
		if n.Reason.Resolves() {
			in.Status = "resolved"
		}
		if n.Reason.Ends() {
			in.Ended = &h.At
		}
	}
	j.bound()
	j.changes.Note(TopicIncidents)
}

// add puts a happening where it belongs; it tells whether it is new.
func (j *Journal) add(in *Incident, h Happening) bool {
	at, known := slices.BinarySearchFunc(in.Happenings, h, func(a, b Happening) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Attempt, b.Attempt))
	})
	if known {
		return false
	}
	if h.Evidence != nil && slices.ContainsFunc(in.Happenings, func(o Happening) bool {
		return o.Evidence != nil && o.Evidence.At.Equal(h.Evidence.At)
	}) {
		h.Evidence = nil // a restart that fails for days is told of again and again
	}
	in.Happenings = slices.Insert(in.Happenings, at, h)
	j.bytes += h.size()
	if n := len(in.Happenings); n > maxHappenings {
		j.bytes -= in.Happenings[n/2].size()
		in.Happenings = slices.Delete(in.Happenings, n/2, n/2+1)
		in.LeftOut++
	}
	return true
}

// bound forgets the oldest: that are over first, then what they were made of.
func (j *Journal) bound() {
	if len(j.all) <= maxIncidents && j.bytes <= maxJournal {
		return
	}
	oldest := j.sorted()
	slices.Reverse(oldest)
	slices.SortStableFunc(oldest, func(a, b *Incident) int {
		over := func(in *Incident) int {
			if in.Ended == nil {
				return 1
			}
			return 0
		}
		return cmp.Compare(over(a), over(b))
	})
	for _, in := range oldest {
		if len(j.all) <= maxIncidents && j.bytes <= maxJournal {
			return
		}
		for _, h := range in.Happenings {
			j.bytes -= h.size()
		}
		if in.LeftOut += len(in.Happenings); len(j.all) > maxIncidents {
			delete(j.all, in.ID)
		}
		in.Happenings = nil
	}
}

// sorted gives all, those that began last first.
func (j *Journal) sorted() []*Incident {
	all := make([]*Incident, 0, len(j.all))
	for _, in := range j.all {
		all = append(all, in)
	}
	slices.SortFunc(all, func(a, b *Incident) int { return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.ID, b.ID)) })
	return all
}

// Incidents gives all, newest first, without their happenings.
func (j *Journal) Incidents() []Incident {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := make([]Incident, 0, len(j.all))
	for _, in := range j.sorted() {
		c := *in
		c.Happenings = nil
		all = append(all, c)
	}
	return all
}

// Incident gives one in full.
func (j *Journal) Incident(id string) (Incident, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	in, known := j.all[id]
	if !known {
		return Incident{}, false
	}
	c := *in
	c.Happenings = slices.Clone(in.Happenings)
	for i, h := range c.Happenings {
		if h.Evidence != nil {
			e := *h.Evidence
			e.Probes, e.Log = slices.Clone(e.Probes), slices.Clone(e.Log)
			c.Happenings[i].Evidence = &e
		}
	}
	return c, true
}

// happening turns a notice into what is shown of it.
func (j *Journal) happening(n heal.Notice) Happening {
	h := Happening{At: n.At, Reason: n.Reason.String(), Attempt: n.Attempt, Took: n.Took.Seconds(), NextAt: Instant(n.Next)}
	h.Title, h.Text, h.Severity = j.words(n)
	e := n.Evidence
	if e == nil {
		return h
	}
	h.Evidence = &Evidence{
		At: e.At, Uptime: e.Uptime.Seconds(), Streak: e.Streak, ExitCode: e.ExitCode, OOMKilled: e.OOMKilled,
		Probes: []Probe{}, Log: []string{}, LogError: shown(e.LogError),
	}
	for _, p := range e.Probes {
		h.Evidence.Probes = append(h.Evidence.Probes, Probe{Start: p.Start, Took: p.Took.Seconds(), ExitCode: p.ExitCode, Output: shown(p.Output)})
	}
	for _, line := range e.Log {
		h.Evidence.Log = append(h.Evidence.Log, shown(line))
	}
	return h
}

// maxShown bounds one text of a container, in bytes; there may be 200 lines.
const maxShown = 1000

// shown cuts a text of a container, whole runes only, in memory of its own.
func shown(text string) string {
	if len(text) > maxShown {
		text = text[:maxShown]
	}
	return strings.ToValidUTF8(strings.Clone(text), "\uFFFD")
}

// size is about how many bytes a happening takes.
func (h Happening) size() int {
	n := 300 + len(h.Title) + len(h.Text)
	if h.Evidence == nil {
		return n
	}
	for _, p := range h.Evidence.Probes {
		n += 100 + len(p.Output)
	}
	for _, line := range h.Evidence.Log {
		n += 20 + len(line)
	}
	return n
}

// Instant gives a time as the API has it: nil for none.
func Instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
