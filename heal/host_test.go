package heal

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// randomHost is a host with containers that depend on each other at random: it
// plays the engine and the caller, and holds the promises on what Host and
// Decide do together. Each container's own promises are held by a checker.
type randomHost struct {
	r        *rand.Rand
	now      time.Time
	host     *Host
	all      []*subject
	bad      []string
	steps    int
	parallel int // the most that were in flight at once
}

// subject is one container: what is true of it, and what is known.
type subject struct {
	Container

	ties    map[int]Tie // owners by index
	c       *checker
	running bool
	sick    bool
	doomed  bool // restarts do not help
	stopped bool // by a person
	probed  bool // it has a health check
	health  Health
	started time.Time
	wellAt  time.Time // when it turns healthy after a start
	probe   time.Time
	look    bool
	toAct   bool
	act     *Act
	endAt   time.Time
	heldBy  time.Time // since when a cause holds it
}

func newRandomHost(seed uint64) *randomHost {
	r := rand.New(rand.NewPCG(seed, 7))
	w := &randomHost{r: r, now: time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC), host: NewHost()}
	n := 2 + r.IntN(12)
	policies := policies()
	for i := range n {
		s := &subject{
			Container: Container{ID: fmt.Sprint("id", i), Name: fmt.Sprint("c", i), Project: "p"},
			ties:      map[int]Tie{}, running: true, probed: r.IntN(8) > 0, started: w.now, probe: w.now,
		}
		s.Service = fmt.Sprint("s", r.IntN(n)) // some are replicas of each other
		s.c = newChecker(policies[0])
		if r.IntN(6) == 0 {
			s.c.p = policies[r.IntN(len(policies))]
		}
		s.health = HealthNone
		if s.probed {
			s.health = Healthy
		}
		for range r.IntN(3) {
			if o := r.IntN(n); o != i {
				tie := Tie(r.IntN(5))
				if tie != TieCompleted && (tie != TieNamespace || o < i) { // the engine allows no circle of namespaces
					s.ties[o] = tie
				}
			}
		}
		w.all = append(w.all, s)
		w.now = w.now.Add(time.Second) // owners of namespaces start first
	}
	return w
}

func (w *randomHost) fail(format string, args ...any) {
	w.bad = append(w.bad, fmt.Sprintf(format, args...))
}

func (w *randomHost) needs(s *subject) []string {
	var keys []string
	for o := range w.all {
		if _, tied := s.ties[o]; tied {
			keys = append(keys, IDKey(w.all[o].ID))
		}
	}
	return keys
}

// feed is what the caller does with an event.
func (w *randomHost) feed(s *subject, e Event) {
	s.c.now = w.now
	w.steps++
	for _, a := range s.c.step(e) {
		switch a := a.(type) {
		case Look:
			s.look, s.toAct = true, a.ToAct
		case Act:
			w.begin(s, a)
		case Tell:
		}
	}
	for _, v := range s.c.violations {
		w.fail("%s: %s", s.Name, v)
	}
	w.host.Note(s.Container, w.needs(s), s.c.s, w.now)
	if !s.c.s.isIll() {
		s.heldBy = time.Time{}
	}
}

// begin is the start of an act, with what must hold then.
func (w *randomHost) begin(s *subject, a Act) {
	s.act, s.endAt = &a, w.now.Add(time.Duration(200+w.r.IntN(3000))*time.Millisecond)
	if a.Verb != Restart {
		return
	}
	for _, o := range w.all {
		if o != s && o.serviceKey() == s.serviceKey() && o.c.s.isHealing() {
			w.fail("%s is restarted while %s of its service is being healed", s.Name, o.Name)
		}
	}
	patience := !s.heldBy.IsZero() && w.now.Sub(s.heldBy) >= causeMost
	for i := range s.ties {
		if o := w.all[i]; o.c.s.isIll() && !w.reaches(o, s) && !patience {
			w.fail("%s is restarted while %s, which it depends on, is %s; held since %s, now %s", s.Name, o.Name, o.c.s.Phase, s.heldBy.Format(time.TimeOnly), w.now.Format(time.TimeOnly))
		}
	}
	for i, tie := range s.ties {
		o := w.all[i]
		follows := s.c.s.isFollowing(o.ID) && tie != TieStarted
		if follows && o.health != Healthy && o.health != HealthNone {
			w.fail("%s is restarted after %s, which is %s", s.Name, o.Name, o.health)
		}
	}
	if st := w.host.storm; st.stage == raging && st.canary != s.ID {
		w.fail("%s is restarted in a storm; the canary is %s", s.Name, st.canary)
	}
	s.heldBy = time.Time{}
}

func (s State) isFollowing(id string) bool {
	return slices.ContainsFunc(s.After, func(o Owner) bool { return o.ID == id })
}

// reaches tells, without Host's help, whether from depends on to over the ill.
func (w *randomHost) reaches(from, to *subject) bool {
	seen := map[*subject]bool{}
	var walk func(*subject) bool
	walk = func(s *subject) bool {
		for i := range s.ties {
			o := w.all[i]
			if o == to || (o.c.s.isIll() && !seen[o] && func() bool { seen[o] = true; return walk(o) }()) {
				return true
			}
		}
		return false
	}
	return walk(from)
}

