package main

import (
	"context"
	"time"

	"defib/internal/dockertest"
)

func down(_ context.Context, s *stage) error {
	s.Engine.Down()
	return nil
}

func up(_ context.Context, s *stage) error { return s.Engine.Up() } //nolint:contextcheck // it takes none

func hang(on bool) step { return simply(func(s *stage) { s.Engine.Hang(on) }) }

// engines are faults of the engine as a whole. Without live-restore a returning
// engine starts its containers anew, which does not heal this one.
func engines() []fault {
	restore := dockertest.Options{Version: "29.1.3", LiveRestore: true}
	old := dockertest.Options{Version: "20.10.24", LiveRestore: true}
	shutdown := simply(func(s *stage) { s.Engine.Shutdown() })
	away := func(name string, o dockertest.Options, d time.Duration) fault {
		f := fault{
			name: name, said: "The engine crashed.", on: o, byEngine: true, web: twice,
			breaks: all(down, sicken, wait(d)), mend: up,
			goal: goal{bad: d > 40*time.Second}, long: d > 10*time.Second,
		}
		if o.LiveRestore {
			f.web = nil
		}
		return f
	}
	return []fault{
		away("the engine is killed, and back after 5 s", dockertest.Options{}, 5*time.Second),
		away("the engine is killed, and back after 45 s", dockertest.Options{}, 45*time.Second),
		away("the engine is killed, and back after 3 min", dockertest.Options{}, 3*time.Minute),
		away("the engine is killed, with live-restore, and back after 5 s", restore, 5*time.Second),
		away("the engine is killed, with live-restore, and back after 3 min", restore, 3*time.Minute),
		{
			name: "engine 20.10 is killed, with live-restore, and probes nobody any more",
			said: "Since the engine's crash all is well, says the engine.",
			on:   old, long: true, byEngine: true,
			breaks: all(down, wait(5*time.Second)), mend: all(up, sicken),
			goal: goal{within: 4 * time.Minute, unheal: true, told: []string{"probes-stopped"}},
		},
		{
			name: "the engine is shut down and back after 5 s",
			said: "Somebody updates Docker.",
			web:  twice, byEngine: true,
			breaks: all(shutdown, sicken, wait(5*time.Second)), mend: up,
		},
		within("the engine is killed within a restart, and back after 5 s", "The engine crashed.", down),
		within("the engine is shut down within a restart, and back after 5 s", "Somebody updates Docker.", shutdown),
		{
			name: "the engine hangs for 15 s",
			said: "The disk is slow, docker ps takes for ever.",
			long: true, byEngine: true,
			breaks: all(hang(true), sicken, wait(15*time.Second)), mend: hang(false),
		},
		{
			name: "the engine hangs for 45 s",
			said: "Docker does not answer any more.",
			long: true, byEngine: true, goal: goal{bad: true},
			breaks: all(hang(true), sicken, wait(45*time.Second)), mend: hang(false),
		},
		{
			name: "defib starts 5 s before its engine",
			said: "The host boots.",
			web:  twice, late: true, byEngine: true,
			breaks: all(down, sicken, startDefib, wait(5*time.Second)), mend: up,
		},
	}
}

// within is an engine's end in the middle of a restart, which fails by that.
func within(name, said string, end step) fault {
	return fault{
		name: name, said: said, byEngine: true, long: true, goal: goal{within: 30 * time.Second},
		web: func(s *dockertest.Spec) {
			twice(s)
			s.StopTakes = 500 * time.Millisecond
		},
		breaks: all(sicken, asked("restart"), end, wait(5*time.Second)), mend: up,
	}
}

// twice has the container outlast a first start.
func twice(s *dockertest.Spec) { s.Health.HealedByRestart, s.Health.RestartsToHeal = false, 2 }
