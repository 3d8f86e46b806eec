package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"defib/internal/dockertest"
)

// restarts are faults of the calls that heal.
func restarts() []fault {
	answer := func(name, said string, n int, within time.Duration, f dockertest.Fault) fault {
		return fault{name: name, said: said, goal: goal{within: within}, breaks: all(firstCalls(n, "restart", f), sicken)}
	}
	const soon, thrice = 10 * time.Second, 30 * time.Second
	failed := dockertest.Fault{Status: 500, Body: "Cannot restart container web: tried to kill container, but did not receive an exit event"}
	faults := []fault{
		answer("a restart answers 500", "Docker could not restart it.", 1, soon, failed),
		answer("a restart answers 500 three times", "Docker could not restart it, again and again.", 3, thrice, failed),
		answer("a restart answers 404, and the container is there", "No such container, says Docker.", 1, soon,
			dockertest.Fault{Status: 404, Body: "No such container: web"}),
		answer("a restart answers 409", "It is being changed by something else.", 1, soon,
			dockertest.Fault{Status: 409, Body: "container is marked for removal and cannot be started"}),
		answer("a restart answers 403", "The proxy forbids it, until somebody lets it.", 1, soon,
			dockertest.Fault{Status: 403, Body: "<html><body><h1>403 Forbidden</h1></body></html>"}),
		answer("a restart answers 500 after it was done", "Docker complains, and did it.", 1, soon,
			dockertest.Fault{Status: 500, Body: "context canceled", AfterEffect: true}),
		answer("a restart's connection breaks before it is done", "A connection broke.", 1, soon, dockertest.Fault{Drop: true}),
		answer("a restart's connection breaks after it is done", "A connection broke.", 1, soon, dockertest.Fault{Drop: true, AfterEffect: true}),
		answer("a restart takes 5 s", "The disk is slow.", 1, soon, dockertest.Fault{Delay: 5 * time.Second}),
		answer("the look before a restart fails three times", "Docker could not say how it is.", 0, soon, dockertest.Fault{}),
		answer("a restart never answers (CURL_TIMEOUT is 30 s)", "Docker hangs on this one container.", 1, 40*time.Second, dockertest.Fault{Hang: true}),
		{
			name: "the restarts of another never answer", said: "Docker hangs on one container, and defib on all?",
			goal: goal{within: time.Second}, bystander: true,
			breaks: all(hangingOthers(1), wait(2*time.Second), sicken),
		},
		{
			name: "the restarts of seven others never answer", said: "A volume is gone, and all who use it hang.",
			goal: goal{within: time.Second}, bystander: true,
			breaks: all(hangingOthers(7), wait(2*time.Second), sicken),
		},
		{
			name: "the restarts of eight others never answer", said: "All that may be restarted at a time hang.",
			bystander: true, long: true,
			breaks: all(hangingOthers(8), sicken),
		},
		{
			name: "a restart fails to start it, for 5 s", said: "No space left on device.",
			goal:   goal{within: soon},
			breaks: all(failStart("no space left on device"), sicken, wait(5*time.Second)), mend: failStart(""),
			byEngine: true,
		},
	}
	for i := range faults {
		switch faults[i].name {
		case "a restart never answers (CURL_TIMEOUT is 30 s)":
			faults[i].long = true
		case "the look before a restart fails three times":
			faults[i].breaks = all(firstCalls(3, "inspect", failed), sicken)
		}
	}
	return faults
}

// hangingOthers has n others fall ill, whose restarts are never answered.
func hangingOthers(n int) step {
	return func(ctx context.Context, s *stage) error {
		s.undo = append(s.undo, s.Engine.Fail(func(c dockertest.Call) bool {
			return c.Kind == "restart" && strings.HasPrefix(c.Name, "hanging-")
		}, dockertest.Fault{Hang: true}))
		for i := range n {
			name := fmt.Sprint("hanging-", i)
			s.Engine.Run(dockertest.Spec{Name: name, StopTimeout: time.Second, Health: &dockertest.Health{Interval: time.Second, Retries: 1}})
			if err := s.Engine.Sicken(name, "no answer"); err != nil {
				return err //nolint:wrapcheck // it names the container
			}
			hangs := func() bool { return s.asked(name, "restart") > 0 }
			if err := s.await(ctx, "a restart of "+name, 20*time.Second, hangs); err != nil {
				return err
			}
		}
		return nil
	}
}

// failStart has every start of the container fail with a text; an empty one
// lets it start.
func failStart(text string) step {
	return func(_ context.Context, s *stage) error {
		return s.Engine.Edit(web, func(c *dockertest.Spec) { c.FailStart = text })
	}
}
