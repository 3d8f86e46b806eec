package heal

import (
	"cmp"
	"slices"
	"time"
)

// causeMost is how long a container waits at most for one that it depends on
// to be healed first.
const causeMost = 2 * time.Minute

// Host judges what one container alone cannot tell: whether it is its turn.
// Peers of a Compose service are healed one after the other, a cause before
// its consequences, and one canary first when the whole host is in trouble.
//
// Like Decide it reads no clock and does nothing: the caller tells it of each
// new state (Note), asks before an act (Judge), and looks again at those whose
// hold may have ended (Ready). It is not safe for several goroutines. It
// remembers those only with which something is wrong.
type Host struct {
	patients map[string]*patient
	ill      map[string]int // how many of them answer to a key
	healing  map[string]int // how many of a service are being healed
	changed  bool           // a hold may have ended since Ready was last asked
	next     uint64
	storm    storm
	awaited  int // those of before a restart of defib that were not heard of yet
	news     []Notice
}

// patient is a container with which something is wrong.
type patient struct {
	Container

	needs      []string // keys of those that it depends on
	watched    bool
	order      uint64 // of falling ill
	phase      Phase
	ill        bool
	sick       bool      // ill by itself, not only to be restarted after another
	healing    bool      // restarted, and not healthy yet
	told       bool      // people know of it
	waits      Hold      // what it was last held for
	causeSince time.Time // since when a cause has held it; zero: none has
	causeWell  time.Time // when that ended
}

// NewHost gives a Host on which nothing is wrong.
func NewHost() *Host {
	return &Host{patients: map[string]*patient{}, ill: map[string]int{}, healing: map[string]int{}}
}

// The keys that a container answers to, and that it names what it depends on by.

// IDKey is the key of the container with this id.
func IDKey(id string) string { return "id " + id }

// NameKey is the key of the container with this name.
func NameKey(name string) string { return "name " + name }

// ServiceKey is the key of all containers of a Compose service; empty outside
// Compose.
func ServiceKey(project, service string) string {
	if project == "" || service == "" {
		return ""
	}
	return "service " + project + "\x00" + service
}

func (c Container) serviceKey() string { return ServiceKey(c.Project, c.Service) }

// unit is what counts as one service: the Compose service, else the container.
func (c Container) unit() string { return cmp.Or(c.serviceKey(), IDKey(c.ID)) }

// Keys are the keys that a container answers to.
func (c Container) Keys() []string {
	keys := []string{IDKey(c.ID), NameKey(c.Name)}
	if k := c.serviceKey(); k != "" {
		keys = append(keys, k)
	}
	return keys
}

// isIll tells whether a container is unhealthy or being healed.
func (s State) isIll() bool {
	switch s.Phase {
	case Steady:
		return false
	case Recovering:
		return s.HealthySince.IsZero()
	default:
		return true
	}
}

// isHealing tells whether the outcome of an act is still open.
func (s State) isHealing() bool {
	return s.Phase == Restarting || (s.Phase == Recovering && s.HealthySince.IsZero() && s.Made > 0)
}

// Note takes the new state of a watched container; needs are the keys of those
// that it depends on.
func (h *Host) Note(c Container, needs []string, s State, now time.Time) {
	p, known := h.patients[c.ID]
	if !known && !s.isIll() {
		if s.Phase == Steady {
			delete(h.storm.members, c.ID)
		}
		return
	}
	before := patient{}
	if known {
		before = *p
		h.count(p, -1)
	} else {
		p = h.admit(c, true)
	}
	p.Container, p.needs = c, needs
	p.phase, p.ill, p.healing, p.told = s.Phase, s.isIll(), s.isHealing(), s.Told != 0
	if p.sick = p.ill && !s.Following; p.sick && !before.sick {
		h.storm.fellIll(h, p, now)
	}
	h.count(p, 1)
	if s.Phase == Restarting {
		p.causeSince, p.causeWell, p.waits = time.Time{}, time.Time{}, NotHeld
	}
	h.changed = h.changed || before.ill != p.ill || before.healing != p.healing
	h.storm.note(h, p, before, !s.HealthySince.IsZero(), now)
	if !p.ill {
		h.discharge(p)
	}
}

// NoteOther takes that a container which defib does not watch is unhealthy, or
// is not any more. Those that depend on it wait for it as for any other.
func (h *Host) NoteOther(c Container, ill bool) {
	p, known := h.patients[c.ID]
	switch {
	case ill && !known:
		p = h.admit(c, false)
		p.ill = true
		h.count(p, 1)
	case !ill && known && !p.watched:
		h.count(p, -1)
		h.discharge(p)
	}
}

