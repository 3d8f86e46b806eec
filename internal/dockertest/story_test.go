package dockertest_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"

	"defib/internal/dockertest"
)

// bubble runs a story in virtual time. That it returns shows that no goroutine
// was left.
func bubble(t *testing.T, o dockertest.Options, story func(*testing.T, *dockertest.Engine, *client.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e, cli := serve(t, o)
		story(t, e, cli)
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// follow collects the actions of live events until the test ends.
func follow(t *testing.T, cli *client.Client, f ...filters.KeyValuePair) (seen func() []string, errs <-chan error) {
	t.Helper()
	msgs, errs := cli.Events(t.Context(), events.ListOptions{Filters: filters.NewArgs(f...)})
	var got []events.Message
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case m := <-msgs:
				got = append(got, m)
			case <-t.Context().Done():
				return
			}
		}
	}()
	t.Cleanup(func() { <-done })
	return func() []string {
		synctest.Wait()
		return actions(got)
	}, errs
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s\n got %q\nwant %q", what, got, want)
	}
}

func TestHourOfProbesInVirtualTime(t *testing.T) {
	begun := time.Now()
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		seen, _ := follow(t, cli, filters.Arg("event", "health_status"))
		e.Run(dockertest.Spec{Name: "web", Health: &dockertest.Health{Interval: 5 * time.Second, Takes: time.Second}})
		time.Sleep(30*time.Minute + time.Second) // between two probes
		must(t, e.Sicken("web", "no db"))
		time.Sleep(30 * time.Minute)
		equal(t, "events", seen(), []string{"health_status: healthy", "health_status: unhealthy"})
		in, err := cli.ContainerInspect(t.Context(), "web")
		must(t, err)
		// 5 s from the end of a probe to the start of the next, which takes 1 s.
		if h := in.State.Health; h.FailingStreak != 300 || len(h.Log) != 5 || h.Log[4].End.Sub(h.Log[3].End) != 6*time.Second {
			t.Errorf("health %+v", h)
		}
		list, err := cli.ContainerList(t.Context(), container.ListOptions{})
		must(t, err)
		if list[0].Status != "Up About an hour (unhealthy)" {
			t.Errorf("status %q", list[0].Status)
		}
	})
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("a virtual hour took %v", took)
	}
}

func TestRestartHeals(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		e.Run(dockertest.Spec{
			Name: "web", StopTakes: 2 * time.Second, StartTakes: time.Second,
			Health: &dockertest.Health{Interval: time.Second, Retries: 1, RestartsToHeal: 2, Sick: true},
		})
		for _, want := range []string{"unhealthy", "unhealthy", "healthy"} {
			time.Sleep(1500 * time.Millisecond)
			if got := e.State("web").Health; got != want {
				t.Errorf("health %s, want %s", got, want)
			}
			begun := time.Now()
			must(t, cli.ContainerRestart(t.Context(), "web", container.StopOptions{}))
			if took := time.Since(begun); took != 3*time.Second {
				t.Errorf("restart took %v", took)
			}
		}
		if s := e.State("web"); s.Restarts != 3 || s.Starts != 4 || s.PolicyCount != 0 {
			t.Errorf("state %+v", s)
		}
	})
}

// TestUnhealthyDuringStop is pitfall P1: probes go on during the grace.
func TestUnhealthyDuringStop(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		e.Run(dockertest.Spec{Name: "web", StopTakes: 5 * time.Second, Health: &dockertest.Health{Interval: time.Second, Retries: 2}})
		time.Sleep(2500 * time.Millisecond)
		seen, _ := follow(t, cli)
		must(t, e.Sicken("web", "closing"))
		must(t, e.Stop("web", 0))
		equal(t, "events", seen(), []string{"kill 15", "health_status: unhealthy", "die 0", "stop"})
	})
}

