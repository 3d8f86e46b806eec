package heal

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// Aftermath judges what an engine's own end and return leave behind. Two
// things do harm in silence, so people are told of them, and nothing is done:
// health checks that an older engine does not run any more after it was
// restarted beside its running containers (moby#41871; live-restore, before
// engine 23), and containers that an engine stopped when it came back after a
// crash, and that their policy unless-stopped does not start (engine facts 2.8
// and 2.9).
//
// Like Host it reads no clock, and is not safe for several goroutines. The
// exported fields are what outlives defib.
type Aftermath struct {
	Frozen Finding `json:"frozen"`
	Down   Finding `json:"down"`

	suspects map[string]suspect
	dirty    bool
	news     []Notice
}

// Finding is one trouble that many containers share; it is told in one message.
type Finding struct {
	Since time.Time         `json:"since,omitzero"`
	Names map[string]string `json:"names,omitempty"` // those that have it, by id
	Most  int               `json:"most,omitempty"`  // how many people were told of
	Told  []string          `json:"told,omitempty"`  // their names, at most ten
}

// suspect is a container whose newest probe is too old.
type suspect struct {
	probe, started time.Time // the newest probe and the start, by the engine's clock
	seen           time.Time
	wait           time.Duration
}

// Limits of what is found.
const (
	probeSlack   = time.Minute // for a busy engine
	maxAftermath = 1000        // containers of one finding; the others are not named or counted
	namesAfter   = 10          // so many are named in a message
)

// probedWithin is how long after the start of a probe the start of another must
// be on record: a probe enters the record when it has ended.
func (t Timing) probedWithin() time.Duration { return t.Interval + 2*t.Timeout + probeSlack }

// Probed takes an inspection of a container. Its probes have stopped where two
// looks, with the time for a new probe between them, show the same old one.
func (a *Aftermath) Probed(c Container, seen Sighting, engineNow, now time.Time) {
	newest := seen.Probe.Start
	if newest.IsZero() || newest.Before(seen.StartedAt) {
		newest = seen.StartedAt
	}
	wait := seen.Timing.probedWithin()
	if seen.Status != StatusRunning || seen.Health == HealthNone || newest.IsZero() || engineNow.Sub(newest) <= wait {
		a.thaw(c.ID)
		return
	}
	before, known := a.suspects[c.ID]
	_, frozen := a.Frozen.Names[c.ID]
	switch {
	case frozen:
	case !known || !before.probe.Equal(newest) || !before.started.Equal(seen.StartedAt):
		if a.suspects == nil {
			a.suspects = map[string]suspect{}
		}
		if len(a.suspects) < maxAftermath {
			a.suspects[c.ID] = suspect{probe: newest, started: seen.StartedAt, seen: now, wait: wait}
		}
	case now.Sub(before.seen) >= before.wait:
		delete(a.suspects, c.ID)
		a.dirty = a.Frozen.add(c, now) || a.dirty
	}
}

// thaw forgets what was held against a container's probes.
func (a *Aftermath) thaw(id string) {
	delete(a.suspects, id)
	a.dirty = a.Frozen.drop(id) || a.dirty
}

// LeftDown takes that an engine stopped a container when it came back.
func (a *Aftermath) LeftDown(c Container, now time.Time) { a.dirty = a.Down.add(c, now) || a.dirty }

// Up takes that a container runs, or is gone.
func (a *Aftermath) Up(id string) { a.dirty = a.Down.drop(id) || a.dirty }

// Heard takes an event: a container that is frozen, or was, is not looked at
// twice as if nothing had happened in between.
func (a *Aftermath) Heard(id string, e Event) {
	switch e := e.(type) {
	case Started, Destroyed:
		a.Up(id)
		a.thaw(id)
	case Observed:
		if e.Health != HealthUnknown { // a word on its health is the word of a probe
			a.thaw(id)
		}
	case Paused, Unpaused, Died:
		delete(a.suspects, id)
	}
}

// Suspects gives those that are to be looked at again, and when the last of
// them may be; a zero time where there are none.
func (a *Aftermath) Suspects() (ids []string, at time.Time) {
	for id, s := range a.suspects {
		ids = append(ids, id)
		if until := s.seen.Add(s.wait); until.After(at) {
			at = until
		}
	}
	slices.Sort(ids)
	return ids, at
}

