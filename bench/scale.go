package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"defib/bench/rig"
	"defib/internal/dockertest"
)

// scale measures what defib takes of a machine by the number of containers, all
// of which are probed every 10 s. An engine makes three events of each probe.
func scale(ctx context.Context, programs []program, short bool, progress io.Writer) (table, error) {
	t := table{
		title: "By the number of containers",
		note: []string{
			"All are healthy Compose services, probed every 10 s with the three exec events of each probe: 3,000 events a second for 10,000.",
			"Start is from the process' beginning until it watches, with what that read from the engine. CPU and bytes are of a minute in which",
			"nothing happens. Resident is what is in memory after it (half a minute, in fact), private what of it is no page of the program's file;",
			"peak the most there ever was. The restarts come last, of single containers, beside the probes.",
		},
		head: []string{
			"program", "containers", "start", "CPU of the start", "read", "CPU a minute", "read a minute", "resident", "private", "peak", "event to restart p50", "most",
		},
	}
	window := 30 * time.Second
	if short {
		window = 5 * time.Second
	}
	for _, n := range []int{10, 100, 1000, 10000} {
		for _, p := range programs {
			fmt.Fprintf(progress, "scale: %d containers\n", n)
			f, err := scaled(ctx, p, n, window)
			if err != nil {
				return table{}, err
			}
			t.add(p.name, thousands(n), span(f.start), span(f.begun.CPU), kilobytes(f.read), span(f.cpu), kilobytes(f.bytes),
				megabytes(f.after.Resident), megabytes(f.after.Anonymous), megabytes(f.after.Peak), span(quantile(f.took, .5)), span(quantile(f.took, 1)))
			t.within(fmt.Sprintf("resident with %s (%s)", thousands(n), p.name), "%.1f MB", float64(f.after.Resident)/1e6, 12)
			t.within(fmt.Sprintf("CPU seconds a minute with %s (%s)", thousands(n), p.name), "%.3f", f.cpu.Seconds(), .02)
			if n <= 100 {
				t.atMost(fmt.Sprintf("start with %s (%s)", thousands(n), p.name), f.start, 50*time.Millisecond)
			}
		}
	}
	return t, nil
}

// figures are those of one number of containers.
type figures struct {
	start, cpu   time.Duration // cpu: of a minute
	read, bytes  int64         // of the start, of a minute
	begun, after rig.Usage
	took         []time.Duration
}

func scaled(ctx context.Context, p program, n int, window time.Duration) (figures, error) {
	var f figures
	h, err := rig.NewHost(dockertest.Options{ExecNoise: true})
	if err != nil {
		return f, err //nolint:wrapcheck // it says what was made
	}
	defer h.Close()
	const every = 10 * time.Second
	for i := range n {
		h.Engine.Adopt(dockertest.Spec{
			Name: fmt.Sprint("web-", i), Labels: labels(i), Health: &dockertest.Health{Interval: every}, StopTimeout: 900 * time.Millisecond,
		}, time.Hour)
		if i*100/n != (i+1)*100/n {
			time.Sleep(every / 100) // so that their probes are spread out
		}
	}
	began := time.Now()
	process, err := h.Start(p.path, "AUTOHEAL_CONTAINER_LABEL=all")
	if err != nil {
		return f, err //nolint:wrapcheck // it says what was started
	}
	defer process.Kill()
	if err := process.AwaitReady(ctx); err != nil {
		return f, err //nolint:wrapcheck // it says what was awaited
	}
	f.start = time.Since(began)
	if f.begun, err = process.Usage(); err != nil {
		return f, err //nolint:wrapcheck // it says what was read
	}
	f.read = h.Sent()
	time.Sleep(min(window, 15*time.Second)) // what belongs to the start is over
	before, err := process.Usage()
	if err != nil {
		return f, err //nolint:wrapcheck // it says what was read
	}
	sent := h.Sent()
	select {
	case <-time.After(window):
	case <-ctx.Done():
		return f, ctx.Err() //nolint:wrapcheck // the person's own
	}
	if f.after, err = process.Usage(); err != nil {
		return f, err //nolint:wrapcheck // it says what was read
	}
	minutes := window.Minutes()
	f.cpu = time.Duration(float64(f.after.CPU-before.CPU) / minutes)
	f.bytes = int64(float64(h.Sent()-sent) / minutes)
	r := &runner{program: p.name, name: "defib", host: h, process: process, calls: make(chan string, 1000)}
	h.Engine.OnCall(func(c dockertest.Call) {
		if c.Kind == "restart" && c.ID != "" {
			r.calls <- c.Name
		}
	})
	if err := r.sicken(ctx, min(n/4, 50)); err != nil { // fewer than half: it is no storm
		return f, err
	}
	f.took = r.took
	return f, nil
}

// kilobytes writes bytes.
func kilobytes(n int64) string {
	if n > 1e6 {
		return megabytes(n)
	}
	return fmt.Sprintf("%.1f KB", float64(n)/1e3)
}