// looked answers a look with the truth.
func (w *randomHost) looked(s *subject) {
	s.look = false
	probe := 6 * time.Second
	if len(s.c.s.After) > 0 {
		probe = 0
	}
	e := Looked{Sighting: w.see(s)}
	e.Held, e.HeldFor = w.host.Judge(s.ID, probe, w.now)
	if e.Held == HoldCause && s.heldBy.IsZero() {
		s.heldBy = w.now
	}
	for i := range w.all {
		tie, tied := s.ties[i]
		after := slices.ContainsFunc(s.c.s.After, func(o Owner) bool { return o.ID == w.all[i].ID })
		if tied && (tie == TieNamespace || after) {
			o := w.see(w.all[i])
			e.Owners = append(e.Owners, OwnerSeen{
				ID: w.all[i].ID, Name: w.all[i].Name, Tie: tie, Status: o.Status, Health: o.Health, StartedAt: o.StartedAt,
			})
		}
	}
	w.feed(s, e)
}

func (w *randomHost) see(s *subject) Sighting {
	seen := Sighting{
		Health: s.health, Status: StatusRunning, StartedAt: s.started, StopSignal: "SIGTERM", StopTimeout: time.Second,
		Timing: Timing{Interval: 5 * time.Second, Timeout: time.Second, Retries: 1},
	}
	if s.health == Unhealthy {
		seen.Streak, seen.Probe = 3, Probe{Start: w.now, ExitCode: 1}
	}
	if !s.running {
		seen.Status = StatusExited
	}
	return seen
}

// launch is a start of a container, and what the caller makes of its event.
func (w *randomHost) launch(s *subject, ours bool) {
	s.running, s.stopped, s.started = true, false, w.now
	if s.probed {
		s.health = HealthStarting
		s.wellAt = w.now.Add(time.Duration(1+w.r.IntN(20)) * time.Second)
	}
	if !s.doomed {
		s.sick = false
	}
	for _, d := range w.all {
		if d.ties != nil && d.running {
			if _, tied := d.ties[w.index(s)]; tied && d.ties[w.index(s)] == TieNamespace && d.started.Before(s.started) && d.probed && w.r.IntN(2) == 0 {
				d.sick = true // it has lost its network and notices
			}
		}
	}
	w.feed(s, Started{At: w.now})
	path := []string{s.ID}
	if ours {
		path = append(path, s.c.s.Wave...)
	}
	for _, d := range w.all {
		if tie, tied := d.ties[w.index(s)]; tied && (tie == TieNamespace || !slices.Contains(path, d.ID)) {
			w.feed(d, OwnerStarted{Owner{ID: s.ID, Name: s.Name, Tie: tie, Ours: ours, Path: path}})
		}
	}
}

func (w *randomHost) index(s *subject) int { return slices.Index(w.all, s) }

// finish is the end of an act.
func (w *randomHost) finish(s *subject) {
	a := s.act
	s.act = nil
	for i, tie := range s.ties {
		if tie == TieNamespace && !w.all[i].running && a.Verb != Stop { // engine fact 5.4
			s.running = false
			seen := w.see(s)
			w.feed(s, Finished{Number: a.Number, Outcome: Failed, Err: "cannot join", Took: time.Second, Seen: &seen})
			return
		}
	}
	if a.Verb == Stop {
		s.running, s.stopped = false, true
		w.feed(s, Finished{Number: a.Number, Outcome: Done, Took: time.Second})
		return
	}
	w.launch(s, true)
	seen := w.see(s)
	w.feed(s, Finished{Number: a.Number, Outcome: Done, Took: time.Second, Seen: &seen})
}

// pass lets time pass up to an instant, with all that is due on the way.
func (w *randomHost) pass(until time.Time) {
	for w.now.Before(until) {
		w.now = w.now.Add(time.Second)
		if w.now.After(until) {
			w.now = until
		}
		for _, s := range w.all {
			w.due(s)
		}
		for _, id := range w.host.Ready(w.now) {
			w.feed(w.byID(id), Freed{})
		}
		if w.host.WantsCount() {
			n := 0
			for _, s := range w.all {
				if s.running {
					n++
				}
			}
			w.host.Counted(n, w.now)
		}
		w.host.News()
		if flying := w.flying(); flying > w.parallel {
			w.parallel = flying
		}
		if len(w.bad) > 0 {
			return
		}
	}
}

func (w *randomHost) flying() int {
	n := 0
	for _, s := range w.all {
		if s.act != nil {
			n++
		}
	}
	return n
}

func (w *randomHost) byID(id string) *subject {
	return w.all[slices.IndexFunc(w.all, func(s *subject) bool { return s.ID == id })]
}

