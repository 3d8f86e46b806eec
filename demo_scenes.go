package main

import (
	"context"
	"fmt"
	"time"

	"defib/internal/dockertest"
)

// opening is what a newcomer sees first: the commonest, one after the other.
func opening() []*scene {
	return []*scene{
		{with: "shop-web-2", play: (*script).healed},
		{with: "shop-db-1 shop-api-1", play: (*script).causeFirst},
		{with: "shop-worker-1", play: (*script).exits, long: true},
		{with: "media-vpn-1 media-downloader-1", play: (*script).shared},
		{with: "shop-cache-1", play: (*script).stoppedByHand},
		{with: anyPreview, play: (*script).healed},
		{with: "media-proxy-1", play: (*script).portTaken},
		{with: "media-photos-1", play: (*script).deployed},
		{with: mostOfAll, play: (*script).storm, alone: true},
	}
}

// scenes are those of a round, which takes about 40 minutes: rarer than that no
// container but those of the previews is in one, or defib would say that they
// flap, and no more.
func scenes() []*scene {
	return []*scene{
		{times: 32, with: anyPreview, play: (*script).healed},
		{times: 8, with: anyPreview, play: (*script).twice},
		{times: 4, with: allPreview, play: (*script).merged},
		{times: 5, with: anyAtAll, play: (*script).hiccup},
		{times: 4, with: anyAtAll, play: (*script).personRestarts},
		{times: 1, with: anyReplica, play: (*script).healed},
		{times: 1, with: "shop-web-1 shop-web-3", play: (*script).replicasFall},
		{times: 1, with: "shop-db-1 shop-api-1", play: (*script).causeFirst},
		{times: 1, with: "shop-api-1", play: (*script).deployed},
		{times: 1, with: "shop-queue-1", play: (*script).twice},
		{times: 1, with: "shop-cache-1", play: (*script).stoppedByHand},
		{times: 1, with: "shop-worker-1", play: (*script).exits, long: true},
		{times: 1, with: "shop-thumbnailer-1", play: (*script).crashLoop, long: true, rest: longRest},
		{times: 1, with: "shop-search-1", play: (*script).outOfMemory, rest: longRest},
		{times: 1, with: "shop-search-1", play: (*script).pausedByHand, long: true},
		{times: 1, with: "media-vpn-1 media-downloader-1", play: (*script).shared},
		{times: 1, with: "media-vpn-1 media-downloader-1", play: (*script).forgotten, long: true},
		{times: 1, with: "media-proxy-1", play: (*script).portTaken},
		{times: 1, with: "media-photos-1", play: (*script).healed},
		{times: 1, with: "media-library-1", play: (*script).restartedByHand},
		{times: 1, with: "media-transcoder-1", play: (*script).quarantined},
		{times: 1, with: "monitoring_grafana.1.zq3v0x8k2m5t", play: (*script).onlyTold},
		{times: 1, with: mostOfAll, play: (*script).storm, alone: true},
		{times: 1, play: (*script).engineRestarts, alone: true},
		{times: 1, play: (*script).engineHangs, alone: true},
	}
}

// healed: one falls ill, and a restart helps.
func (s *script) healed(ctx context.Context, with []string) {
	s.say(s.strike(with[0]))
	s.until(ctx, isIll, with[0])
	s.until(ctx, isWell, with[0])
}

// twice: the first restart does not help.
func (s *script) twice(ctx context.Context, with []string) {
	s.curable(with[0], 2)
	s.say(s.strike(with[0]) + "; one restart will not do")
	s.until(ctx, isIll, with[0])
	s.until(ctx, isTwice, with[0])
	s.until(ctx, isWell, with[0])
	s.curable(with[0], 1)
}

// replicasFall: two of a service fall ill and are healed one after the other.
func (s *script) replicasFall(ctx context.Context, with []string) {
	s.say("a bad request kills two of three replicas: " + s.strike(with[0]) + ", " + s.strike(with[1]))
	s.until(ctx, isIll, with...)
	s.until(ctx, isWell, with...)
}

// hiccup: a probe fails, and the next one does not. There is nothing to heal.
func (s *script) hiccup(ctx context.Context, with []string) {
	s.say("a hiccup: one probe will fail (" + with[0] + ")")
	s.strike(with[0])
	s.until(ctx, isFailing, with[0])
	_ = s.eng.Cure(with[0])
	s.until(ctx, isWell, with[0])
}

// causeFirst: the second of them needs the first; one restart heals both.
func (s *script) causeFirst(ctx context.Context, with []string) {
	cause, consequence := with[0], with[1]
	s.curable(consequence, 0)
	s.say(s.strike(cause) + ", and takes " + consequence + " along")
	s.until(ctx, isFailing, cause)
	s.sicken(consequence, `HTTP 503: {"status":"down","database":"connection refused"}`, "ERROR dial tcp 172.21.0.3:5432: connect: connection refused\n")
	s.until(ctx, isIll, with...)
	s.until(ctx, isRestarted, cause)
	s.until(ctx, isWell, cause)
	_ = s.eng.Cure(consequence)
	s.until(ctx, isWell, consequence)
	s.curable(consequence, 1)
}

