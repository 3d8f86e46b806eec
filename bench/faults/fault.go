package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"defib/internal/dockertest"
)

// fault is one thing that goes wrong around defib, as a story of one container
// that turns unhealthy meanwhile.
type fault struct {
	name string // a row of the table
	said string // what people say of it

	on   dockertest.Options
	web  func(*dockertest.Spec) // what is special about the container
	env  []string               // of defib, beside the defaults
	goal goal

	long      bool // takes longer than -short allows
	root      bool // cannot be tried without root
	late      bool // breaks comes before defib starts
	byEngine  bool // healing is counted from the engine's return, where that is later
	bystander bool // the container that heals is another one than what the fault is about

	arrange step // before defib starts
	breaks  step // it goes wrong, and the container turns unhealthy
	mend    step // it is over; nil: it is over by itself, or never

	// play replaces the story where that is of another kind.
	play func(context.Context, fault, settings) (row, error)
}

// goal is what is promised of a fault.
type goal struct {
	within time.Duration // healed
	bad    bool          // defib says meanwhile that it is not well
	told   []string      // reasons that people must hear, beside the beginning and the end
	logged string        // what defib's log must say of it: else the fault did not reach it
	unheal bool          // it cannot be healed: only told
	well   bool          // it turns well by itself: nothing is to be done about it, and nothing told
}

// step is a part of a story.
type step func(context.Context, *stage) error

// all does one step after the other.
func all(steps ...step) step {
	return func(ctx context.Context, s *stage) error {
		for _, do := range steps {
			if err := do(ctx, s); err != nil {
				return err
			}
		}
		return nil
	}
}

// simply is a step that cannot fail.
func simply(do func(*stage)) step {
	return func(_ context.Context, s *stage) error {
		do(s)
		return nil
	}
}

// wait lets time pass.
func wait(d time.Duration) step {
	return func(ctx context.Context, _ *stage) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// sicken makes the container's probes fail; the next one is 100 ms away.
func sicken(_ context.Context, s *stage) error { return s.Engine.Sicken(web, "no answer") }

// unwell waits until the engine has found out.
func unwell(ctx context.Context, s *stage) error {
	return s.await(ctx, "the container to be unhealthy", 10*time.Second, func() bool {
		return s.Engine.State(web).Health == unhealthy || s.asked(web, "restart") > 0 // it may be over by now
	})
}

// afterList waits for the next list: the one after that is as far away as it can be.
func afterList(ctx context.Context, s *stage) error {
	before := s.lists()
	return s.await(ctx, "a list", time.Minute, func() bool { return s.lists() > before })
}

// watched waits for defib to watch.
func watched(ctx context.Context, s *stage) error {
	if s.process == nil {
		return errors.New("wait for defib to watch: it was not started")
	}
	return s.process.AwaitReady(ctx)
}

// calls breaks those calls of the engine that are of one of some kinds.
func calls(f dockertest.Fault, kinds ...string) step {
	return simply(func(s *stage) { s.breakCalls(f, kinds...) })
}

func (s *stage) breakCalls(f dockertest.Fault, kinds ...string) {
	s.undo = append(s.undo, s.Engine.Fail(func(c dockertest.Call) bool { return slices.Contains(kinds, c.Kind) }, f))
}

// firstCalls breaks the first n of a kind about the container.
func firstCalls(n int, kind string, f dockertest.Fault) step {
	return simply(func(s *stage) {
		met := 0
		s.undo = append(s.undo, s.Engine.Fail(func(c dockertest.Call) bool {
			if c.Kind != kind || c.Name != web || met >= n {
				return false
			}
			met++ // the engine's lock is held
			return true
		}, f))
	})
}

// callsWork takes all broken calls back.
func callsWork(_ context.Context, s *stage) error {
	for _, undo := range s.undo {
		undo()
	}
	s.undo = nil
	return nil
}
