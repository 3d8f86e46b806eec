package dockertest_test

import (
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
)

func healthContracts() []contract {
	return []contract{
		{"an unhealthy container", holdUnhealthy},
		{"restart renews the health", holdHealthRestart},
		{"stale health of paused and exited", holdStaleHealth},
		{"no health check", holdNoHealth},
	}
}

func holdUnhealthy(t *testing.T, s subject) {
	since := began()
	id, _ := s.run(t, spec{probed: true})
	if got := s.inspect(t, id).State.Health; got.Status != "starting" || got.FailingStreak != 0 || got.Log == nil {
		t.Errorf("at the start: %+v", got)
	}
	if got := s.listed(t, id, false)[0].Status; !strings.HasSuffix(got, " (health: starting)") || !strings.HasPrefix(got, "Up ") {
		t.Errorf("status %q", got)
	}
	s.awaitHealth(t, id, "healthy")
	s.sicken(t, id, "no db")
	s.awaitHealth(t, id, "unhealthy")
	s.eventually(t, func() bool { return s.inspect(t, id).State.Health.FailingStreak > 6 }, func() { t.Error("the streak does not grow") })

	h := s.inspect(t, id).State.Health
	if len(h.Log) != 5 {
		t.Errorf("%d probes in the log, want 5", len(h.Log))
	}
	last := h.Log[len(h.Log)-1]
	if last.ExitCode != 1 || last.Output != "no db" || last.End.Before(last.Start) {
		t.Errorf("last probe %+v", last)
	}
	s.saw(t, id, since, "create", "start", "health_status: healthy", "health_status: unhealthy")
	if got := s.listed(t, id, false, filters.Arg("health", "unhealthy")); len(got) != 1 || !strings.HasSuffix(got[0].Status, " (unhealthy)") {
		t.Errorf("listed %+v", got)
	}
	if got := s.listed(t, id, false, filters.Arg("health", "starting"), filters.Arg("health", "healthy")); len(got) != 0 {
		t.Errorf("listed as starting or healthy %+v", got)
	}
}

func holdHealthRestart(t *testing.T, s subject) {
	id, _ := s.run(t, spec{probed: true})
	s.sicken(t, id, "no db")
	s.awaitHealth(t, id, "unhealthy")
	since := began()
	if err := s.cli.ContainerRestart(t.Context(), id, seconds(5)); err != nil {
		t.Fatal(err)
	}
	state := s.inspect(t, id).State
	if h := state.Health; h.Status != "starting" || h.FailingStreak != 0 || len(h.Log) == 0 {
		t.Errorf("after the restart: %+v", h)
	}
	s.awaitHealth(t, id, "unhealthy")
	var found bool
	for _, m := range s.past(t, id, since) {
		found = found || m.Action == "health_status: unhealthy"
	}
	if !found {
		t.Error("no second health_status: unhealthy")
	}
}

func holdStaleHealth(t *testing.T, s subject) {
	unhealthy := filters.Arg("health", "unhealthy")
	id, _ := s.run(t, spec{probed: true})
	s.sicken(t, id, "no db")
	s.awaitHealth(t, id, "unhealthy")
	if err := s.cli.ContainerPause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := s.listed(t, id, false, unhealthy); len(got) != 1 || got[0].State != "paused" || !strings.HasSuffix(got[0].Status, " (Paused)") {
		t.Errorf("paused: listed %+v", got)
	}
	if got := s.listed(t, id, false, unhealthy, filters.Arg("status", "running")); len(got) != 0 {
		t.Errorf("paused: listed as running %+v", got)
	}
	if err := s.cli.ContainerUnpause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := s.inspect(t, id).State.Health.Status; got != "unhealthy" {
		t.Errorf("unpaused: %s", got)
	}
	if err := s.cli.ContainerStop(t.Context(), id, container.StopOptions{}); err != nil {
		t.Fatal(err)
	}
	s.awaitStatus(t, id, "exited")
	if got := s.inspect(t, id).State.Health.Status; got != "unhealthy" {
		t.Errorf("exited: %s", got)
	}
	if got := s.listed(t, id, false, unhealthy); len(got) != 0 {
		t.Errorf("exited: listed without all %+v", got)
	}
	if got := s.listed(t, id, true, unhealthy); len(got) != 1 || got[0].State != "exited" || !strings.HasPrefix(got[0].Status, "Exited (0) ") {
		t.Errorf("exited: listed with all %+v", got)
	}
}

func holdNoHealth(t *testing.T, s subject) {
	id, _ := s.run(t, spec{})
	in := s.inspect(t, id)
	if in.State.Health != nil || in.Config.Healthcheck != nil {
		t.Errorf("health %+v of %+v", in.State.Health, in.Config.Healthcheck)
	}
	if got := s.listed(t, id, false, filters.Arg("health", "none")); len(got) != 1 || strings.Contains(got[0].Status, "(") {
		t.Errorf("listed %+v", got)
	}
}
