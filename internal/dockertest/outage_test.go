package dockertest_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/client"

	"defib/internal/dockertest"
)

func runPolicies(e *dockertest.Engine) {
	for _, policy := range []string{"always", "unless-stopped", "on-failure", "no"} {
		e.Run(dockertest.Spec{Name: policy, RestartPolicy: policy, StopTakes: time.Hour, StopTimeout: 2 * time.Second})
	}
}

func statuses(e *dockertest.Engine) (found []string) {
	for _, name := range []string{"always", "unless-stopped", "on-failure", "no"} {
		found = append(found, e.State(name).Status)
	}
	return found
}

func TestKilledEngine(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		runPolicies(e)
		_, errs := cli.Events(t.Context(), events.ListOptions{})
		e.Down()
		if err := <-errs; err == nil || err.Error() != "unexpected EOF" {
			t.Errorf("stream: %v", err)
		}
		_, err := cli.ContainerList(t.Context(), container.ListOptions{})
		if !client.IsErrConnectionFailed(err) {
			t.Errorf("list: %v", err)
		}
		equal(t, "while down", statuses(e), []string{"running", "running", "running", "running"})
		time.Sleep(time.Minute)
		begun := time.Now()
		must(t, e.Up())
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("boot took %v", took)
		}
		equal(t, "after", statuses(e), []string{"running", "exited", "running", "exited"}) // fact 2.9
		id := e.State("always").ID
		s := subject{cli: cli, major: 20}
		equal(t, "ring", actions(s.past(t, id, "1")), []string{"kill 15", "kill 9", "die 137", "stop", "start"}) // fact 2.3
	})
}

func TestShutDownEngine(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		runPolicies(e)
		seen, errs := follow(t, cli)
		e.Shutdown()
		if err := <-errs; err == nil || err.Error() != "unexpected EOF" { // fact 2.1
			t.Errorf("stream: %v", err)
		}
		if got := len(seen()); got != 16 {
			t.Errorf("%d events: %q", got, seen())
		}
		must(t, e.Up())
		equal(t, "after", statuses(e), []string{"running", "running", "running", "exited"})
	})
}

// TestLiveRestore is fact 2.8.
func TestLiveRestore(t *testing.T) {
	for version, want := range map[string]string{"20.10.24": "unhealthy", "23.0.1": "healthy", "25.0.1": "starting"} {
		bubble(t, dockertest.Options{Version: version, LiveRestore: true}, func(t *testing.T, e *dockertest.Engine, _ *client.Client) {
			e.Run(dockertest.Spec{Name: "web", Health: &dockertest.Health{Interval: 10 * time.Second, Sick: true}})
			time.Sleep(time.Minute)
			e.Down()
			must(t, e.Cure("web"))
			must(t, e.Up())
			if got := e.State("web"); version == "25.0.1" && got.Health != want || !got.Running {
				t.Errorf("%s at once: %+v", version, got)
			}
			time.Sleep(time.Minute)
			if version == "25.0.1" {
				want = "healthy"
			}
			if got := e.State("web"); got.Health != want || got.Starts != 1 {
				t.Errorf("%s: %+v, want %s", version, got, want)
			}
			must(t, e.Pause("web"))
			must(t, e.Unpause("web"))
			time.Sleep(time.Minute)
			if got := e.State("web").Health; got != "healthy" {
				t.Errorf("%s after pause and unpause: %s", version, got)
			}
		})
	}
}

func TestDownInTheMiddleOfARestart(t *testing.T) {
	bubble(t, dockertest.Options{LiveRestore: true}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		e.Run(dockertest.Spec{Name: "web", StopTakes: 5 * time.Second})
		done := make(chan error, 1)
		go func() { done <- cli.ContainerRestart(context.Background(), "web", container.StopOptions{}) }()
		time.Sleep(time.Second)
		e.Down()
		if err := <-done; err == nil {
			t.Error("the restart succeeded")
		}
		time.Sleep(time.Minute)
		must(t, e.Up())
		if s := e.State("web"); s.Status != "exited" || s.Starts != 1 {
			t.Errorf("state %+v", s)
		}
	})
}

func TestHungEngine(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		seen, errs := follow(t, cli)
		e.Run(dockertest.Spec{Name: "web", RestartPolicy: "always", Health: &dockertest.Health{Interval: time.Second}})
		_ = seen()
		e.Hang(true)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if _, err := cli.ContainerList(ctx, container.ListOptions{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("list: %v", err)
		}
		must(t, e.Crash("web", 3))
		restarted := make(chan error, 1)
		go func() { restarted <- cli.ContainerRestart(t.Context(), "web", container.StopOptions{}) }()
		time.Sleep(time.Minute)
		equal(t, "while it hangs", seen(), []string{"create", "start"})
		select {
		case err := <-errs:
			t.Errorf("stream: %v", err)
		default:
		}
		e.Hang(false)
		must(t, <-restarted)
		if got := seen(); len(got) < 4 || got[len(got)-1] != "restart" || e.State("web").Status != "running" {
			t.Errorf("afterwards: %q", got)
		}
	})
}

func TestCloseInTheMiddleOfEverything(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		e.Run(dockertest.Spec{Name: "web", StopTakes: time.Hour, Health: &dockertest.Health{Interval: time.Second, Takes: time.Second}})
		_, errs := follow(t, cli)
		done := make(chan error, 1)
		go func() { done <- cli.ContainerRestart(t.Context(), "web", seconds(-1)) }()
		time.Sleep(90 * time.Second)
		e.Hang(true)
		e.Close()
		e.Close()
		if <-errs == nil || <-done == nil {
			t.Error("a call outlived the engine")
		}
		must(t, e.Up()) // a closed engine stays closed
		if _, err := cli.Ping(t.Context()); err == nil {
			t.Error("a closed engine answers")
		}
	})
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "docker.sock")
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	must(t, err)
	e := dockertest.New(dockertest.Options{})
	defer e.Close()
	e.Serve(l)
	cli, err := client.NewClientWithOpts(client.WithHost("unix://"+path), client.WithAPIVersionNegotiation())
	must(t, err)
	defer func() { _ = cli.Close() }()
	for range 2 {
		_, err = cli.Info(t.Context())
		must(t, err)
		e.Down()
		if _, err = cli.Info(t.Context()); !client.IsErrConnectionFailed(err) {
			t.Errorf("down: %v", err)
		}
		must(t, e.Up())
	}
	_, err = cli.Info(t.Context())
	must(t, err)
}
