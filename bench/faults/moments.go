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
			name: "unhealthy while defib is down, and it may take 10 s to stop", said: "defib was being updated.",
			web:    func(s *dockertest.Spec) { s.StopTimeout = 10 * time.Second },
			breaks: all(killDefib, sicken, unwell, wait(time.Second)), mend: all(startDefib, watched), byEngine: true,
			goal: goal{within: 12 * time.Second},
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
		var once sync.Once
		if f.Delay > 0 { // its answer is made before, and comes after
			calls(f, kind)(context.Background(), s) //nolint:errcheck // it cannot fail
		}
		s.Engine.OnCall(func(c dockertest.Call) {
			if c.Kind != kind {
				return
			}
			once.Do(func() {
				delay := f.Delay / 2
				if kind == "events" {
					delay = 100 * time.Millisecond // the headers are sent by then
				}
				if delay == 0 {
					s.note(sicken(context.Background(), s), s.Engine.SetHealth(web, unhealthy, "no answer"))
					return
				}
				time.AfterFunc(delay, func() {
					s.note(sicken(context.Background(), s), s.Engine.SetHealth(web, unhealthy, "no answer"))
				})
			})
		})
	})
}

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
