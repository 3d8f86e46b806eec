package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"defib/internal/dockertest"
)

// moments are those in which nobody seems to look.
func moments() []fault {
	return []fault{
		{
			name: "unhealthy between subscribing and listing", said: "It fell ill in the very moment of defib's start.",
			late: true, breaks: all(sickWhen("list", dockertest.Fault{}), startDefib, watched, unwell),
		},
		{
			name: "unhealthy between the list and what follows", said: "It fell ill in the very moment of defib's start.",
			late:   true,
			breaks: all(sickWhen("list", dockertest.Fault{Delay: 500 * time.Millisecond, AfterEffect: true}), startDefib, watched, unwell),
		},
		{
			name: "unhealthy between a stream's headers and its subscription", said: "The engine says yes before it listens.",
			on:   dockertest.Options{SubscribeLag: 200 * time.Millisecond},
			late: true, breaks: all(sickWhen("events", dockertest.Fault{}), startDefib, watched, unwell),
		},
		{
			name: "unhealthy while defib is down", said: "defib was being updated.",
			breaks: all(killDefib, sicken, unwell, wait(time.Second)), mend: all(startDefib, watched), byEngine: true,
		},
		{
			name: "unhealthy while defib is down, and it may take 10 s to stop", said: "defib was being updated.", long: true,
			web:    func(s *dockertest.Spec) { s.StopTimeout = 10 * time.Second },
			breaks: all(killDefib, sicken, unwell, wait(time.Second)), mend: all(startDefib, watched), byEngine: true,
			goal: goal{within: 12 * time.Second},
		},
		{
			name: "it turns well while the answer to the look is on its way", said: "The engine was busy; it restarted what was well.",
			goal: goal{well: true}, breaks: all(lateLooks, sicken, unwell, wait(time.Second), cure, wait(7*time.Second)), // for a second look
		},
		{
			name: "a person restarts it while the answer to the look is on its way", said: "I had just restarted it myself.",
			goal: goal{well: true}, breaks: all(lateLooks, sicken, unwell, wait(time.Second), restart, wait(7*time.Second)),
		},
		{
			name: "defib is killed within a restart", said: "The host ran out of memory, and defib with it.",
			web:    func(s *dockertest.Spec) { s.StopTakes = 500 * time.Millisecond },
			breaks: all(sicken, asked("restart"), killDefib), mend: all(startDefib, watched), byEngine: true,
		},
	}
}

// sickWhen turns the container unhealthy when the first call of a kind comes,
// and has that call suffer a fault.
func sickWhen(kind string, f dockertest.Fault) step {
	return simply(func(s *stage) {
		if f.Delay > 0 { // its answer is made before, and comes after
			s.breakCalls(f, kind)
		}
		turn := func() {
			s.note(s.Engine.Sicken(web, "no answer"), s.Engine.SetHealth(web, unhealthy, "no answer"))
		}
		var once sync.Once
		s.Engine.OnCall(func(c dockertest.Call) {
			switch {
			case c.Kind != kind:
			case kind == "events":
				once.Do(func() { time.AfterFunc(100*time.Millisecond, turn) }) // the headers are sent by then
			case f.Delay > 0:
				once.Do(func() { time.AfterFunc(f.Delay/2, turn) })
			default:
				once.Do(turn)
			}
		})
	})
}

// lateLooks has each look answered 3 s after the answer was made.
func lateLooks(ctx context.Context, s *stage) error {
	return calls(dockertest.Fault{Delay: 3 * time.Second, AfterEffect: true}, "inspect")(ctx, s)
}

// cure makes the container's probes succeed; the next one is 100 ms away.
func cure(_ context.Context, s *stage) error { return s.Engine.Cure(web) }

// restart is a person's.
func restart(_ context.Context, s *stage) error { return s.Engine.Restart(web, time.Second) }

// asked waits for a call about the container.
func asked(kind string) step {
	return func(ctx context.Context, s *stage) error {
		return s.await(ctx, "a "+kind, 10*time.Second, func() bool { return s.asked(web, kind) > 0 })
	}
}

func killDefib(_ context.Context, s *stage) error {
	s.process.Kill()
	s.process = nil
	return nil
}

func startDefib(_ context.Context, s *stage) error {
	if err := s.start(); err != nil {
		return fmt.Errorf("start defib: %w", err)
	}
	return nil
}
