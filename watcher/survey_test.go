package watcher

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"defib/heal"
	"defib/internal/dockertest"
)

func named(t *testing.T, rows []Row, name string) Row {
	t.Helper()
	i := slices.IndexFunc(rows, func(r Row) bool { return r.Container.Name == name })
	if i < 0 {
		t.Errorf("%s is not among %d", name, len(rows))
		return Row{}
	}
	return rows[i]
}

// TestSurvey: all containers are there, with the rule, and of those with which
// something is wrong what the running watcher remembers.
func TestSurvey(t *testing.T) {
	lives(t, nil, func(l life) {
		l.eng.Run(sickly("web", false))
		l.eng.Run(sickly("well", true))
		l.eng.Run(dockertest.Spec{Name: "other"})
		l.eng.Run(dockertest.Spec{Name: "bare", Labels: map[string]string{"autoheal": "true", "autoheal.actoin": "stop"}})
		l.eng.Run(dockertest.Spec{Name: "behind", NetworkMode: "container:well", Labels: map[string]string{"autoheal": "true"}})
		time.Sleep(20 * time.Second)
		if _, err := l.w.Pause(context.Background(), []heal.Pause{{Container: "bare", Since: time.Now(), Until: time.Now().Add(time.Hour)}}); err != nil {
			t.Error(err)
		}
		l.sicken(t, "web")
		time.Sleep(20 * time.Second)
		synctest.Wait()
		rows, err := l.w.Survey(context.Background())
		if err != nil || len(rows) != 5 || !slices.IsSortedFunc(rows, func(a, b Row) int { return strings.Compare(a.Container.Name, b.Container.Name) }) {
			t.Error(len(rows), err)
			return
		}
		if r := named(t, rows, "web"); !r.Watched || r.State.Phase != heal.Recovering || r.State.Spent(r.Policy, time.Now()) != 1 || r.Incident == "" ||
			r.Incident != l.all[0].Incident {
			t.Errorf("web: %+v", r)
		}
		if r := named(t, rows, "well"); r.Health != heal.Healthy || r.Incident != "" || r.State.Phase != heal.Steady || !slices.Equal(r.Dependents, []string{"behind"}) {
			t.Errorf("well: %+v", r)
		}
		if r := named(t, rows, "other"); r.Watched || r.Rule != "it has no label autoheal" || r.Health != heal.HealthNone {
			t.Errorf("other: %+v", r)
		}
		if r := named(t, rows, "bare"); len(r.Warnings) != 1 || r.Paused.Before(time.Now().Add(50*time.Minute)) {
			t.Errorf("bare: %+v", r)
		}
	})
}

// TestSurveyWithoutAWatch: one that does not run connects by itself.
func TestSurveyWithoutAWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		eng, pipe := dockertest.New(dockertest.Options{}), dockertest.NewPipe()
		eng.Serve(pipe)
		eng.Run(sickly("web", true))
		w := New(Options{Endpoint: Endpoint{Host: "tcp://engine:2375", Dial: pipe.DialContext}, Selection: Selection{Key: "autoheal"}, CallTimeout: time.Second})
		rows, err := w.Survey(t.Context())
		if err != nil || len(rows) != 1 || !rows[0].Watched || rows[0].Health != heal.HealthStarting {
			t.Errorf("%+v, %v", rows, err)
		}
		eng.Fail(func(c dockertest.Call) bool { return c.Kind == "list" }, dockertest.Fault{Status: 403, Body: "<html>no</html>"})
		if _, err := w.Survey(t.Context()); err == nil || !strings.Contains(err.Error(), "allow GET /containers/json") {
			t.Errorf("a list that is not allowed: %v", err)
		}
		eng.Close()
		if _, err := w.Survey(t.Context()); err == nil {
			t.Error("an engine that is gone gives no error")
		}
	})
}

// TestSurveyOfPodman: its lists do not tell of health, which is not the same as
// that there is no health check.
func TestSurveyOfPodman(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		eng, pipe := dockertest.New(dockertest.Options{Podman: true}), dockertest.NewPipe()
		eng.Serve(pipe)
		eng.Run(sickly("web", true))
		w := New(Options{Endpoint: Endpoint{Host: "tcp://engine:2375", Dial: pipe.DialContext}, Selection: Selection{Key: "autoheal"}, CallTimeout: time.Second})
		rows, err := w.Survey(t.Context())
		if err != nil || len(rows) != 1 || rows[0].Health != heal.HealthUnknown {
			t.Errorf("%+v, %v", rows, err)
		}
		eng.Close()
	})
}

func TestHealthIn(t *testing.T) {
	for words, want := range map[string]heal.Health{
		"Up 2 hours (healthy)": heal.Healthy, "Up 5 seconds (unhealthy)": heal.Unhealthy, "Up 1 second (health: starting)": heal.HealthStarting,
		"Up 3 days": heal.HealthNone, "": heal.HealthUnknown, "Up 2 seconds (Paused)": heal.HealthNone,
	} {
		if got := healthIn(words, heal.StatusRunning); got != want {
			t.Errorf("%q: %v", words, got)
		}
	}
	if got := healthIn("Exited (0) 5 minutes ago", heal.StatusExited); got != heal.HealthUnknown {
		t.Errorf("exited: %v", got)
	}
}