// Others gives the ids of the unhealthy containers that are not watched, for
// the caller that has a complete list and finds that some are missing in it.
func (h *Host) Others() []string {
	var ids []string
	for id, p := range h.patients {
		if !p.watched {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (h *Host) admit(c Container, watched bool) *patient {
	h.next++
	p := &patient{Container: c, watched: watched, order: h.next}
	h.patients[c.ID] = p
	h.changed = true
	return p
}

func (h *Host) discharge(p *patient) {
	if p.ill {
		p.ill = false
		h.changed = true
	}
	delete(h.patients, p.ID)
	h.changed = true
}

// count adds n to what is counted of a patient.
func (h *Host) count(p *patient, n int) {
	add := func(counts map[string]int, key string) {
		if counts[key] += n; counts[key] == 0 {
			delete(counts, key)
		}
	}
	if p.ill {
		for _, k := range p.Keys() {
			add(h.ill, k)
		}
	}
	if p.healing {
		add(h.healing, p.unit())
	}
}

// Judge tells what of the host's other troubles holds a container that is
// about to be treated, and when to ask again at the latest. probe is how long
// it takes this container to notice that it is well again.
func (h *Host) Judge(id string, probe time.Duration, now time.Time) (Hold, time.Duration) {
	p := h.patients[id]
	if p == nil {
		return NotHeld, 0
	}
	hold, wait := h.judge(p, probe, now)
	p.waits = hold
	return hold, wait
}

func (h *Host) judge(p *patient, probe time.Duration, now time.Time) (Hold, time.Duration) {
	if wait := h.storm.holds(p, now); wait > 0 {
		return HoldStorm, wait
	}
	if h.peers(p) > 0 {
		return HoldPeer, recheck
	}
	if wait := h.cause(p, probe, now); wait > 0 {
		return HoldCause, wait
	}
	return NotHeld, 0
}

// cause tells for how long a cause holds its consequence. When the cause is
// well the consequence gets the time for one probe: it may be well by itself.
func (h *Host) cause(p *patient, probe time.Duration, now time.Time) time.Duration {
	switch {
	case h.hasCause(p):
		if p.causeSince.IsZero() {
			p.causeSince = now
		}
		p.causeWell = time.Time{}
		return min(recheck, p.causeSince.Add(causeMost).Sub(now))
	case p.causeSince.IsZero():
		return 0
	case p.causeWell.IsZero():
		p.causeWell = now
	}
	until := p.causeWell.Add(probe)
	if most := p.causeSince.Add(causeMost); most.Before(until) {
		until = most
	}
	return until.Sub(now)
}

// hasCause tells whether one that p depends on is ill, and not because of p:
// those in a circle do not wait for each other.
func (h *Host) hasCause(p *patient) bool {
	for _, q := range h.illBehind(p) {
		if !h.reaches(q, p) {
			return true
		}
	}
	return false
}

// illBehind gives the patients that p names as what it depends on.
func (h *Host) illBehind(p *patient) []*patient {
	named := false
	for _, key := range p.needs {
		named = named || h.ill[key] > 0
	}
	if !named {
		return nil
	}
	var found []*patient
	for _, q := range h.sorted() {
		if q != p && q.ill && slices.ContainsFunc(q.Keys(), func(k string) bool { return slices.Contains(p.needs, k) }) {
			found = append(found, q)
		}
	}
	return found
}

// reaches tells whether from depends on to, over others that are ill as well.
func (h *Host) reaches(from, to *patient) bool {
	seen := map[*patient]bool{from: true}
	for queue := []*patient{from}; len(queue) > 0; queue = queue[1:] {
		for _, q := range h.illBehind(queue[0]) {
			if q == to {
				return true
			}
			if !seen[q] {
				seen[q] = true
				queue = append(queue, q)
			}
		}
	}
	return false
}

// sorted gives the patients in the order in which they fell ill.
func (h *Host) sorted() []*patient {
	all := make([]*patient, 0, len(h.patients))
	for _, p := range h.patients {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *patient) int { return cmp.Compare(a.order, b.order) })
	return all
}

// Ready gives the containers whose hold may have ended, in the order in which
// they fell ill, and of each service one only. The caller looks at them again.
func (h *Host) Ready(now time.Time) []string {
	h.storm.tick(h, now)
	if !h.changed {
		return nil
	}
	h.changed = false
	var ready []string
	units := map[string]bool{}
	for _, p := range h.sorted() {
		if p.waits == NotHeld || units[p.unit()] || !h.freed(p, now) {
			continue
		}
		p.waits = NotHeld
		units[p.unit()] = true
		ready = append(ready, p.ID)
	}
	return ready
}

// freed tells whether what held a patient is over. One whose cause is well is
// looked at once: from then on its own probes count.
func (h *Host) freed(p *patient, now time.Time) bool {
	switch p.waits {
	case HoldCause:
		return !h.hasCause(p) && p.causeWell.IsZero()
	case HoldStorm:
		return h.storm.holds(p, now) == 0
	default:
		return h.peers(p) == 0
	}
}

// peers counts the others of p's service that are being healed.
func (h *Host) peers(p *patient) int {
	n := h.healing[p.unit()]
	if p.healing {
		n--
	}
	return n
}

// News gives what people are to be told of the host, once.
func (h *Host) News() []Notice {
	news := h.news
	h.news = nil
	return news
}
