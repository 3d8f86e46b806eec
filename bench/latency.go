package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"defib/bench/rig"
	"defib/internal/dockertest"
)

// latency measures the time from the engine's word to the call that restarts.
// All watchdogs take turns on one machine, a few restarts each, so that what
// else goes on there meets all of them.
func latency(ctx context.Context, programs []program, short bool, progress io.Writer) (table, error) {
	t := table{
		title: "From the engine's event to the restart call",
		note: []string{
			"One container at a time turns unhealthy; it is measured where the engine is. The bare loop does nothing but read the event,",
			"look at the container and ask for the restart, by net/http alone. With a folder defib first writes down what it is about",
			"to do, synced to the disk, so that it knows of it after a crash.",
		},
		head: []string{"program", "watchdog", "restarts", "p50", "p90", "p99"},
	}
	runners, err := watchdogs(ctx, programs)
	defer func() {
		for _, r := range runners {
			r.close()
		}
	}()
	if err != nil {
		return table{}, err
	}
	rounds, each := 40, 10
	if short {
		rounds = 2
	}
	time.Sleep(3 * time.Second) // by then no stop can be under way that began before the watch
	for n := range rounds {
		for _, r := range runners {
			if err := r.sicken(ctx, each); err != nil {
				return table{}, err
			}
		}
		fmt.Fprintf(progress, "\rlatency: %d of %d rounds ", n+1, rounds)
	}
	fmt.Fprintln(progress)
	bare := runners[0]
	for _, r := range runners {
		t.add(r.program, r.name, fmt.Sprint(len(r.took)), span(quantile(r.took, .5)), span(quantile(r.took, .9)), span(quantile(r.took, .99)))
	}
	for _, r := range runners[1:] {
		t.within(fmt.Sprintf("%s (%s), p50 beside the bare loop", r.name, r.program), "%.2f times",
			float64(quantile(r.took, .5))/float64(quantile(bare.took, .5)), 1.3)
		t.within(fmt.Sprintf("%s (%s), p99 beside the bare loop", r.name, r.program), "%.2f times",
			float64(quantile(r.took, .99))/float64(quantile(bare.took, .99)), 3)
	}
	return t, nil
}

// watchdogs starts the bare loop, and each program without a folder and with one.
// After an error some may run.
func watchdogs(ctx context.Context, programs []program) ([]*runner, error) {
	bare, err := newRunner(ctx, program{name: "-"}, "bare loop")
	if err != nil {
		return nil, err
	}
	all := []*runner{bare}
	for _, p := range programs {
		for _, c := range []struct {
			name string
			env  []string
		}{{"defib, without a folder", []string{"AUTOHEAL_STATE_DIR="}}, {"defib, with a folder", nil}} {
			r, err := newRunner(ctx, p, c.name, c.env...)
			if err != nil {
				return all, err
			}
			all = append(all, r)
		}
	}
	return all, nil
}

// fleet is how many containers a runner has, so that those that are sick are
// never most of them.
const fleet = 1000

// runner is a watchdog on a host of its own.
type runner struct {
	program, name string
	host          *rig.Host
	process       *rig.Process
	calls         chan string // names, as their restart is asked for
	next          int
	took          []time.Duration
}

// newRunner starts a program, or the bare loop where it has no path.
func newRunner(ctx context.Context, p program, name string, env ...string) (*runner, error) {
	h, err := rig.NewHost(dockertest.Options{})
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what was made
	}
	r := &runner{program: p.name, name: name, host: h, calls: make(chan string, 1000)}
	for i := range fleet {
		h.Engine.Adopt(dockertest.Spec{
			Name: fmt.Sprint("web-", i), Labels: labels(i), Health: &dockertest.Health{},
			StopTimeout: 900 * time.Millisecond, // 0 s to the engine's clients: nobody waits longer than 1 s for a stop that was not heard of
		}, time.Hour)
	}
	h.Engine.OnCall(func(c dockertest.Call) {
		if c.Kind == "restart" && c.ID != "" {
			r.calls <- c.Name
		}
	})
	ready := `"message":"ready"`
	if p.path == "" {
		self, err := os.Executable()
		if err != nil {
			h.Close()
			return nil, fmt.Errorf("find this program: %w", err)
		}
		ready = bareReady
		r.process, err = rig.Run(exec.Command(self, bareCommand, h.Socket())) //nolint:gosec,noctx // this program once more
		if err != nil {
			h.Close()
			return nil, err //nolint:wrapcheck // it says what was started
		}
	} else if r.process, err = h.Start(p.path, append(env, "AUTOHEAL_CONTAINER_LABEL=all")...); err != nil {
		h.Close()
		return nil, err //nolint:wrapcheck // it says what was started
	}
	if err := r.process.AwaitLine(ctx, ready); err != nil {
		r.close()
		return nil, err //nolint:wrapcheck // it says what was awaited
	}
	return r, nil
}

// labels are those of a Compose service without dependencies.
func labels(i int) map[string]string {
	return map[string]string{
		"com.docker.compose.project": "shop", "com.docker.compose.service": fmt.Sprint("web-", i), "com.docker.compose.container-number": "1",
		"com.docker.compose.oneoff": "False", "com.docker.compose.depends_on": "", "com.docker.compose.version": "2.40.3",
		"com.docker.compose.config-hash":          "6b8c1f2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b",
		"com.docker.compose.project.config_files": "/srv/shop/docker-compose.yml", "com.docker.compose.project.working_dir": "/srv/shop",
	}
}

// sicken has some containers turn unhealthy, one after the other.
func (r *runner) sicken(ctx context.Context, n int) error {
	for range n {
		name := fmt.Sprint("web-", r.next)
		r.next++
		began := time.Now()
		if err := r.host.Engine.SetHealth(name, "unhealthy", "no answer"); err != nil {
			return fmt.Errorf("sicken %s: %w", name, err)
		}
		select {
		case <-r.calls:
			r.took = append(r.took, time.Since(began))
		case <-time.After(time.Minute):
			return fmt.Errorf("%s is not restarted by the %s\n%s", name, r.name, r.process.Log().End())
		case <-ctx.Done():
			return fmt.Errorf("wait for the restart of %s: %w", name, ctx.Err())
		}
		time.Sleep(5 * time.Millisecond) // the restart itself is over, and what it caused
		if err := r.host.Engine.SetHealth(name, "healthy", ""); err != nil {
			return fmt.Errorf("cure %s: %w", name, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return nil
}

func (r *runner) close() {
	if r.process != nil {
		r.process.Kill()
	}
	r.host.Close()
}
