package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"defib/bench/rig"
	"defib/internal/dockertest"
)

// storm measures a host on which everything turns unhealthy at once.
func storm(ctx context.Context, programs []program, short bool, progress io.Writer) (table, error) {
	t := table{
		title: "All unhealthy at once",
		note: []string{
			"Every container turns unhealthy in the same moment; a restart takes 200 ms and heals it. One canary is healed first, then eight at a",
			"time (AUTOHEAL_PARALLEL), so the least is a 40th of a second for each. Lost are those that were not restarted, too often",
			"those that were restarted more than once. Messages are those to a webhook: a storm is told as one.",
		},
		head: []string{"program", "containers", "first restart", "last healed", "the least", "lost", "too often", "resident at most", "CPU", "messages"},
	}
	sizes := []int{100, 500, 1000}
	if short {
		sizes = sizes[:1]
	}
	for _, n := range sizes {
		for _, p := range programs {
			fmt.Fprintf(progress, "storm: %d containers\n", n)
			f, err := stormed(ctx, p, n)
			if err != nil {
				return table{}, err
			}
			t.add(p.name, thousands(n), span(f.first), span(f.last), span(time.Duration(n)*25*time.Millisecond),
				fmt.Sprint(f.lost), fmt.Sprint(f.twice), megabytes(f.usage.Peak), span(f.usage.CPU), thousands(f.messages))
			t.within(fmt.Sprintf("lost or restarted twice of %s (%s)", thousands(n), p.name), "%.0f", float64(f.lost+f.twice), 0)
			t.within(fmt.Sprintf("resident with %s unhealthy (%s)", thousands(n), p.name), "%.1f MB", float64(f.usage.Peak)/1e6, 25)
		}
	}
	return t, nil
}

type stormFigures struct {
	first, last           time.Duration
	lost, twice, messages int
	usage                 rig.Usage
}

func stormed(ctx context.Context, p program, n int) (stormFigures, error) {
	var f stormFigures
	h, err := rig.NewHost(dockertest.Options{})
	if err != nil {
		return f, err //nolint:wrapcheck // it says what was made
	}
	defer h.Close()
	for i := range n {
		h.Engine.Adopt(dockertest.Spec{
			Name: fmt.Sprint("web-", i), Labels: labels(i), Health: &dockertest.Health{}, StopTakes: 200 * time.Millisecond, StopTimeout: time.Second,
		}, time.Hour)
	}
	process, err := h.Start(p.path, "AUTOHEAL_CONTAINER_LABEL=all")
	if err != nil {
		return f, err //nolint:wrapcheck // it says what was started
	}
	defer process.Kill()
	if err := process.AwaitReady(ctx); err != nil {
		return f, err //nolint:wrapcheck // it says what was awaited
	}
	time.Sleep(12 * time.Second) // by then no stop can be under way that began before the watch
	c := &casualties{n: n, began: time.Now(), restarts: map[string]int{}, all: make(chan struct{})}
	h.Engine.OnCall(func(call dockertest.Call) {
		if call.Kind == "restart" && call.ID != "" {
			c.restarted(call.Name)
			time.AfterFunc(250*time.Millisecond, func() { _ = h.Engine.SetHealth(call.Name, "healthy", "") }) // unless it was removed
		}
	})
	for i := range n {
		if err := h.Engine.SetHealth(fmt.Sprint("web-", i), "unhealthy", "no answer"); err != nil {
			return f, fmt.Errorf("sicken web-%d: %w", i, err)
		}
	}
	select {
	case <-c.all:
	case <-time.After(5*time.Minute + time.Duration(n)*100*time.Millisecond):
	case <-ctx.Done():
		return f, ctx.Err() //nolint:wrapcheck // the person's own
	}
	f.last = time.Since(c.began) + 250*time.Millisecond
	time.Sleep(20 * time.Second) // what is to be told is told, and nothing is restarted once more
	f.first, f.lost, f.twice = c.count()
	alerts, err := h.Inbox.Alerts()
	if err != nil {
		return f, err //nolint:wrapcheck // it says what was read
	}
	f.messages = len(alerts)
	f.usage, err = process.Usage()
	return f, err //nolint:wrapcheck // it says what was read
}

// casualties are the containers of a storm.
type casualties struct {
	n     int
	began time.Time
	all   chan struct{} // closed when each was restarted

	mu       sync.Mutex
	first    time.Duration
	restarts map[string]int
}

func (c *casualties) restarted(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.restarts) == 0 {
		c.first = time.Since(c.began)
	}
	if c.restarts[name]++; len(c.restarts) == c.n && c.restarts[name] == 1 {
		close(c.all)
	}
}

// count tells when the first was restarted, how many were not, and how many
// more than once.
func (c *casualties) count() (first time.Duration, lost, twice int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, times := range c.restarts {
		if times > 1 {
			twice++
		}
	}
	return c.first, c.n - len(c.restarts), twice
}
