package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"defib/heal"
	"defib/internal/dockertest"
	"defib/status"
	"defib/watcher"
)

// aView runs the whole program on an engine in the process that runs these
// containers, in virtual time.
func aView(t *testing.T, dir string, run []dockertest.Spec, look func(v *view, eng *dockertest.Engine)) {
	t.Helper()
	eng, pipe := dockertest.New(dockertest.Options{}), dockertest.NewPipe()
	eng.Serve(pipe)
	defer eng.Close()
	for _, spec := range run {
		eng.Run(spec)
	}
	c, _, wrong := load([]string{"DOCKER_HOST=tcp://engine:2375", "AUTOHEAL_STATE_DIR=" + dir, "AUTOHEAL_HOST_NAME=box"})
	if len(wrong) > 0 {
		t.Error(wrong)
		return
	}
	p, err := assemble(c, zerolog.Nop(), func(o *watcher.Options) { o.Endpoint.Dial = pipe.DialContext })
	if err != nil {
		t.Error(err)
		return
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { p.watcher.Run(ctx) })
	running.Go(func() { _ = p.notifier.Run(ctx) })
	p.view.recall()
	look(p.view, eng)
	cancel()
	running.Wait()
}

func of(t *testing.T, all []status.Container, name string) status.Container {
	t.Helper()
	i := slices.IndexFunc(all, func(c status.Container) bool { return c.Name == name })
	if i < 0 {
		t.Errorf("%s is not among %d", name, len(all))
		return status.Container{}
	}
	return all[i]
}

// TestView: what people see of a container that is healed, one that is not
// watched, and after a restart of defib of what was before it.
func TestView(t *testing.T) {
	dir := t.TempDir()
	var before status.Incident
	synctest.Test(t, func(t *testing.T) {
		health := &dockertest.Health{Interval: 5 * time.Second, Timeout: time.Second, Retries: 2, HealedByRestart: true}
		aView(t, dir, []dockertest.Spec{
			{Name: "web", Labels: map[string]string{"autoheal": "true"}, Health: health},
			{Name: "<b>other", Labels: map[string]string{"autoheal": "flase"}},
			{Name: "bare", Labels: map[string]string{"autoheal": "true"}},
		}, func(v *view, eng *dockertest.Engine) {
			time.Sleep(20 * time.Second)
			if err := eng.Sicken("web", "no answer"); err != nil {
				t.Error(err)
			}
			time.Sleep(12 * time.Second)
			all, err := v.Containers(t.Context())
			if err != nil || len(all) != 3 {
				t.Error(len(all), err)
			}
			c := of(t, all, "web")
			if !c.Watched || c.Phase != "recovering" || c.Restart != 1 || c.Budget != 5 || c.Incident == "" || !c.Would || c.Since == nil {
				t.Errorf("web: %+v", c)
			}
			if c := of(t, all, "<b>other"); c.Watched || c.Would || len(c.Warnings) != 1 || !strings.Contains(c.Outlook, "not watched") {
				t.Errorf("other: %+v", c)
			}
			if c := of(t, all, "bare"); !slices.Contains(c.Warnings, "it has no HEALTHCHECK") || c.Would {
				t.Errorf("bare: %+v", c)
			}
			time.Sleep(time.Minute)
			in, known := v.Incident(c.Incident)
			if !known || in.Status != "resolved" || len(in.Happenings) != 2 || in.Happenings[0].Evidence == nil || !strings.Contains(in.Happenings[0].Title, "web unhealthy on box") {
				t.Errorf("%+v", in)
			}
			before = in
			if n := v.tally(); n.Watched != 2 || n.Phases[heal.Steady]+n.Phases[heal.Recovering] == 0 {
				t.Errorf("counted %+v", n)
			}
			e := v.Engine()
			if !e.OK || !e.Stream || e.Host != "box" || e.Engine == "" || e.Endpoint != "tcp://engine:2375" || e.Action != "restart" {
				t.Errorf("%+v", e)
			}
			if e.Pauses == nil || v.Receivers() == nil {
				t.Error("a list that is empty is none")
			}
		})
	})
	synctest.Test(t, func(t *testing.T) {
		aView(t, dir, nil, func(v *view, _ *dockertest.Engine) {
			in, known := v.Incident(before.ID)
			if !known || in.Title != before.Title || len(in.Happenings) != 2 || in.Happenings[0].Text != before.Happenings[0].Text {
				t.Errorf("after a restart: %+v, before it %+v", in, before)
			}
		})
	})
}
