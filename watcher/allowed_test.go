package watcher

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"defib/heal"
	"defib/internal/dockertest"
)

// asking runs a story with a watcher that does not run.
func asking(t *testing.T, o dockertest.Options, story func(t *testing.T, eng *dockertest.Engine, w *Watcher)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		eng, pipe := dockertest.New(o), dockertest.NewPipe()
		eng.Serve(pipe)
		story(t, eng, New(Options{
			Endpoint:  Endpoint{Host: "tcp://engine:2375", Dial: pipe.DialContext},
			Selection: Selection{Key: "autoheal"}, CallTimeout: 30 * time.Second,
		}))
		eng.Close()
	})
}

// TestEndpointAsksWithoutEffect: everything that is asked for is asked of a
// container that cannot exist, and an engine allows all.
func TestEndpointAsksWithoutEffect(t *testing.T) {
	for _, o := range []dockertest.Options{{}, {Version: "29.0.0"}, {Podman: true}} {
		asking(t, o, func(t *testing.T, eng *dockertest.Engine, w *Watcher) {
			eng.Run(sickly("web", true))
			before := eng.State("web")
			r, err := w.Endpoint(t.Context())
			if err != nil || r.Engine == "" || r.API == "" || r.Host != "dockertest" {
				t.Errorf("%+v, %v", r, err)
			}
			var names []string
			for _, a := range r.Allowed {
				names = append(names, a.What)
				if !a.OK || a.Why != "" {
					t.Errorf("%+v: %+v", o, a)
				}
			}
			if want := []string{"ping", "list", "events", "inspect", "restart", "stop", "info", "logs"}; !slices.Equal(names, want) {
				t.Errorf("asked: %v; want %v", names, want)
			}
			if after := eng.State("web"); after.Starts != before.Starts || after.Status != before.Status {
				t.Errorf("it had an effect: %+v", after)
			}
			for _, c := range eng.Calls() {
				if c.Method == "POST" && c.Name != nobody {
					t.Errorf("asked for a real one: %+v", c)
				}
			}
		})
	}
}

// TestEndpointForbids: what a proxy does not let through is told with what to
// allow, and nothing else is; what cannot be known is not taken for allowed.
func TestEndpointForbids(t *testing.T) {
	for kind, allow := range map[string]string{
		"list": "CONTAINERS=1", "events": "EVENTS=1", "inspect": "CONTAINERS=1", "restart": "ALLOW_RESTARTS=1", "stop": "ALLOW_STOP=1", "info": "INFO=1", "logs": "GET /containers/{id}/logs",
	} {
		for _, f := range []dockertest.Fault{{Status: 403, Body: "<html>403</html>"}, {Status: 500, Body: "something broke"}, {Hang: true}} {
			asking(t, dockertest.Options{}, func(t *testing.T, eng *dockertest.Engine, w *Watcher) {
				eng.Fail(func(c dockertest.Call) bool { return c.Kind == kind }, f)
				began := time.Now()
				r, err := w.Endpoint(t.Context())
				if err != nil || time.Since(began) > listTimeout+time.Second {
					t.Errorf("%s: %v after %s", kind, err, time.Since(began))
				}
				for _, a := range r.Allowed {
					switch {
					case a.What != kind && !a.OK, a.What == kind && a.OK:
						t.Errorf("%s %+v: %+v", kind, f, a)
					case a.What == kind && f.Status == 403 && !strings.Contains(a.Why, allow):
						t.Errorf("%s: %s; want %s", kind, a.Why, allow)
					case a.What == kind && f.Status != 403 && !strings.Contains(a.Why, "not known"):
						t.Errorf("%s %+v: %s", kind, f, a.Why)
					}
				}
			})
		}
	}
}

// TestEndpointHangs: an engine that hangs is waited for once, not once a call.
func TestEndpointHangs(t *testing.T) {
	asking(t, dockertest.Options{}, func(t *testing.T, eng *dockertest.Engine, w *Watcher) {
		eng.Fail(func(c dockertest.Call) bool { return c.Kind != "ping" }, dockertest.Fault{Hang: true})
		began := time.Now()
		r, err := w.Endpoint(t.Context())
		if took := time.Since(began); err != nil || took > listTimeout+time.Second || r.Allowed[1].OK {
			t.Errorf("%+v, %v after %s", r, err, took)
		}
	})
}

