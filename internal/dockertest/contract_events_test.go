package dockertest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

func eventContracts() []contract {
	return []contract{
		{"event shape", holdEventShape},
		{"restart makes kill die stop start restart", holdRestartEvents},
		{"restart of a stubborn container kills", holdStubbornRestart},
		{"stop, kill, signal, remove", holdStopEvents},
		{"pause and rename", holdPauseRename},
		{"stop of a paused container unpauses", holdStopPaused},
		{"since is inclusive", holdSince},
		{"labels override attributes", holdLabelOverride},
		{"event filters", holdEventFilters},
		{"live stream", holdLiveStream},
	}
}

func holdEventShape(t *testing.T, s subject) {
	since := began()
	id, name := s.run(t, spec{labels: map[string]string{"com.x": "y"}})
	s.saw(t, id, since, "create", "start")
	m := s.past(t, id, since)[1]
	var old struct{ Status, ID, From string } // deprecated in the client, but sent below API 1.52
	encoded, err := json.Marshal(m)
	if err == nil {
		err = json.Unmarshal(encoded, &old)
	}
	if err != nil || m.Type != "container" || m.Scope != "local" || old.ID != id || old.Status != "start" || old.From != contractImage {
		t.Errorf("event %s, %v", encoded, err)
	}
	if m.TimeNano/1e9 != m.Time || time.Since(time.Unix(0, m.TimeNano)) > time.Minute {
		t.Errorf("time %d and timeNano %d", m.Time, m.TimeNano)
	}
	want := map[string]string{"com.x": "y", contractLabel: "1", "image": contractImage, "name": name}
	if fmt.Sprint(m.Actor.Attributes) != fmt.Sprint(want) || m.Actor.ID != id {
		t.Errorf("actor %+v, want attributes %v", m.Actor, want)
	}
}

func holdRestartEvents(t *testing.T, s subject) {
	id, _ := s.run(t, spec{})
	since := began()
	if err := s.cli.ContainerRestart(t.Context(), id, seconds(5)); err != nil {
		t.Fatal(err)
	}
	s.saw(t, id, since, slices.Concat([]string{"kill 15"}, s.exitEvents("0"), []string{"start", "restart"})...)
}