// shared: the second lives in the network of the first, and loses it with the
// first one's restart.
func (s *script) shared(ctx context.Context, with []string) {
	s.say(s.strike(with[0]) + ", and " + with[1] + " lives in its network")
	s.until(ctx, isIll, with[0])
	s.strike(with[1])
	s.until(ctx, isRestarted, with...)
	s.until(ctx, isWell, with...)
}

// exits: one that no restart policy starts ends by itself.
func (s *script) exits(ctx context.Context, with []string) {
	s.say("the worker meets a message that it cannot read, and exits (" + with[0] + ")")
	s.change(with[0], func(c *dockertest.Spec) {
		c.Logs = printed("INFO  order 48213 done in 112 ms\nFATAL unexpected field \"vat\" in order 48214\n")
	})
	_ = s.eng.Crash(with[0], 1) // it runs
	s.until(ctx, isRestarted, with[0])
	s.sleep(ctx, 65*time.Second, 70*time.Second) // until that counts
}

// crashLoop: one exits again and again, and its restart policy starts it.
func (s *script) crashLoop(ctx context.Context, with []string) {
	s.say("the thumbnailer chokes on a picture, and will for a while (" + with[0] + ")")
	for range 4 {
		_ = s.eng.Crash(with[0], 139) // it runs
		s.sleep(ctx, 9*time.Second, 14*time.Second)
	}
	s.say("somebody deletes the picture")
	s.until(ctx, isWell, with[0])
}

// outOfMemory: the kernel kills one; its restart policy starts it.
func (s *script) outOfMemory(ctx context.Context, with []string) {
	s.say("a greedy query: the kernel kills the search for want of memory (" + with[0] + ")")
	_ = s.eng.OOM(with[0]) // it runs
	s.until(ctx, isRestarted, with[0])
	s.until(ctx, isWell, with[0])
}

// portTaken: the restart stops it and cannot start it again.
func (s *script) portTaken(ctx context.Context, with []string) {
	name := with[0]
	fail := func(text string) { s.change(name, func(c *dockertest.Spec) { c.FailStart = text }) }
	s.say(s.strike(name) + "; meanwhile something else takes its port")
	fail("driver failed programming external connectivity on endpoint " + name + ": Bind for 0.0.0.0:443 failed: port is already allocated")
	s.until(ctx, isDown, name)
	s.sleep(ctx, 10*time.Second, 15*time.Second)
	s.say("the port is free again")
	fail("")
	s.until(ctx, isRestarted, name)
	s.until(ctx, isWell, name)
}

// quarantined: the label of this one asks for a stop instead of a restart.
func (s *script) quarantined(ctx context.Context, with []string) {
	s.say(s.strike(with[0]) + "; its label asks for a stop")
	s.until(ctx, isDown, with[0])
	s.sleep(ctx, 15*time.Second, 30*time.Second)
	s.say("somebody has mended " + with[0] + " and starts it")
	_ = s.eng.Start(with[0])
	s.until(ctx, isWell, with[0])
}

// onlyTold: defib may not touch this one.
func (s *script) onlyTold(ctx context.Context, with []string) {
	s.say(s.strike(with[0]) + "; it is a Swarm's")
	s.until(ctx, isIll, with[0])
	s.sleep(ctx, 12*time.Second, 25*time.Second)
	s.say("the data source is back")
	_ = s.eng.Cure(with[0])
	s.until(ctx, isWell, with[0])
}

// storm: most of the stack falls ill at about the same time, those with slow
// probes first. The disk makes their ends slow, too.
func (s *script) storm(ctx context.Context, with []string) {
	s.say(fmt.Sprintf("the disk of the host hangs: %d containers wait for it, and are stuck until they are restarted", len(with)))
	slower := func(name string, by time.Duration) {
		s.change(name, func(c *dockertest.Spec) { c.StopTakes += by })
	}
	for slow := 5 * time.Second; slow > 0; slow -= time.Second {
		for _, name := range with {
			if s.memberOf(name).spec.Health.Interval == slow {
				slower(name, 3*time.Second)
				s.sicken(name, "read /var/lib/data: input/output error", "ERROR read: input/output error\n")
			}
		}
		s.sleep(ctx, 1800*time.Millisecond, 1800*time.Millisecond)
	}
	s.until(ctx, isIll, with...)
	s.until(ctx, isWell, with...)
	for _, name := range with {
		slower(name, -3*time.Second)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rested[mostOfAll] = time.Now().Add(stormRest)
}

func (s *script) memberOf(name string) *member {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stack[name]
}