func (w *randomHost) due(s *subject) {
	if s.running && s.probed && !w.now.Before(s.wellAt) && w.now.Sub(s.probe) >= 5*time.Second {
		s.probe = w.now
		before := s.health
		s.health = Healthy
		if s.sick {
			s.health = Unhealthy
		}
		if s.health != before {
			w.feed(s, Observed{Health: s.health})
			if s.health == Healthy {
				w.ready(s)
			}
		}
	}
	if s.act != nil && !w.now.Before(s.endAt) {
		w.finish(s)
	}
	if at := s.c.s.WakeAt; !at.IsZero() && !w.now.Before(at) {
		w.feed(s, Woke{})
	}
	if s.look && w.r.IntN(3) > 0 {
		w.looked(s)
	}
}

// ready is what the caller does when an owner turns healthy.
func (w *randomHost) ready(s *subject) {
	for _, d := range w.all {
		if _, tied := d.ties[w.index(s)]; tied && d.c.s.Hold == HoldOwner {
			w.feed(d, Freed{})
		}
	}
}

// happen is one thing that befalls the host.
func (w *randomHost) happen() {
	s := w.all[w.r.IntN(len(w.all))]
	switch k := w.r.IntN(100); {
	case k < 45:
		if s.probed {
			s.sick, s.doomed = true, w.r.IntN(5) == 0
		}
	case k < 60:
		s.sick, s.doomed = false, false
	case k < 65: // the host is in trouble
		for _, s := range w.all {
			if s.probed && w.r.IntN(4) > 0 {
				s.sick, s.doomed = true, true
			}
		}
	case k < 75 && s.act == nil && s.running: // a person restarts it
		w.feed(s, Killed{At: w.now, Signal: "15"})
		s.running = false
		w.feed(s, Died{At: w.now})
		w.launch(s, false)
	case k < 82 && s.act == nil && s.running: // it crashes, and its policy starts it
		s.running = false
		w.feed(s, Died{At: w.now})
		w.launch(s, false)
	case k < 88 && s.act == nil && s.running: // a person stops it
		w.feed(s, Killed{At: w.now, Signal: "15"})
		s.running, s.stopped = false, true
		w.feed(s, Died{At: w.now})
	case k < 94 && !s.running && s.act == nil:
		w.launch(s, false)
	}
}

// calm cures everything and starts what was stopped; then everything must come
// to rest, with nothing left behind.
func (w *randomHost) calm() {
	for _, s := range w.all {
		s.sick, s.doomed = false, false
	}
	for _, s := range w.all {
		if !s.running && s.act == nil {
			w.launch(s, false)
		}
	}
	w.pass(w.now.Add(10 * time.Hour))
	for range w.all { // those that defib may not restart a person restarts, one after the other
		for _, s := range w.all {
			if (s.c.p.Treatment != TreatRestart || s.c.p.RetryAfter == 0) && s.c.s.isIll() {
				w.feed(s, Killed{At: w.now, Signal: "15"})
				w.feed(s, Died{At: w.now})
				w.launch(s, false)
				w.pass(w.now.Add(time.Hour))
			}
		}
	}
	w.pass(w.now.Add(10 * time.Hour)) // the gaps between single retries grow to 6 h
	for _, s := range w.all {
		if s.c.s.SpentBudget && s.c.p.RetryAfter == 0 {
			return // it waits for a person, as it was told to
		}
		if s.c.p.Treatment != TreatRestart && s.c.s.isIll() {
			return // each restart by a person takes its network again: a circle through a namespace
		}
		if s.c.s.isIll() {
			w.fail("%s never comes to rest: %s, %s, after %v, wakes %s, now %s, retry %s, silent %d last %s", s.Name, s.c.s.Phase, s.c.s.Hold, s.c.s.After, s.c.s.WakeAt, w.now, s.c.s.RetryAt, s.c.s.SilentTries, s.c.s.LastRestart)
		}
		for i, tie := range s.ties {
			o := w.all[i]
			if tie == TieNamespace && o.started.After(s.started) && s.running && o.running && s.c.p.Treatment == TreatRestart {
				w.fail("%s has lost the network of %s for good", s.Name, o.Name)
			}
		}
	}
	if w.host.storm.stage != calm || len(w.host.patients) > 0 || len(w.host.ill) > 0 || len(w.host.healing) > 0 {
		w.fail("the host is not at rest: storm %d, %d patients, ill %v, healing %v", w.host.storm.stage, len(w.host.patients), w.host.ill, w.host.healing)
	}
}

// TestHostPromises plays random hosts: at least a million steps of Decide in all.
func TestHostPromises(t *testing.T) {
	worlds := 1100
	if testing.Short() {
		worlds = 60
	}
	most, steps := 0, 0
	for seed := range worlds {
		w := newRandomHost(uint64(seed))
		for range 120 {
			w.happen()
			w.pass(w.now.Add(time.Duration(w.r.IntN(60)) * time.Second))
			if len(w.bad) > 0 {
				break
			}
		}
		if len(w.bad) == 0 {
			w.calm()
		}
		most, steps = max(most, w.parallel), steps+w.steps
		if len(w.bad) > 0 {
			t.Fatalf("world %d:\n%s", seed, strings.Join(w.bad[:min(5, len(w.bad))], "\n"))
		}
	}
	t.Logf("%d steps, at most %d acts at a time", steps, most)
	if most < 2 {
		t.Error("never were two healed at a time: the worlds are too tame to show anything")
	}
}
