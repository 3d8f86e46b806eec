package heal

import (
	"slices"
	"strconv"
	"time"
)

// A storm: so much turned unhealthy at once that the host, its disk or its
// network is the likely cause. Restarting everything then does harm and helps
// nobody, so one container, the canary, is healed first.
const (
	stormServices  = 3                // more services than that,
	stormWithin    = time.Minute      // and more than half of the watched, turned unhealthy within this
	suspectFor     = 2 * time.Second  // how long the watched may take to be counted
	suspectAgain   = 10 * time.Second // when they are counted again
	canaryPatience = 2 * time.Minute  // a canary that is not even restarted by then is replaced
	canaryPause    = 10 * time.Second // between two rounds of canaries
	stormPasses    = 10 * time.Minute // after a canary is healthy the storm ends by then at the latest
	stormNames     = 10               // so many containers are named in a message
)

// stage is how far a storm has come.
type stage uint8

const (
	calm      stage = iota
	suspected       // enough services; the watched are being counted
	raging          // only the canary is healed
	passing         // a canary is healthy: all others are healed at full width
)

type storm struct {
	stage   stage
	since   time.Time
	counted time.Time // when the watched were last asked for or counted
	recent  []illness // within stormWithin
	members map[string]bool
	most    int // members in all
	of      int // watched containers
	names   []string
	canary  string
	chosen  time.Time
	begun   bool            // the canary was acted on since it was chosen
	tried   map[string]bool // canaries of this round
	was     map[string]bool // canaries of all rounds
	passed  time.Time
}

type illness struct {
	at       time.Time
	id, unit string
}

// fellIll notes that a watched container has turned unhealthy.
func (st *storm) fellIll(h *Host, p *patient, now time.Time) {
	st.forget(now)
	st.recent = append(st.recent, illness{at: now, id: p.ID, unit: p.unit()})
	switch {
	case st.stage == raging && !p.told:
		st.join(p)
	case st.stage != calm || len(st.recent) <= stormServices || st.units() <= stormServices:
	case st.of > 0 && now.Sub(st.counted) < stormWithin: // they were counted a moment ago
		st.compare(h, now)
	case now.Sub(st.counted) >= suspectAgain:
		st.stage, st.counted = suspected, now
	}
}

// compare begins a storm if more than half of the watched have turned
// unhealthy within the minute, and more than three services.
func (st *storm) compare(h *Host, now time.Time) {
	ids := map[string]bool{}
	for _, i := range st.recent {
		ids[i.id] = true
	}
	if 2*len(ids) > st.of && st.units() > stormServices {
		h.breakOut(now)
	}
}

func (st *storm) forget(now time.Time) {
	st.recent = slices.DeleteFunc(st.recent, func(i illness) bool { return now.Sub(i.at) > stormWithin })
}

func (st *storm) units() int {
	units := map[string]bool{}
	for _, i := range st.recent {
		units[i.unit] = true
	}
	return len(units)
}

func (st *storm) join(p *patient) {
	if st.members[p.ID] {
		return
	}
	st.members[p.ID] = true
	if st.most++; len(st.names) < stormNames {
		st.names = append(st.names, p.Name)
	}
}

// WantsCount tells whether the caller is to count the watched containers that
// run and call Counted: a storm may have begun.
func (h *Host) WantsCount() bool { return h.storm.stage == suspected }

// Counted takes how many watched containers run.
func (h *Host) Counted(watched int, now time.Time) {
	st := &h.storm
	if st.stage != suspected {
		return
	}
	st.forget(now)
	st.stage, st.of, st.counted, h.changed = calm, watched, now, true
	st.compare(h, now)
}

// breakOut begins a storm.
func (h *Host) breakOut(now time.Time) {
	st := &h.storm
	*st = storm{
		stage: raging, since: now, counted: now, recent: st.recent, of: st.of,
		members: map[string]bool{}, tried: map[string]bool{}, was: map[string]bool{},
	}
	for _, p := range h.sorted() {
		if p.watched && p.sick {
			if st.join(p); p.told {
				delete(st.members, p.ID) // people know of it: its own messages go on
			}
		}
	}
	st.since = st.recent[0].at
	st.choose(h, now)
	h.tellStorm(Stormed, now)
}

func (h *Host) tellStorm(r Reason, now time.Time) {
	st := &h.storm
	n := Notice{
		Reason: r, Incident: "storm-" + strconv.FormatInt(st.since.UnixMilli(), 36), At: now, Since: st.since,
		Count: st.most, Of: max(st.of, st.most), Names: st.names,
	}
	if c := h.patients[st.canary]; c != nil {
		n.Container = c.Container
	}
	for _, p := range h.patients {
		if p.watched && p.ill && r == StormOver {
			n.Left++
		}
	}
	h.news = append(h.news, n)
}

