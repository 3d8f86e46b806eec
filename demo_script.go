package main

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"defib/internal/dockertest"
)

// script makes things fail and heal on the simulated engine for as long as it
// is watched: an opening that shows the commonest, then rounds of all scenes in
// an order that is never the same. It says what it does, and knows nothing of
// defib, which has to find out.
type script struct {
	eng   *dockertest.Engine
	say   func(text string)
	pause func(ctx context.Context, what string, d time.Duration) // as "defib pause" does

	mu         sync.Mutex
	chance     *rand.Rand
	stack      map[string]*member
	taken      map[string]bool      // by a scene in progress
	rested     map[string]time.Time // when it may be in a scene again
	struck     map[string]int       // how many ailments it has had
	starts     map[string]int       // how often it had been started when its scene began
	pull       int                  // number of the pull request that is previewed
	inProgress int                  // scenes

	playing sync.WaitGroup
}

// scene is one thing that happens.
type scene struct {
	times int    // in each round
	with  string // names of the containers that are in it, or a word for any of some
	play  func(s *script, ctx context.Context, with []string)
	rest  time.Duration // of them after it; default: restFor
	long  bool          // the next one does not wait for its end
	alone bool          // nothing else may be going on
}

// The times of the script.
const (
	restFor   = 4 * time.Minute  // longer than the budget's window
	longRest  = 11 * time.Minute // for troubles that are over when there was none for 10
	stormRest = 15 * time.Minute
	patience  = 3 * time.Minute // no scene waits longer for anything
	glance    = 200 * time.Millisecond
	gapLeast  = 10 * time.Second // between the end of a scene and the next one
	gapMost   = 30 * time.Second
	overlapIn = 5  // one of so many does not wait for the one before
	planMost  = 90 // scenes that wait for their turn
	firstPull = 412
)

// newScript fills an engine with the stack.
func newScript(eng *dockertest.Engine, seed uint64, say func(text string)) *script {
	s := &script{
		eng: eng, say: say, chance: rand.New(rand.NewPCG(seed, 0)), //nolint:gosec // it is to be lively, not secret
		stack: map[string]*member{}, taken: map[string]bool{}, rested: map[string]time.Time{}, struck: map[string]int{}, starts: map[string]int{},
		pull: firstPull,
	}
	for _, m := range append(members(demoStack), preview(firstPull)...) {
		s.stack[m.name] = m
		eng.Adopt(m.spec, m.age)
	}
	_ = eng.Pause("media-backup-1") // it runs: it was adopted just now
	return s
}

// run plays until ctx is done and all scenes have ended.
func (s *script) run(ctx context.Context) {
	defer s.playing.Wait()
	s.sleep(ctx, time.Second, time.Second)
	s.playing.Go(func() { s.hopeless(ctx, "shop-legacy-import-1") })
	planned := opening()
	for ctx.Err() == nil {
		i := s.playable(planned)
		switch {
		case i >= 0:
			one := planned[i]
			planned = append(planned[:i:i], planned[i+1:]...)
			s.perform(ctx, one)
		case len(planned) < planMost: // all that is left has to wait
			planned = append(planned, s.round()...)
		default:
			s.sleep(ctx, time.Second, time.Second)
		}
	}
}

