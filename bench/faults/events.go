package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"defib/internal/dockertest"
)

// oddEvents are lines that the engine does not send, or not yet.
func oddEvents() [][]byte {
	return [][]byte{
		[]byte(`{"status": oops}`), []byte(`{`), []byte(`]]]`), []byte(`null`), []byte(`42`), []byte(``), []byte("\x00\xff\xfe"),
		[]byte(`{"Type":7,"Action":{}}`), []byte(`{"Type":"container","Action":"health_status: splendid","Actor":{"ID":"x"}}`),
		[]byte(`{"Type":"container","Action":"teleport","Actor":{"ID":"","Attributes":null},"timeNano":-1}`),
		[]byte(`{"Type":"galaxy","Action":"expand","time":99999999999999}`),
		bytes.Repeat([]byte("x"), 5<<20),
	}
}

// odd sends them.
func odd(_ context.Context, s *stage) error {
	for _, line := range oddEvents() {
		s.Engine.Inject(line)
	}
	return nil
}

// burst makes so many events at once that a small buffer loses some, and the
// container's in the middle of them.
func burst(_ context.Context, s *stage) error {
	for i := range 2000 {
		if i == 1000 {
			if err := s.Engine.SetHealth(web, unhealthy, "no answer"); err != nil {
				return fmt.Errorf("a burst of events: %w", err)
			}
		}
		if err := s.Engine.Rename("noise", fmt.Sprint("noise-", i)); err != nil {
			return fmt.Errorf("a burst of events: %w", err)
		}
		if err := s.Engine.Rename(fmt.Sprint("noise-", i), "noise"); err != nil {
			return fmt.Errorf("a burst of events: %w", err)
		}
	}
	return nil
}

// lostEvents are faults of what the stream tells.
func lostEvents() []fault {
	lose := simply(func(s *stage) { s.Engine.DropEvents(true) })
	noise := simply(func(s *stage) { s.Engine.Run(dockertest.Spec{Name: "noise"}) })
	return []fault{
		{
			name: "malformed and unknown events", said: "Docker was updated, and sends something new.",
			breaks: all(odd, sicken),
		},
		{
			name: "malformed and unknown events, while lists fail", said: "What is misread cannot be looked up.",
			breaks: all(calls(dockertest.Fault{Status: 500, Body: "no"}, "list"), odd, sicken, unwell, wait(3*time.Second)), mend: callsWork,
		},
		{
			name: "a burst of events, of which a slow reader loses most", said: "A deploy makes thousands of events.",
			on: dockertest.Options{StreamBuffer: 8}, long: true,
			arrange: noise, breaks: all(afterList, sicken, burst),
		},
		{
			name: "events are lost", said: "An event did not come.",
			breaks: all(lose, afterList, sicken),
		},
		{
			name: "events are lost, of a container that may take 10 s to stop", said: "An event did not come.", long: true,
			web:    func(s *dockertest.Spec) { s.StopTimeout = 10 * time.Second },
			breaks: all(lose, afterList, sicken),
			goal:   goal{within: nextList + 9*time.Second},
		},
	}
}