// choose picks the next canary among those that wait for no other: the one
// that most of the ill depend on, of those the first that fell ill; one that
// was tried only when all were.
func (st *storm) choose(h *Host, now time.Time) {
	var best *patient
	most := -1
	for _, p := range h.sorted() {
		if !p.watched || !p.ill || st.tried[p.ID] || p.phase == GivenUp || h.hasCause(p) {
			continue
		}
		if n := h.dependOn(p); n > most {
			best, most = p, n
		}
	}
	h.changed = true
	if best == nil { // all were tried: a pause, then the next round
		st.canary, st.chosen, st.begun, st.tried = "", now, false, map[string]bool{}
		return
	}
	st.was[best.ID] = true
	st.canary, st.chosen, st.begun = best.ID, now, best.healing
	st.tried[best.ID] = true
}

// dependOn counts the ill that depend on p.
func (h *Host) dependOn(p *patient) int {
	keys := p.Keys()
	n := 0
	for _, q := range h.patients {
		if q != p && q.ill && slices.ContainsFunc(q.needs, func(k string) bool { return slices.Contains(keys, k) }) {
			n++
		}
	}
	return n
}

// holds tells for how long a storm keeps a container from being treated.
func (st *storm) holds(p *patient, now time.Time) time.Duration {
	switch st.stage {
	case suspected:
		return max(0, st.counted.Add(suspectFor).Sub(now))
	case raging:
		if p.ID != st.canary {
			return recheck
		}
	case calm, passing:
	}
	return 0
}

// note takes the new state of a container in a storm.
func (st *storm) note(h *Host, p *patient, before patient, healthy bool, now time.Time) {
	if st.stage != raging || !st.was[p.ID] {
		return
	}
	if before.ill && !p.ill && healthy {
		st.stage, st.passed, h.changed = passing, now, true
	}
	if p.ID != st.canary {
		return
	}
	st.begun = st.begun || p.healing
	switch {
	case !p.ill && healthy:
	case !p.ill: // removed, or stopped by somebody
		st.choose(h, now)
	case before.healing && !p.healing:
		st.choose(h, now) // the restart did not help
	}
}

// tick does what only time brings about.
func (st *storm) tick(h *Host, now time.Time) {
	switch st.stage {
	case suspected:
		if now.Sub(st.counted) >= suspectFor {
			st.stage, h.changed = calm, true
		}
	case raging:
		if h.illMembers()+h.awaited == 0 {
			h.endStorm(now)
		} else if !st.begun && !now.Before(st.next()) {
			st.choose(h, now)
		} else if c := h.patients[st.canary]; c != nil && !st.begun && h.hasCause(c) {
			delete(st.tried, c.ID) // what it depends on fell ill after it: it would wait for that, and all for it
			st.choose(h, now)
		}
	case passing:
		if h.illMembers()+h.awaited == 0 || now.Sub(st.passed) >= stormPasses {
			h.endStorm(now)
		}
	case calm:
	}
}

// illMembers counts those that a storm is about. Those that defib gave up on
// are none: people were told of each.
func (h *Host) illMembers() int {
	n := 0
	for _, p := range h.patients {
		if p.watched && p.ill && p.phase != GivenUp {
			n++
		}
	}
	return n
}

func (h *Host) endStorm(now time.Time) {
	h.tellStorm(StormOver, now)
	members := h.storm.members // those that are well hear nothing more of their own; the others do
	for id := range members {
		if p := h.patients[id]; p != nil && p.ill {
			delete(members, id)
		}
	}
	h.storm = storm{counted: now, members: members}
	h.changed = true
}

// next is when another canary is chosen if the present one, or none, is at work.
func (st *storm) next() time.Time {
	if st.canary == "" {
		return st.chosen.Add(canaryPause)
	}
	return st.chosen.Add(canaryPatience)
}

// WakeAt is when Ready is to be asked again though nothing has changed; zero:
// never.
func (h *Host) WakeAt() time.Time {
	switch st := &h.storm; st.stage {
	case suspected:
		return st.counted.Add(suspectFor)
	case raging:
		if !st.begun {
			return st.next()
		}
	case passing:
		return st.passed.Add(stormPasses)
	case calm:
	}
	return time.Time{}
}

// Hushed tells whether a notice about a container is part of what the storm's
// own messages say. What a human must know of it is told all the same, and
// knows tells whether people were told of this incident before.
func (h *Host) Hushed(id string, r Reason, knows bool) bool {
	if !h.storm.members[id] || knows {
		return false
	}
	return r == Restarted || r == RestartFailed || r == StillUnhealthy || r == Recovered || r == Followed || r == OnlyTold
}