func TestEndpointAway(t *testing.T) {
	asking(t, dockertest.Options{}, func(t *testing.T, eng *dockertest.Engine, w *Watcher) {
		eng.Fail(func(c dockertest.Call) bool { return c.Kind == "ping" }, dockertest.Fault{Status: 403, Body: "<html>403</html>"})
		if _, err := w.Endpoint(t.Context()); err == nil || !strings.Contains(err.Error(), "PING=1") {
			t.Errorf("a ping that is not allowed: %v", err)
		}
		eng.Down()
		if _, err := w.Endpoint(t.Context()); err == nil || !strings.Contains(err.Error(), "tcp://engine:2375") {
			t.Errorf("an engine that is away: %v", err)
		}
	})
}

// TestExamine: what explain needs of one container.
func TestExamine(t *testing.T) {
	asking(t, dockertest.Options{}, func(t *testing.T, eng *dockertest.Engine, w *Watcher) {
		vpn := eng.Run(sickly("vpn", true))
		id := eng.Run(dockertest.Spec{
			Name: "web", NetworkMode: "container:vpn", RestartPolicy: "always", StopTimeout: 20 * time.Second,
			Labels: map[string]string{
				"autoheal": "true", "autoheal.action": "stop", "note": strings.Repeat("x", 100), "com.docker.compose.project": "shop", "com.docker.compose.service": "web",
				"com.docker.compose.depends_on": "db:service_healthy:true,cache:service_started:false", "autoheal.restart-with": "other",
			},
			Health: &dockertest.Health{Interval: 5 * time.Second, Timeout: time.Second, StartPeriod: 7 * time.Second, Retries: 2},
		})
		time.Sleep(10 * time.Second)
		if err := eng.Sicken("web", "no answer"); err != nil {
			t.Error(err)
		}
		time.Sleep(20 * time.Second)
		e, err := w.Examine(t.Context(), id)
		s := e.Seen
		if err != nil || e.Container.Name != "web" || s.Health != heal.Unhealthy || s.Streak < 2 || s.StopTimeout != 20*time.Second ||
			s.Timing != (heal.Timing{Interval: 5 * time.Second, Timeout: time.Second, StartPeriod: 7 * time.Second, Retries: 2}) || e.RestartPolicy != "always" ||
			len(e.Probes) == 0 || e.Probes[len(e.Probes)-1].Output != "no answer" || e.Now.Sub(s.StartedAt) < 20*time.Second {
			t.Errorf("%+v, %v", e, err)
		}
		if want := []Need{{"other", heal.TieLabel, true}, {"shop/cache", heal.TieStarted, false}, {"shop/db", heal.TieHealthy, true}}; !slices.Equal(e.Needs, want) {
			t.Errorf("needs: %+v", e.Needs)
		}
		if len(e.Owners) != 1 || e.Owners[0].Name != "vpn" || e.Owners[0].Gone || e.Owners[0].Status != heal.StatusRunning {
			t.Errorf("owners: %+v", e.Owners)
		}
		if len(e.Labels) != 3 || e.Labels["autoheal.action"] != "stop" {
			t.Errorf("labels: %v", e.Labels)
		}
		if err := eng.Remove("vpn", true); err != nil {
			t.Error(err)
		}
		if e, err := w.Examine(t.Context(), id); err != nil || len(e.Owners) != 1 || !e.Owners[0].Gone || e.Owners[0].ID != vpn {
			t.Errorf("an owner that is gone: %+v, %v", e.Owners, err)
		}
		if _, err := w.Examine(t.Context(), vpn); err == nil || !strings.Contains(err.Error(), "No such container") {
			t.Errorf("one that is gone: %v", err)
		}
		eng.Fail(func(c dockertest.Call) bool { return c.Kind == "inspect" }, dockertest.Fault{Status: 403, Body: "<html>403</html>"})
		if _, err := w.Examine(t.Context(), id); err == nil || !strings.Contains(err.Error(), "CONTAINERS=1") {
			t.Errorf("not allowed: %v", err)
		}
	})
}
