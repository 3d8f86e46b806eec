package dockertest_test

import (
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/client"

	"defib/internal/dockertest"
)

// TestAdopt: what an engine had before it was started has a past, and no events.
func TestAdopt(t *testing.T) {
	bubble(t, dockertest.Options{Version: "29.1.3"}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		since, begun := began(), time.Now()
		probes := func(sick bool) *dockertest.Health {
			return &dockertest.Health{Interval: 5 * time.Second, Takes: time.Second, Retries: 2, Sick: sick, Output: "no db", HealedByRestart: true}
		}
		e.Adopt(dockertest.Spec{Name: "web", Health: probes(false)}, 50*time.Hour)
		e.Adopt(dockertest.Spec{Name: "sick", Health: probes(true)}, time.Hour)
		e.Adopt(dockertest.Spec{Name: "plain"}, time.Hour)
		e.Adopt(dockertest.Spec{Name: "young", Health: probes(true)}, time.Second)

		for name, want := range map[string]struct {
			health string
			streak int
			probes int
			age    time.Duration
		}{
			"web": {"healthy", 0, 5, 50 * time.Hour}, "sick": {"unhealthy", 600, 5, time.Hour},
			"plain": {"", 0, 0, time.Hour}, "young": {"starting", 0, 0, time.Second},
		} {
			in, err := cli.ContainerInspect(t.Context(), name)
			must(t, err)
			started, err := time.Parse(time.RFC3339Nano, in.State.StartedAt)
			must(t, err)
			created, err := time.Parse(time.RFC3339Nano, in.Created)
			must(t, err)
			if begun.Sub(started) != want.age || begun.Sub(created) != want.age {
				t.Errorf("%s: created %s, started %s ago", name, begun.Sub(created), begun.Sub(started))
			}
			h := in.State.Health
			switch {
			case h == nil:
				h = &container.Health{}
			case len(h.Log) > 0 && !h.Log[len(h.Log)-1].End.Equal(begun):
				t.Errorf("%s: the last probe ended at %s", name, h.Log[len(h.Log)-1].End)
			}
			if h.Status != want.health || h.FailingStreak != want.streak || len(h.Log) != want.probes {
				t.Errorf("%s: %s, streak %d, %d probes", name, h.Status, h.FailingStreak, len(h.Log))
			}
		}
		list, err := cli.ContainerList(t.Context(), container.ListOptions{})
		must(t, err)
		equal(t, "ps", []string{list[3].Status, list[2].Status}, []string{"Up 2 days (healthy)", "Up About an hour (unhealthy)"})

		time.Sleep(5 * time.Second) // the probe of web goes on, the restart heals
		must(t, e.Restart("sick", 0))
		time.Sleep(7 * time.Second)
		if s := e.State("sick"); s.Health != "healthy" || time.Since(s.StartedAt) != 7*time.Second {
			t.Errorf("after a restart: %+v", s)
		}
		late, _ := cli.Events(t.Context(), events.ListOptions{Since: since})
		if m := <-late; m.Action != "kill" {
			t.Errorf("the first event is %s of %s", m.Action, m.Actor.Attributes["name"])
		}
	})
}

// TestKeptCalls: a long-lived engine forgets the older calls.
func TestKeptCalls(t *testing.T) {
	e, cli := serve(t, dockertest.Options{KeptCalls: 10})
	for range 100 {
		_, err := cli.Ping(t.Context())
		must(t, err)
	}
	if n := len(e.Calls()); n < 5 || n > 10 {
		t.Errorf("%d calls are kept", n)
	}
}