func TestCrashLoopBacksOff(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		e.Run(dockertest.Spec{Name: "web", RestartPolicy: "always", Health: &dockertest.Health{Interval: time.Second}})
		gap := 100 * time.Millisecond
		for range 12 {
			must(t, e.Crash("web", 5))
			in, err := cli.ContainerInspect(t.Context(), "web")
			must(t, err)
			if s := in.State; s.Status != "restarting" || !s.Running || !s.Restarting || s.Pid != 0 || s.ExitCode != 5 { // fact 3.4
				t.Fatalf("state %+v", s)
			}
			time.Sleep(gap - time.Nanosecond)
			if !e.State("web").Restarting {
				t.Fatalf("restarted before %v", gap)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if e.State("web").Restarting {
				t.Fatalf("not restarted after %v", gap)
			}
			gap = min(2*gap, time.Minute)
		}
		if got := e.State("web").PolicyCount; got != 12 {
			t.Errorf("count %d", got)
		}
		time.Sleep(10 * time.Second) // forgives
		must(t, e.Crash("web", 5))
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if e.State("web").Restarting {
			t.Error("the back-off was not forgiven after a run of 10 s")
		}
	})
}

func TestOnFailureGivesUp(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		seen, _ := follow(t, cli)
		e.Run(dockertest.Spec{Name: "web", RestartPolicy: "on-failure:1"})
		must(t, e.OOM("web"))
		time.Sleep(time.Second)
		must(t, e.Crash("web", 1))
		time.Sleep(time.Second)
		equal(t, "events", seen(), []string{"create", "start", "oom", "die 137", "start", "die 1"})
	})
}

func TestFailedStartLeavesExited(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		e.Run(dockertest.Spec{Name: "web", RestartPolicy: "always", StopTakes: time.Hour})
		must(t, e.Edit("web", func(s *dockertest.Spec) { s.FailStart = "port is already allocated" }))
		err := cli.ContainerRestart(t.Context(), "web", seconds(1))
		if err == nil || !strings.Contains(err.Error(), "Cannot restart container web: port is already allocated") {
			t.Errorf("restart: %v", err)
		}
		if s := e.State("web"); s.Status != "exited" || s.ExitCode != 137 || s.Error != "port is already allocated" || s.Restarts != 0 {
			t.Errorf("state %+v", s)
		}
		must(t, e.Edit("web", func(s *dockertest.Spec) { s.FailStart = "" }))
		must(t, cli.ContainerStart(t.Context(), "web", container.StartOptions{}))
		if s := e.State("web"); s.Status != "running" || s.Error != "" {
			t.Errorf("state %+v", s)
		}
	})
}

func TestStartPeriodAndTimeouts(t *testing.T) {
	for _, c := range []struct {
		version string
		health  dockertest.Health
		at      time.Duration // when it turns unhealthy, fact 11.3
		output  string
	}{
		{"20.10.24", dockertest.Health{Interval: time.Second, StartPeriod: 6 * time.Second, Retries: 2}, 7 * time.Second, ""},
		{"29.7.2", dockertest.Health{Interval: time.Second, StartPeriod: 6 * time.Second, Retries: 2}, 11 * time.Second, ""},
		{"20.10.24", dockertest.Health{Interval: time.Second, Takes: time.Hour, Timeout: 2 * time.Second, Retries: 2}, 6 * time.Second,
			"Health check exceeded timeout (2s)"},
		{"20.10.24", dockertest.Health{Interval: time.Second, WarmUp: time.Minute}, 3 * time.Second, ""},
	} {
		bubble(t, dockertest.Options{Version: c.version}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
			h := c.health
			h.Sick = h.WarmUp == 0
			e.Run(dockertest.Spec{Name: "web", Health: &h})
			begun := time.Now()
			for e.State("web").Health != "unhealthy" {
				time.Sleep(100 * time.Millisecond)
				synctest.Wait()
			}
			if took := time.Since(begun); took != c.at {
				t.Errorf("%s %+v: unhealthy after %v, want %v", c.version, c.health, took, c.at)
			}
			in, err := cli.ContainerInspect(t.Context(), "web")
			must(t, err)
			if got := in.State.Health.Log[0]; got.Output != c.output || (c.output != "" && got.ExitCode != -1) {
				t.Errorf("probe %+v", got)
			}
		})
	}
}