// Told gives the ids of those that people were told of, to be looked at now
// and then: what ends their trouble may not be heard.
func (a *Aftermath) Told() (ids []string) {
	for _, f := range []Finding{a.Frozen, a.Down} {
		ids = slices.AppendSeq(ids, maps.Keys(f.Names))
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Conclude is to be called when a round of looks has ended, so that one message
// names all. It tells whether there is something new to keep.
func (a *Aftermath) Conclude(now time.Time) bool {
	if !a.dirty {
		return false
	}
	a.dirty = false
	a.news = append(a.news, a.Frozen.conclude(ProbesStopped, now)...)
	a.news = append(a.news, a.Down.conclude(LeftDown, now)...)
	return true
}

// Over is to be called after events: it concludes what they have ended, and
// leaves what a round of looks is still adding to.
func (a *Aftermath) Over(now time.Time) bool {
	over := func(f *Finding) bool { return f.Names != nil && len(f.Names) == 0 }
	if !over(&a.Frozen) && !over(&a.Down) {
		return false
	}
	for _, f := range []struct {
		*Finding
		reason Reason
	}{{&a.Frozen, ProbesStopped}, {&a.Down, LeftDown}} {
		if over(f.Finding) {
			a.news = append(a.news, f.conclude(f.reason, now)...)
		}
	}
	return true
}

// News gives what people are to be told, once.
func (a *Aftermath) News() []Notice {
	news := a.news
	a.news = nil
	return news
}

// Restored gives what a file tells of: bounded, and with nothing in the future.
func (a Aftermath) Restored(now time.Time) Aftermath {
	restored := Aftermath{}
	for i, f := range []Finding{a.Frozen, a.Down} {
		if f.Since = earliest(f.Since, now); len(f.Names) == 0 || len(f.Names) > maxAftermath || f.Since.IsZero() {
			f = Finding{}
		}
		f.Most, f.Told = max(f.Most, 0), f.Told[:min(len(f.Told), namesAfter)]
		if i == 0 {
			restored.Frozen = f
		} else {
			restored.Down = f
		}
	}
	return restored
}

// add tells whether the container was not known to have the trouble.
func (f *Finding) add(c Container, now time.Time) bool {
	if _, known := f.Names[c.ID]; known || len(f.Names) >= maxAftermath {
		return false
	}
	if f.Names == nil {
		f.Since, f.Names = now, map[string]string{}
	}
	f.Names[c.ID] = c.Name
	return true
}

func (f *Finding) drop(id string) bool {
	if _, known := f.Names[id]; !known {
		return false
	}
	delete(f.Names, id)
	return true
}

// conclude tells of a trouble when more have it than people know of, and when
// nobody has it any more.
func (f *Finding) conclude(r Reason, now time.Time) []Notice {
	if f.Names == nil {
		return nil
	}
	names := slices.Sorted(maps.Values(f.Names))
	n := Notice{
		Reason: r, At: now, Since: f.Since, Count: len(f.Names), Incident: r.String() + "-" + strconv.FormatInt(f.Since.UnixMilli(), 36),
	}
	switch {
	case len(f.Names) > f.Most:
		f.Most, f.Told = len(f.Names), names[:min(len(names), namesAfter)]
		n.Names = f.Told
	case len(f.Names) > 0:
		return nil
	case f.Most == 0: // it passed before anybody was told
		*f = Finding{}
		return nil
	default:
		n.Reason, n.Ended, n.Count, n.Names = Recovered, r, f.Most, f.Told
		*f = Finding{}
	}
	return []Notice{n}
}

// Boot is one entry of what an engine remembers of its past.
type Boot struct {
	ID      string
	Started bool // it was started, or created
	Died    bool
	At      time.Time // the engine's clock
}

// bootTakes is how long an engine may take, from its first deed on, to stop
// what outlived its crash: the stop timeout of most containers is 10 s.
const bootTakes = 30 * time.Second

// StoppedAtBoot gives the containers that an engine stopped when it came back
// after a crash, by what it remembers of its life so far, oldest first: its
// first deeds are to stop them, and none of them was started by it before. The
// whole of its memory is needed; who cannot have that does not ask.
func StoppedAtBoot(past []Boot) []string {
	var stopped []string
	started := map[string]bool{}
	for _, b := range past {
		switch {
		case b.At.Sub(past[0].At) > bootTakes:
			return stopped
		case b.Started:
			started[b.ID] = true
			stopped = slices.DeleteFunc(stopped, func(id string) bool { return id == b.ID })
		case b.Died && !started[b.ID] && !slices.Contains(stopped, b.ID):
			stopped = append(stopped, b.ID)
		}
	}
	return stopped
}
