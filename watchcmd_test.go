package main

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"defib/status"
)

// turning is a source whose container falls ill and gets well.
type turning struct {
	fixed

	mu sync.Mutex
}

func (s *turning) Containers(context.Context) ([]status.Container, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.containers, nil
}

func (s *turning) turn(health, phase string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.containers = []status.Container{{ID: "1", Name: "web", Watched: true, State: "running", Health: health, Phase: phase}}
}

// syncBuffer is written and read by two goroutines.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// TestWatchAppends: without a terminal a line is added for each change, and none
// where nothing changes; a defib that goes away is waited for.
func TestWatchAppends(t *testing.T) {
	dir := shortDir(t)
	socket := filepath.Join(dir, "control.sock")
	source := &turning{fixed: fixed{engine: status.Engine{OK: true, Why: "watching", Version: "1"}}}
	source.turn("healthy", "steady")
	stop := serveAPI(t, socket, source)
	client := status.NewClient(socket)
	defer client.Close()
	first, err := take(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var out syncBuffer
	var watching sync.WaitGroup
	watching.Go(func() { watchStatus(ctx, call{stdout: &out}, client, first, false, 2*time.Millisecond) })
	wait := func(what string) {
		t.Helper()
		for begun := time.Now(); !strings.Contains(out.String(), what); time.Sleep(time.Millisecond) {
			if time.Since(begun) > 5*time.Second {
				t.Fatalf("%q is not said:\n%s", what, out.String())
			}
		}
	}
	wait("nothing is wrong")
	time.Sleep(50 * time.Millisecond)
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("%d lines while nothing changes:\n%s", n, out.String())
	}
	source.turn("unhealthy", "failing")
	wait("web: unhealthy, failing")
	stop()
	wait("no defib answers")
	stop = serveAPI(t, socket, source)
	defer func() { stop() }()
	source.turn("healthy", "steady")
	for begun := time.Now(); strings.Count(out.String(), "nothing is wrong") < 2 && time.Since(begun) < 5*time.Second; time.Sleep(time.Millisecond) {
	}
	cancel()
	watching.Wait()
	said := out.String()
	if strings.Count(said, "nothing is wrong") != 2 || strings.Contains(said, "\x1b") {
		t.Errorf("said:\n%s", said)
	}
	tame(t, said, 80)
	for line := range strings.Lines(said) {
		if _, err := time.Parse(time.TimeOnly, line[:8]); err != nil && !strings.HasPrefix(line, "   ") {
			t.Errorf("a line without its time: %s", line)
		}
	}
}

// TestWatchEndsWell: Ctrl-C ends it with 0.
func TestWatchEndsWell(t *testing.T) {
	dir := shortDir(t)
	defer serveAPI(t, filepath.Join(dir, "control.sock"), &fixed{engine: status.Engine{OK: true, Why: "watching"}})()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	var out bytes.Buffer
	if code := command(ctx, []string{"status", "--watch"}, []string{"AUTOHEAL_STATE_DIR=" + dir}, &out, &out); code != exitOK {
		t.Errorf("%d: %s", code, &out)
	}
}

// TestScreenful: what is drawn covers what was there, and is no taller than the
// terminal.
func TestScreenful(t *testing.T) {
	got := screenful("a\nb\n", 24)
	if got != "\x1b[H\x1b[Ka\n\x1b[Kb\n\x1b[J" {
		t.Errorf("%q", got)
	}
	for height := 2; height < 12; height++ {
		got := screenful(strings.Repeat("line\n", 10), height)
		lines := strings.Count(got, "\n")
		if lines > height-1 || (height <= 10 && !strings.Contains(got, "more line")) {
			t.Errorf("height %d: %d lines, %q", height, lines, got)
		}
	}
	if got := screenful(strings.Repeat("line\n", 10), 0); strings.Count(got, "line") != 10 {
		t.Errorf("of a terminal that does not tell its height: %q", got)
	}
}

// TestLinesAreSteady: what lasts is not said again because time has passed.
func TestLinesAreSteady(t *testing.T) {
	one := snapshot{Engine: status.Engine{Why: "no event stream for 31s: the engine is away", Trouble: "the engine is away"}}
	two := one
	two.Engine.Why = "no event stream for 33s: the engine is away"
	if a, b := one.lines(nil), two.lines(nil); a[0] != b[0] || !strings.Contains(a[0], "the engine is away") {
		t.Errorf("%q, %q", a, b)
	}
	if got := one.lines(errors.New("away")); len(got) != 1 || got[0] != "away" {
		t.Errorf("%q", got)
	}
}