func TestSetHealthWithoutProbes(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		seen, _ := follow(t, cli, filters.Arg("event", "health_status"))
		e.Run(dockertest.Spec{Name: "web", Health: &dockertest.Health{}})
		must(t, e.SetHealth("web", "unhealthy", strings.Repeat("x", 5000)))
		must(t, e.SetHealth("web", "unhealthy", "again"))
		must(t, e.SetHealth("web", "healthy", ""))
		equal(t, "events", seen(), []string{"health_status: unhealthy", "health_status: healthy"})
		in, err := cli.ContainerInspect(t.Context(), "web")
		must(t, err)
		if log := in.State.Health.Log; len(log) != 3 || len(log[0].Output) != 4099 || log[1].Output != "again" { // fact 8.1
			t.Errorf("log %+v", log)
		}
		for _, err := range []error{e.SetHealth("nosuch", "healthy", ""), e.SetHealth("web", "bogus", "")} {
			if err == nil {
				t.Error("no error")
			}
		}
	})
}

func TestRemovedWithItsStop(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		seen, _ := follow(t, cli)
		e.Run(dockertest.Spec{Name: "job", AutoRemove: true})
		must(t, e.Restart("job", time.Second))
		must(t, e.Stop("job", time.Second))
		equal(t, "events", seen(), []string{"create", "start", "kill 15", "die 0", "stop", "start", "restart", "kill 15", "die 0", "stop", "destroy"})
		if got := e.State("job"); got != (dockertest.State{}) {
			t.Errorf("state %+v", got)
		}
	})
}

func TestSharedProcesses(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		e.Run(dockertest.Spec{Name: "main"})
		e.Run(dockertest.Spec{Name: "side", PidMode: "container:main"})
		must(t, e.Stop("main", 0))
		if s := e.State("side"); s.Running || s.ExitCode != 137 { // fact 5.5
			t.Errorf("state %+v", s)
		}
		err := cli.ContainerStart(t.Context(), "side", container.StartOptions{})
		if err == nil || !strings.Contains(err.Error(), "is not running") {
			t.Errorf("start: %v", err)
		}
	})
}

// TestSameOrderEveryTime shows that containers probed at the same instant are
// probed in the order of their making.
func TestSameOrderEveryTime(t *testing.T) {
	run := func() (order []string) {
		bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
			msgs, _ := cli.Events(t.Context(), events.ListOptions{Filters: filters.NewArgs(filters.Arg("event", "health_status"))})
			for range 200 {
				e.Run(dockertest.Spec{Health: &dockertest.Health{Interval: time.Second}})
			}
			for range 200 {
				order = append(order, (<-msgs).Actor.ID)
			}
		})
		return order
	}
	equal(t, "order", run(), run())
}

func TestHealsByItself(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, _ *client.Client) {
		e.Run(dockertest.Spec{Name: "web", Health: &dockertest.Health{Interval: time.Second, HealsAfter: 10 * time.Second}})
		must(t, e.Sicken("web", "no db"))
		time.Sleep(9500 * time.Millisecond)
		if got := e.State("web"); got.Health != "unhealthy" || got.FailingStreak != 9 {
			t.Errorf("state %+v", got)
		}
		time.Sleep(2 * time.Second)
		if got := e.State("web").Health; got != "healthy" {
			t.Errorf("health %s", got)
		}
	})
}

// TestSlowStartsTakeTurns shows that of two starts the second waits for the
// first and then has nothing to do.
func TestSlowStartsTakeTurns(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, _ *client.Client) {
		e.Create(dockertest.Spec{Name: "web", StartTakes: 2 * time.Second})
		begun := time.Now()
		done := make(chan error)
		for range 2 {
			go func() { done <- e.Start("web") }()
		}
		must(t, <-done)
		must(t, <-done)
		if s := e.State("web"); s.Starts != 1 || time.Since(begun) != 2*time.Second {
			t.Errorf("%d starts in %v", s.Starts, time.Since(begun))
		}
	})
}