func holdStubbornRestart(t *testing.T, s subject) {
	id, _ := s.run(t, spec{stubborn: true, grace: time.Second})
	since, begun := began(), time.Now()
	if err := s.cli.ContainerRestart(t.Context(), id, container.StopOptions{}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took < time.Second || took > 5*time.Second {
		t.Errorf("restart took %v with a stop timeout of 1 s", took)
	}
	s.saw(t, id, since, slices.Concat([]string{"kill 15", "kill 9"}, s.exitEvents("137"), []string{"start", "restart"})...)
}

func holdStopEvents(t *testing.T, s subject) {
	id, _ := s.run(t, spec{})
	since := began()
	if err := s.cli.ContainerKill(t.Context(), id, "HUP"); err != nil {
		t.Fatal(err)
	}
	s.saw(t, id, since, "kill 1")
	since = began()
	if err := s.cli.ContainerStop(t.Context(), id, seconds(5)); err != nil {
		t.Fatal(err)
	}
	s.saw(t, id, since, slices.Concat([]string{"kill 15"}, s.exitEvents("0"))...)
	since = began()
	if err := s.cli.ContainerRestart(t.Context(), id, seconds(5)); err != nil {
		t.Fatal(err)
	}
	s.saw(t, id, since, "start", "restart")
	since = began()
	if err := s.cli.ContainerKill(t.Context(), id, ""); err != nil {
		t.Fatal(err)
	}
	s.saw(t, id, since, "kill 9", "die 137")
	if err := s.cli.ContainerStart(t.Context(), id, container.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	since = began()
	if err := s.cli.ContainerRemove(t.Context(), id, container.RemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	s.saw(t, id, since, "kill 9", "die 137", "destroy")
}

func holdPauseRename(t *testing.T, s subject) {
	id, name := s.run(t, spec{})
	since := began()
	if err := s.cli.ContainerPause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := s.cli.ContainerPause(t.Context(), id); err == nil || !strings.Contains(err.Error(), "already paused") {
		t.Errorf("second pause: %v", err)
	}
	if err := s.cli.ContainerUnpause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := s.cli.ContainerUnpause(t.Context(), id); err == nil || !strings.Contains(err.Error(), "is not paused") {
		t.Errorf("second unpause: %v", err)
	}
	if err := s.cli.ContainerRename(t.Context(), id, name+"x"); err != nil {
		t.Fatal(err)
	}
	s.saw(t, id, since, "pause", "unpause", "rename /"+name)
	msgs := s.past(t, id, since)
	if got := msgs[2].Actor.Attributes["name"]; got != name+"x" {
		t.Errorf("rename event has name %s", got)
	}
	if got := s.inspect(t, id).Name; got != "/"+name+"x" {
		t.Errorf("renamed to %s", got)
	}
}

func holdStopPaused(t *testing.T, s subject) {
	id, _ := s.run(t, spec{stubborn: true})
	if err := s.cli.ContainerPause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	since := began()
	if err := s.cli.ContainerRestart(t.Context(), id, seconds(1)); err != nil {
		t.Fatal(err)
	}
	s.saw(t, id, since, slices.Concat([]string{"kill 15", "unpause", "kill 9"}, s.exitEvents("137"), []string{"start", "restart"})...)
}

func holdSince(t *testing.T, s subject) {
	begun := began()
	id, _ := s.run(t, spec{created: true})
	time.Sleep(10 * time.Millisecond)
	if err := s.cli.ContainerStart(t.Context(), id, container.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	s.saw(t, id, begun, "create", "start")
	last := s.past(t, id, begun)[1]
	at := func(nano int64) string { return fmt.Sprintf("%d.%09d", nano/1e9, nano%1e9) }
	nano := last.TimeNano
	if s.major >= 29 { // rounded, fact 2.4
		nano -= 256
	}
	if got := actions(s.past(t, id, at(nano))); !slices.Equal(got, []string{"start"}) {
		t.Errorf("since its very time: %q", got)
	}
	if got := actions(s.past(t, id, at(nano+1024))); len(got) != 0 {
		t.Errorf("since a moment later: %q", got)
	}
	if got := actions(s.past(t, id, fmt.Sprint(last.Time))); got[len(got)-1] != "start" {
		t.Errorf("since the whole second: %q", got)
	}
}

func holdLabelOverride(t *testing.T, s subject) {
	labels := map[string]string{"exitCode": "99", "signal": "77", "name": "evil", "image": "evil"}
	id, name := s.run(t, spec{labels: labels})
	since := began()
	if err := s.cli.ContainerKill(t.Context(), id, "KILL"); err != nil {
		t.Fatal(err)
	}
	s.saw(t, id, since, "kill 77 99", "die 77 99")
	attrs := s.past(t, id, since)[0].Actor.Attributes
	if attrs["name"] != name || attrs["image"] != contractImage {
		t.Errorf("attributes %v", attrs)
	}
}

func holdEventFilters(t *testing.T, s subject) {
	since := began()
	id, _ := s.run(t, spec{probed: true, labels: map[string]string{"autoheal": "true"}})
	s.awaitHealth(t, id, "healthy")
	s.sicken(t, id, "no db")
	s.awaitHealth(t, id, "unhealthy")
	healthy, unhealthy := "health_status: healthy", "health_status: unhealthy"
	for _, c := range []struct {
		filter []string // key, value, key, value ...
		want   []string
	}{
		{[]string{"event", "health_status"}, []string{healthy, unhealthy}},
		{[]string{"event", unhealthy}, []string{unhealthy}},
		{[]string{"event", "health_stat"}, nil},
		{[]string{"event", "health_status", "event", "start"}, []string{"start", healthy, unhealthy}},
		{[]string{"event", "health_status", "event", "sta"}, []string{"start", healthy, unhealthy}},
		{[]string{"event", "start", "label", "autoheal"}, []string{"start"}},
		{[]string{"event", "start", "label", "autoheal=true"}, []string{"start"}},
		{[]string{"event", "start", "label", "autoheal=true", "label", "com.x"}, nil},
		{[]string{"event", "start", "type", "container"}, []string{"start"}},
		{[]string{"event", "start", "type", "image"}, nil},
		{[]string{"event", "start", "image", contractImage}, []string{"start"}},
		{[]string{"event", "start", "image", "defib-contract"}, []string{"start"}},
	} {
		var f []filters.KeyValuePair
		for i := 0; i < len(c.filter); i += 2 {
			f = append(f, filters.Arg(c.filter[i], c.filter[i+1]))
		}
		if got := actions(s.past(t, id, since, f...)); !slices.Equal(got, c.want) {
			t.Errorf("filter %q\n got %q\nwant %q", c.filter, got, c.want)
		}
	}
	if got := s.past(t, id, since, filters.Arg("event", "exec_die")); len(got) == 0 || got[0].Actor.Attributes["execID"] == "" {
		t.Errorf("the probes made no exec_die: %v", got)
	}
	if got := s.past(t, id, since, filters.Arg("event", "exec_create")); len(got) == 0 || !strings.HasPrefix(string(got[0].Action), "exec_create: ") {
		t.Errorf("the probes made no exec_create: %v", got)
	}
}

func holdLiveStream(t *testing.T, s subject) {
	id, _ := s.run(t, spec{})
	msgs, errs := s.cli.Events(t.Context(), events.ListOptions{
		Since:   began(), // closes the gap of fact 2.6
		Filters: filters.NewArgs(filters.Arg("container", id), filters.Arg("event", "kill")),
	})
	for _, want := range []string{"1", "10"} {
		if err := s.cli.ContainerKill(t.Context(), id, want); err != nil {
			t.Fatal(err)
		}
		select {
		case m := <-msgs:
			if got := m.Actor.Attributes["signal"]; got != want {
				t.Errorf("signal %s, want %s", got, want)
			}
		case err := <-errs:
			t.Fatal(err)
		case <-time.After(5 * time.Second):
			t.Fatal("no event in 5 s")
		}
	}
}