// round gives all scenes, as often as each is played, in any order.
func (s *script) round() []*scene {
	var all []*scene
	for _, one := range scenes() {
		for range one.times {
			all = append(all, one)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chance.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// playable gives the first scene that can be played now; -1: none can.
func (s *script) playable(planned []*scene) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, one := range planned {
		if _, free := s.cast(one.with); free && (s.inProgress == 0 || !one.alone) {
			return i
		}
	}
	return -1
}

// perform plays a scene and returns when it is time for the next one.
func (s *script) perform(ctx context.Context, one *scene) {
	with := s.take(one)
	done := make(chan struct{})
	s.playing.Go(func() {
		one.play(s, ctx, with)
		s.free(with, cmp.Or(one.rest, restFor))
		close(done)
	})
	if one.long || (!one.alone && s.between(0, overlapIn) == 0) {
		s.sleep(ctx, 3*time.Second, 9*time.Second)
		return
	}
	<-done
	s.sleep(ctx, gapLeast, gapMost)
}

// take gives the containers of a scene, which no other has until they are freed.
func (s *script) take(one *scene) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	with, _ := s.cast(one.with)
	s.inProgress++
	for _, name := range with {
		s.taken[name] = true
		s.starts[name] = s.eng.State(name).Starts
	}
	return with
}

func (s *script) free(with []string, rest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inProgress--
	for _, name := range with {
		delete(s.taken, name)
		if s.stack[name] != nil {
			s.rested[name] = time.Now().Add(rest)
		}
	}
}

// between gives a number from least to most-1.
func (s *script) between(least, most int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return least + s.chance.Int64N(most-least)
}

// sleep sleeps for some time from least to most.
func (s *script) sleep(ctx context.Context, least, most time.Duration) {
	timer := time.NewTimer(time.Duration(s.between(int64(least), int64(most)+1)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// condition is what a scene waits for.
type condition string

const (
	isFailing   condition = "fails"
	isIll       condition = "is unhealthy"
	isDown      condition = "is down"
	isWell      condition = "is well"
	isRestarted condition = "is restarted" // since its scene began
	isTwice     condition = "is restarted twice"
)

// holds tells whether a container is so.
func (s *script) holds(name string, c condition) bool {
	st := s.eng.State(name)
	s.mu.Lock()
	starts := st.Starts - s.starts[name]
	s.mu.Unlock()
	switch c {
	case isFailing:
		return st.FailingStreak > 0
	case isIll: // or was so, and has been restarted for it
		return st.Health == "unhealthy" || starts > 0
	case isDown:
		return st.Status == "exited"
	case isRestarted:
		return starts > 0
	case isTwice:
		return starts > 1
	default:
		return st.Status == "running" && (st.Health == "healthy" || st.Health == "none")
	}
}

// until waits for containers to be so, but not for ever: the show goes on.
func (s *script) until(ctx context.Context, c condition, names ...string) {
	for _, name := range names {
		for begun := time.Now(); !s.holds(name, c) && ctx.Err() == nil; s.sleep(ctx, glance, glance) {
			if time.Since(begun) > patience {
				s.say("the script has waited in vain until " + name + " " + string(c))
				break
			}
		}
	}
}

// strike makes a container fall ill with its next ailment, and tells what
// happens to it.
func (s *script) strike(name string) (what string) {
	s.mu.Lock()
	ails := s.stack[name].ails
	a := ails[(s.pull+s.struck[name])%len(ails)] // not the same for each preview
	s.struck[name]++
	s.mu.Unlock()
	s.sicken(name, a.probe, a.log)
	return a.what + " (" + name + ")"
}

// sicken makes a container fall ill.
func (s *script) sicken(name, probe, log string) {
	s.change(name, func(c *dockertest.Spec) { c.Logs = printed(log) })
	_ = s.eng.Sicken(name, probe) // who has no health check is in no such scene
}

// change changes how a container behaves.
func (s *script) change(name string, how func(*dockertest.Spec)) { _ = s.eng.Edit(name, how) }

// curable has restarts heal a container, so many of them; 0: none does.
func (s *script) curable(name string, restarts int) {
	s.change(name, func(c *dockertest.Spec) { c.Health.HealedByRestart, c.Health.RestartsToHeal = restarts == 1, restarts })
}

// Who is in a scene, where it does not name them.
const (
	anyPreview = "any of the preview"
	allPreview = "all of the preview"
	anyReplica = "any of the replicas"
	anyAtAll   = "any of those that take no harm"
	mostOfAll  = "all that can fall ill with the host"

	theReplicas = "shop-web-1 shop-web-2 shop-web-3"
	theHarmless = "shop-search-1 shop-queue-1 shop-web-1 shop-web-3 media-library-1 media-photos-1"
	theStormy   = "shop-db-1 shop-cache-1 shop-queue-1 shop-api-1 media-proxy-1 media-vpn-1 media-library-1 media-photos-1"
)

// cast gives the containers of a scene, and tells whether they are free. Called
// with the lock held.
func (s *script) cast(with string) (names []string, free bool) {
	preview := strings.ReplaceAll("preview-#-db-1 preview-#-api-1 preview-#-mail-1 preview-#-web-1", "#", strconv.Itoa(s.pull))
	switch with {
	case anyPreview:
		return s.oneOf(preview)
	case anyReplica:
		return s.oneOf(theReplicas)
	case anyAtAll:
		return s.oneOf(theHarmless + " " + preview)
	case mostOfAll: // whether or not they have rested
		all := strings.Fields(theStormy + " " + theReplicas + " " + preview)
		return slices.DeleteFunc(all, func(name string) bool { return s.taken[name] || s.eng.State(name).Health != "healthy" }), !s.isBusy(with)
	case allPreview:
		all := strings.Fields(preview)
		return all, !slices.ContainsFunc(all, func(name string) bool { return s.taken[name] })
	}
	all := strings.Fields(with)
	return all, !slices.ContainsFunc(all, s.isBusy)
}

// oneOf gives the one of some that is free and has had the least.
func (s *script) oneOf(names string) ([]string, bool) {
	best := ""
	for _, name := range strings.Fields(names) {
		if !s.isBusy(name) && (best == "" || s.struck[name] < s.struck[best]) {
			best = name
		}
	}
	return []string{best}, best != ""
}

func (s *script) isBusy(name string) bool { return s.taken[name] || time.Now().Before(s.rested[name]) }
