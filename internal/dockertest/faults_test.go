package dockertest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/client"

	"defib/internal/dockertest"
)

func TestCutStreams(t *testing.T) {
	for _, c := range []struct {
		midLine bool
		want    error
	}{{false, io.EOF}, {true, io.ErrUnexpectedEOF}} {
		bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
			msgs, errs := cli.Events(t.Context(), events.ListOptions{})
			e.Create(dockertest.Spec{Name: "web"})
			<-msgs
			e.CutStreams(c.midLine)
			if err := <-errs; !errors.Is(err, c.want) {
				t.Errorf("mid-line %t: %v, want %v", c.midLine, err, c.want)
			}
			seen, _ := follow(t, cli)
			must(t, e.Exec("web"))
			equal(t, "a new stream", seen(), []string{"exec_create: /bin/sh -c probe", "exec_start: /bin/sh -c probe", "exec_die 0"})
		})
	}
}

// TestHalfAnswers: a list that breaks off, and a stream that has its headers and
// no more.
func TestHalfAnswers(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		e.Run(dockertest.Spec{Name: "web"})
		undo := e.Fail(func(dockertest.Call) bool { return true }, dockertest.Fault{Half: true})
		if _, err := cli.ContainerList(t.Context(), container.ListOptions{}); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("half a list: %v", err)
		}
		_, errs := cli.Events(t.Context(), events.ListOptions{})
		if err := <-errs; !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("a stream after its headers: %v", err)
		}
		if err := restartWithinAMinute(cli); err == nil || e.State("web").Restarts != 1 {
			t.Errorf("a restart without an answer: %v, %+v", err, e.State("web"))
		}
		undo()
		list, err := cli.ContainerList(t.Context(), container.ListOptions{})
		must(t, err)
		if len(list) != 1 {
			t.Errorf("a whole list has %d", len(list))
		}
	})
}

// TestJump: what the engine notes follows its clock, what it waits for does not.
func TestJump(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		e.Run(dockertest.Spec{Name: "web", Health: &dockertest.Health{Interval: 10 * time.Second, Retries: 1, Sick: true}})
		msgs, _ := cli.Events(t.Context(), events.ListOptions{})
		begun := time.Now()
		time.Sleep(time.Second)
		e.Jump(-3 * time.Hour)
		m := <-msgs
		if want := begun.Add(10*time.Second - 3*time.Hour); m.TimeNano != want.UnixNano() || time.Since(begun) != 10*time.Second {
			t.Errorf("the probe was told of after %s, at %s; want %s", time.Since(begun), time.Unix(0, m.TimeNano), want)
		}
		in, err := cli.ContainerInspect(t.Context(), "web")
		must(t, err)
		if started, err := time.Parse(time.RFC3339Nano, in.State.StartedAt); err != nil || !started.Equal(begun) {
			t.Errorf("started at %s before the jump", in.State.StartedAt)
		}
		info, err := cli.Info(t.Context())
		must(t, err)
		if now, err := time.Parse(time.RFC3339Nano, info.SystemTime); err != nil || time.Since(now) != 3*time.Hour {
			t.Errorf("its time is %s", info.SystemTime)
		}
		ping, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://engine/_ping", http.NoBody)
		must(t, err)
		resp, err := cli.HTTPClient().Do(ping)
		must(t, err)
		_ = resp.Body.Close()
		if date, err := http.ParseTime(resp.Header.Get("Date")); err != nil || time.Since(date) != 3*time.Hour {
			t.Errorf("Date: %s", resp.Header.Get("Date"))
		}
	})
}

func TestLostEvents(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		seen, _ := follow(t, cli)
		since := began()
		e.DropEvents(true)
		e.Run(dockertest.Spec{Name: "dropped"})
		e.DropEvents(false)
		e.MuteStreams(true)
		e.Create(dockertest.Spec{Name: "muted"})
		e.MuteStreams(false)
		e.Create(dockertest.Spec{Name: "seen"})
		equal(t, "live", seen(), []string{"create"})
		late, _ := cli.Events(t.Context(), events.ListOptions{Since: since})
		for _, want := range []string{"muted", "seen"} {
			if got := (<-late).Actor.Attributes["name"]; got != want {
				t.Errorf("replayed %s, want %s", got, want)
			}
		}
	})
}

func TestRingHolds256OfAllTypes(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		since := began()
		id := e.Run(dockertest.Spec{Name: "web"})
		s := subject{cli: cli, major: 20}
		must(t, e.Kill("web", "HUP"))
		for range 100 {
			must(t, e.Exec("web"))
		}
		if got := s.past(t, id, since); len(got) != 0 { // fact 2.2: pushed out by the noise
			t.Errorf("still there: %v", actions(got))
		}
	})
}

