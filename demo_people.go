package main

import (
	"context"
	"fmt"
	"time"
)

// The scenes in which somebody has a hand in it: a person, Compose, or whoever
// restarts the engine.

// hopeless: one does not recover, defib gives up on it, and much later somebody
// mends it. Then it begins anew.
func (s *script) hopeless(ctx context.Context, name string) {
	s.mu.Lock()
	s.taken[name] = true // for good
	s.mu.Unlock()
	s.curable(name, 0)
	s.sleep(ctx, 50*time.Second, 70*time.Second)
	for ctx.Err() == nil {
		s.say(s.strike(name) + "; no restart will help")
		s.sleep(ctx, 25*time.Minute, 40*time.Minute)
		if ctx.Err() != nil {
			return
		}
		s.say("somebody buys a licence for " + name + " and restarts it")
		_ = s.eng.Cure(name)
		for ctx.Err() == nil && s.eng.Restart(name, 0) != nil { // the engine may be away
			s.sleep(ctx, time.Second, 2*time.Second)
		}
		s.until(ctx, isWell, name)
		s.sleep(ctx, 12*time.Minute, 20*time.Minute)
	}
}

// incurable has a container fall ill so that restarts do not help, and waits for
// one or two of them: then somebody comes, before defib has the next one made.
func (s *script) incurable(ctx context.Context, name string, until condition) {
	s.curable(name, 0)
	s.say(s.strike(name) + "; a restart will not help")
	s.until(ctx, until, name)
	s.sleep(ctx, time.Second, 2500*time.Millisecond)
}

// mended ends the ailment of such a container.
func (s *script) mended(name string) {
	s.curable(name, 1)
	_ = s.eng.Cure(name)
}

// stoppedByHand: somebody stops one in the middle of its trouble, and starts it
// when it is mended.
func (s *script) stoppedByHand(ctx context.Context, with []string) {
	name := with[0]
	s.incurable(ctx, name, isRestarted)
	s.say("somebody stops " + name)
	_ = s.eng.Stop(name, 0)
	s.sleep(ctx, 20*time.Second, 35*time.Second)
	s.say("somebody has mended " + name + " and starts it")
	s.mended(name)
	_ = s.eng.Start(name)
	s.until(ctx, isWell, name)
}

// restartedByHand: somebody mends one while defib is at it.
func (s *script) restartedByHand(ctx context.Context, with []string) {
	name := with[0]
	s.incurable(ctx, name, isTwice)
	s.say("somebody deletes the lock of " + name + " and restarts it")
	s.mended(name)
	_ = s.eng.Restart(name, 0)
	s.until(ctx, isWell, name)
}

// personRestarts: somebody restarts what is well. That is nobody's business.
func (s *script) personRestarts(ctx context.Context, with []string) {
	s.say("somebody restarts " + with[0])
	_ = s.eng.Restart(with[0], 0)
	s.until(ctx, isWell, with[0])
}

// pausedByHand: somebody pauses defib for one, which then falls ill.
func (s *script) pausedByHand(ctx context.Context, with []string) {
	s.say("somebody wants to look at it first: defib pause 1m " + with[0])
	s.pause(ctx, with[0], time.Minute)
	s.sleep(ctx, 3*time.Second, 6*time.Second)
	s.say(s.strike(with[0]))
	s.until(ctx, isIll, with[0])
	s.until(ctx, isWell, with[0])
}

// deployed: Compose replaces one by its next version while it is ill.
func (s *script) deployed(ctx context.Context, with []string) {
	s.incurable(ctx, with[0], isRestarted)
	s.say("somebody deploys a mended version: docker compose up -d (" + with[0] + ")")
	s.recreate(with[0])
	s.until(ctx, isWell, with[0])
}

// forgotten: the owner of a network is made anew, and its guest is not.
func (s *script) forgotten(ctx context.Context, with []string) {
	s.say("somebody makes " + with[0] + " anew and forgets " + with[1] + ", which lives in its network")
	s.recreate(with[0])
	s.strike(with[1])
	s.sleep(ctx, 30*time.Second, 45*time.Second)
	if ctx.Err() != nil {
		return
	}
	s.say("somebody makes " + with[1] + " anew as well")
	s.recreate(with[1])
	s.until(ctx, isWell, with...)
}

// recreate does what "docker compose up" does to a service whose image has
// changed. What the engine refuses when the demo ends is of no interest.
func (s *script) recreate(name string) {
	m := s.memberOf(name)
	m.spec.Image = nextImage(m.spec.Image) // one scene at a time has it
	fresh := m.spec
	fresh.Name = s.eng.State(name).ID[:12] + "_" + name
	s.eng.Create(fresh)
	_ = s.eng.Stop(name, 0)
	_ = s.eng.Remove(name, true)
	_ = s.eng.Rename(fresh.Name, name)
	_ = s.eng.Start(name)
}

// merged: a pull request is merged; its preview goes, and that of the next one
// comes.
func (s *script) merged(ctx context.Context, with []string) {
	s.mu.Lock()
	number := s.pull + 1
	s.mu.Unlock()
	s.say(fmt.Sprintf("pull request %d is merged: its preview goes, that of %d comes", number-1, number))
	for _, name := range with {
		_ = s.eng.Stop(name, 0)
		_ = s.eng.Remove(name, true)
	}
	if ctx.Err() != nil {
		return
	}
	fresh := preview(number)
	for _, m := range fresh {
		s.eng.Run(m.spec)
	}
	s.mu.Lock()
	for i, name := range with {
		delete(s.stack, name)
		delete(s.rested, name)
		delete(s.struck, name)
		delete(s.starts, name)
		s.stack[fresh[i].name] = fresh[i]
	}
	s.pull = number
	s.mu.Unlock()
	for _, m := range fresh {
		s.until(ctx, isWell, m.name)
	}
}

// engineRestarts: the engine is away for some seconds; its containers live on.
func (s *script) engineRestarts(ctx context.Context, _ []string) {
	s.say("somebody updates Docker: the engine is away for some seconds (live-restore: the containers run on)")
	s.eng.Down()
	s.sleep(ctx, 4*time.Second, 9*time.Second)
	s.say("the engine is back")
	_ = s.eng.Up() //nolint:contextcheck // it opens a pipe again and no socket, which cannot fail
	s.sleep(ctx, 6*time.Second, 8*time.Second)
}

// engineHangs: the engine does not answer for a while.
func (s *script) engineHangs(ctx context.Context, _ []string) {
	s.say("the engine hangs")
	s.eng.Hang(true)
	s.sleep(ctx, 12*time.Second, 18*time.Second)
	s.eng.Hang(false)
	s.say("the engine answers again")
	s.sleep(ctx, 6*time.Second, 8*time.Second)
}
