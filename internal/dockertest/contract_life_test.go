package dockertest_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
)

func lifeContracts() []contract {
	return []contract{
		{"restart starts what does not run", holdRestartStarts},
		{"restart survives its client", holdClientGone},
		{"two restarts at once", holdTwoRestarts},
		{"restart undoes a stop in progress", holdRestartDuringStop},
		{"restart policy", holdPolicy},
		{"start in the network of a stopped container", holdOwnerStopped},
		{"remove during a restart", holdRemoveDuringRestart},
		{"signals to a paused container", holdPausedSignals},
		{"a signal turns the restart policy off", holdSignalThenCrash},
	}
}

func holdRestartStarts(t *testing.T, s subject) {
	for _, c := range []spec{{created: true}, {policy: "unless-stopped"}} {
		id, _ := s.run(t, c)
		if err := s.cli.ContainerStop(t.Context(), id, seconds(5)); err != nil {
			t.Fatal(err)
		}
		since := began()
		if err := s.cli.ContainerRestart(t.Context(), id, seconds(5)); err != nil {
			t.Fatal(err)
		}
		s.awaitStatus(t, id, "running")
		s.saw(t, id, since, "start", "restart")
	}
}

func holdClientGone(t *testing.T, s subject) {
	id, _ := s.run(t, spec{stubborn: true})
	before := s.inspect(t, id).State.StartedAt
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := s.cli.ContainerRestart(ctx, id, seconds(1)); err == nil {
		t.Error("the restart was faster than its client's patience")
	}
	s.eventually(t, func() bool {
		state := s.inspect(t, id).State
		return state.Running && state.StartedAt != before
	}, func() { t.Error("the engine did not complete the restart") })
}

func holdTwoRestarts(t *testing.T, s subject) {
	id, _ := s.run(t, spec{stubborn: true})
	since := began()
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			time.Sleep(time.Duration(i) * 300 * time.Millisecond)
			if err := s.cli.ContainerRestart(t.Context(), id, seconds(2)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	count := map[string]int{}
	s.eventually(t, func() bool {
		clear(count)
		for _, a := range actions(s.past(t, id, since)) {
			count[a]++
		}
		return count["restart"] == 2
	}, func() {})
	if count["kill 15"] != 2 || count["stop"] != 2 || count["start"] != 1 || count["restart"] != 2 || count["die 137"] != 1 {
		t.Errorf("events %v", count)
	}
}

func holdRestartDuringStop(t *testing.T, s subject) {
	id, _ := s.run(t, spec{stubborn: true})
	stopped := make(chan error, 1)
	begun := time.Now()
	go func() { stopped <- s.cli.ContainerStop(t.Context(), id, seconds(6)) }()
	time.Sleep(500 * time.Millisecond)
	if err := s.cli.ContainerRestart(t.Context(), id, seconds(1)); err != nil {
		t.Error(err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
	if took := time.Since(begun); took > 4*time.Second {
		t.Errorf("the restart did not cut the grace: %v", took)
	}
	s.awaitStatus(t, id, "running")
}

func holdPolicy(t *testing.T, s subject) {
	id, _ := s.run(t, spec{policy: "always"})
	since := began()
	s.crash(t, id)
	s.saw(t, id, since, "die 3", "start")
	if got := s.inspect(t, id); got.RestartCount != 1 || !got.State.Running {
		t.Errorf("after the crash: count %d, state %+v", got.RestartCount, got.State)
	}
	if err := s.cli.ContainerRestart(t.Context(), id, seconds(5)); err != nil {
		t.Fatal(err)
	}
	if got := s.inspect(t, id).RestartCount; got != 0 {
		t.Errorf("after a restart by hand: count %d", got)
	}
	if err := s.cli.ContainerKill(t.Context(), id, "KILL"); err != nil {
		t.Fatal(err)
	}
	s.awaitStatus(t, id, "exited")
	time.Sleep(500 * time.Millisecond)
	if got := s.inspect(t, id); got.State.Running || got.RestartCount != 0 || got.State.ExitCode != 137 {
		t.Errorf("after a kill: count %d, state %+v", got.RestartCount, got.State)
	}
}

func holdOwnerStopped(t *testing.T, s subject) {
	owner, name := s.run(t, spec{})
	dep, depName := s.run(t, spec{network: "container:" + name, policy: "always"})
	if got := string(s.inspect(t, dep).HostConfig.NetworkMode); got != "container:"+owner {
		t.Errorf("network mode %s, want that of %s", got, owner)
	}
	if got := s.listed(t, dep, false)[0]; got.HostConfig.NetworkMode != "container:"+owner || len(got.NetworkSettings.Networks) != 0 {
		t.Errorf("list entry %+v", got)
	}
	if err := s.cli.ContainerStop(t.Context(), owner, seconds(5)); err != nil {
		t.Fatal(err)
	}
	since := began()
	err := s.cli.ContainerRestart(t.Context(), depName, seconds(5))
	s.refusedToStart(t, dep, err, "Cannot restart container "+depName+": cannot join network ")
	s.saw(t, dep, since, append([]string{"kill 15"}, s.exitEvents("0")...)...)
	if err := s.cli.ContainerRemove(t.Context(), owner, container.RemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	err = s.cli.ContainerStart(t.Context(), dep, container.StartOptions{})
	s.refusedToStart(t, dep, err, "No such container: "+owner)
	s.refusedToStart(t, dep, s.cli.ContainerRestart(t.Context(), dep, container.StopOptions{}), "No such container: "+owner)
}

func (s subject) refusedToStart(t *testing.T, id string, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("start: %v, want %q", err, text)
	}
	state := s.inspect(t, id).State
	if state.Status != "exited" || state.ExitCode == 0 || state.Error == "" {
		t.Errorf("state %+v", state)
	}
}

func holdRemoveDuringRestart(t *testing.T, s subject) {
	id, _ := s.run(t, spec{stubborn: true})
	since := began()
	restarted := make(chan error, 1)
	go func() { restarted <- s.cli.ContainerRestart(t.Context(), id, seconds(4)) }()
	time.Sleep(500 * time.Millisecond)
	if err := s.cli.ContainerRemove(t.Context(), id, container.RemoveOptions{Force: true}); err != nil {
		t.Error(err)
	}
	if err := <-restarted; err == nil || !strings.Contains(err.Error(), "container is marked for removal and cannot be started") {
		t.Errorf("restart: %v", err)
	}
	s.saw(t, id, since, append(append([]string{"kill 15", "kill 9"}, s.exitEvents("137")...), "destroy")...)
}

func holdPausedSignals(t *testing.T, s subject) {
	id, _ := s.run(t, spec{})
	if err := s.cli.ContainerPause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	since := began()
	if err := s.cli.ContainerKill(t.Context(), id, "HUP"); err != nil {
		t.Fatal(err)
	}
	s.saw(t, id, since, "kill 1", "unpause")
	if err := s.cli.ContainerPause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	since = began()
	if err := s.cli.ContainerKill(t.Context(), id, "KILL"); err != nil {
		t.Fatal(err)
	}
	s.saw(t, id, since, "kill 9", "die 137")
}

func holdSignalThenCrash(t *testing.T, s subject) {
	id, _ := s.run(t, spec{policy: "always"})
	if err := s.cli.ContainerKill(t.Context(), id, "HUP"); err != nil {
		t.Fatal(err)
	}
	since := began()
	s.crash(t, id)
	s.awaitStatus(t, id, "exited")
	time.Sleep(300 * time.Millisecond)
	s.saw(t, id, since, "die 3")
}