func TestSlowReaderLosesEventsAlone(t *testing.T) {
	bubble(t, dockertest.Options{StreamBuffer: 10}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		seen, _ := follow(t, cli)
		msgs, _ := cli.Events(t.Context(), events.ListOptions{}) // never read until later
		synctest.Wait()
		e.Run(dockertest.Spec{Name: "web"})
		for range 1000 {
			must(t, e.Kill("web", "HUP"))
			synctest.Wait()
		}
		if got := len(seen()); got != 1002 {
			t.Errorf("the good reader saw %d events", got)
		}
		count := 0
		for deadline := time.After(time.Second); ; count++ {
			select {
			case <-msgs:
				continue
			case <-deadline:
			}
			break
		}
		if count >= 1002 || count < 10 {
			t.Errorf("the slow reader saw %d events", count)
		}
	})
}

func TestInjectedLines(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		msgs, errs := cli.Events(t.Context(), events.ListOptions{})
		e.Inject([]byte(`{"Action":"` + strings.Repeat("x", 1<<20) + `"}`))
		if got := (<-msgs).Action; len(got) != 1<<20 {
			t.Errorf("%d bytes", len(got))
		}
		e.Inject([]byte(`{"status": oops}`))
		if err := <-errs; !strings.Contains(err.Error(), "invalid character") {
			t.Errorf("malformed line: %v", err)
		}
	})
}

// restartWithinAMinute restarts web; the client's patience ends then.
func restartWithinAMinute(cli *client.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return cli.ContainerRestart(ctx, "web", container.StopOptions{})
}

type faultCase struct {
	name    string
	fault   dockertest.Fault
	holds   func(error) bool
	effects int
	takes   time.Duration
}

func faultCases() []faultCase {
	succeeds := func(err error) bool { return err == nil }
	lateOut := func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }
	cut := func(err error) bool { return err != nil && strings.Contains(err.Error(), "EOF") }
	internal := func(err error) bool {
		return cerrdefs.IsInternal(err) && strings.HasSuffix(err.Error(), "no space left")
	}
	return []faultCase{
		{"error", dockertest.Fault{Status: 500, Body: "no space left"}, internal, 0, 0},
		{"proxy", dockertest.Fault{Status: 403, Body: "<html>no</html>"}, cerrdefs.IsPermissionDenied, 0, 0},
		{"slow", dockertest.Fault{Delay: 5 * time.Second}, succeeds, 1, 5 * time.Second},
		{"hang", dockertest.Fault{Hang: true}, lateOut, 0, time.Minute},
		{"drop", dockertest.Fault{Drop: true}, cut, 0, 0},
		{"error after effect", dockertest.Fault{Status: 500, Body: "no space left", AfterEffect: true}, internal, 1, 0},
		{"hang after effect", dockertest.Fault{Hang: true, AfterEffect: true}, lateOut, 1, time.Minute},
	}
}

func TestFaults(t *testing.T) {
	for _, c := range faultCases() {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
				e.Run(dockertest.Spec{Name: "web"})
				c.check(t, e, cli)
			})
		})
	}
}

func (c faultCase) check(t *testing.T, e *dockertest.Engine, cli *client.Client) {
	t.Helper()
	undo := e.Fail(func(c dockertest.Call) bool { return c.Kind == "restart" && c.Name == "web" }, c.fault)
	begun := time.Now()
	if err := restartWithinAMinute(cli); !c.holds(err) {
		t.Errorf("error %v", err)
	}
	if took := time.Since(begun); took != c.takes {
		t.Errorf("took %v, want %v", took, c.takes)
	}
	if got := e.State("web").Restarts; got != c.effects {
		t.Errorf("%d restarts, want %d", got, c.effects)
	}
	undo()
	must(t, restartWithinAMinute(cli))
	if got := e.State("web").Restarts; got != c.effects+1 {
		t.Errorf("after undo: %d restarts", got)
	}
}

func TestCalls(t *testing.T) {
	bubble(t, dockertest.Options{}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		id := e.Run(dockertest.Spec{Name: "web", StopTakes: time.Second})
		var told []dockertest.Call
		e.OnCall(func(c dockertest.Call) { told = append(told, c) })
		begun := time.Now()
		must(t, cli.ContainerRestart(t.Context(), id[:12], seconds(3)))
		_ = cli.ContainerKill(t.Context(), "nosuch", "")
		calls := e.Calls()
		if len(calls) != 3 || calls[0].Kind != "ping" || len(told) != 3 || told[1].Status != 0 {
			t.Fatalf("calls %+v\ntold %+v", calls, told)
		}
		want := dockertest.Call{
			At: begun, Method: "POST", Path: "/v1.41/containers/" + id[:12] + "/restart",
			Query: "t=3", Kind: "restart", ID: id, Name: "web", Status: 204,
		}
		if got := calls[1]; got != want {
			t.Errorf("call %+v\nwant %+v", got, want)
		}
		if got := calls[2]; got.ID != "" || got.Name != "nosuch" || got.Status != 404 {
			t.Errorf("call %+v", got)
		}
	})
}
