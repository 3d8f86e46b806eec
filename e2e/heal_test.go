package e2e

import (
	"testing"
	"time"
)

// TestWatchesItsLabel: what is watched and sick is healed, and nothing else.
func TestWatchesItsLabel(t *testing.T) {
	s := newScene(t)
	bare := s.patient("bare", nil, "-sick-runs", "all")
	out := s.patient("opted-out", s.watched("--label", "autoheal=False"), "-sick-runs", "all")
	off := s.patient("switched-off", []string{"--label", s.label + "=false"}, "-sick-runs", "all")
	well := s.patient("well", s.watched())
	sick := s.patient("sick", s.watched(), "-sick-runs", "1")
	for _, p := range []patient{bare, out, off, sick} {
		p.awaits(unhealthy, 1)
	}

	d := s.defib() // it finds them sick already: no event tells it

	sick.isHealed(1)
	well.isUntouched()
	well.sicken() // this time by an event
	well.isHealed(1)
	t.Logf("from the engine's word to the container's end: %s", well.lag())
	for _, p := range []patient{bare, out, off} {
		p.isUntouched()
	}
	s.await("both recoveries to be logged", func() bool {
		return len(d.gave(sick, "recovered")) == 1 && len(d.gave(well, "recovered")) == 1
	})
	d.runs()
}

// TestWatchesAll runs on an engine of its own, since it acts on everything.
func TestWatchesAll(t *testing.T) {
	own := startEngine(t)
	s := newSceneOn(t, own.engine)
	var spared []patient
	for _, no := range []string{"false", "False", "0", "no", "off"} {
		spared = append(spared, s.patient("opted-out-"+no, []string{"--label", "autoheal=" + no}, "-sick-runs", "all"))
	}
	well := s.patient("well", nil)
	sick := s.patient("sick", nil, "-sick-runs", "1")
	for _, p := range spared {
		p.awaits(unhealthy, 1)
	}

	s.defib("-e", "AUTOHEAL_CONTAINER_LABEL=all")

	sick.isHealed(1)
	well.isUntouched()
	well.sicken()
	well.isHealed(1)
	for _, p := range spared {
		p.isUntouched()
	}
}

// TestLeavesThePausedAlone: a paused container keeps the health it had, and a
// restart would end the pause.
func TestLeavesThePausedAlone(t *testing.T) {
	s := newScene(t)
	paused := s.patient("paused", s.watched(), "-sick-runs", "1")
	paused.awaits(unhealthy, 1)
	s.docker("pause", paused.id)

	s.defib()

	s.sentinel("by the first list")
	s.sentinel("by a later one")
	paused.isUntouched()
	if got := paused.state(".State.Status"); got != "paused" {
		t.Errorf("the paused container is %s", got)
	}
	s.docker("unpause", paused.id) // no event will ever say that it is unhealthy
	paused.isHealed(1)
}

// TestDoesNotFightDockerStop: a container turns unhealthy while a person stops
// it. The engine would bring it back if it were restarted now.
func TestDoesNotFightDockerStop(t *testing.T) {
	s := newScene(t)
	leaving := s.patient("leaving", s.watched(), "-sick-on-term", "-stop-takes", "8s")
	s.defib()
	leaving.awaits(healthy, 1)

	stopped := make(chan error, 1)
	go func() {
		_, err := s.engine.docker(t.Context(), "stop", "-t", "30", leaving.id)
		stopped <- err
	}()
	leaving.awaits("kill", 1)
	leaving.awaits(unhealthy, 1)
	if leaving.count("die") > 0 {
		t.Fatal("the test is too slow: the container ended before it was seen to be unhealthy")
	}
	s.sentinel("during the stop")
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	leaving.awaits("stop", 1)
	s.sentinel("after the stop")

	if got := leaving.state(".State.Status"); got != "exited" {
		t.Errorf("the stopped container is %s", got)
	}
	for action, want := range map[string]int{"start": 1, "kill": 1, "stop": 1, "restart": 0} {
		if got := leaving.count(action); got != want {
			t.Errorf("%s of the stopped container: %d times; want %d", action, got, want)
		}
	}
}

// TestWaitsForSlowStops: a stop that takes longer than every time-out of the
// API is one restart, and no failure.
func TestWaitsForSlowStops(t *testing.T) {
	s := newScene(t)
	slow := s.patient("slow", s.watched("--label", "autoheal.stop.timeout=20"), "-sick-runs", "1", "-stop-takes", "6s")
	d := s.defib("-e", "CURL_TIMEOUT=2", "-e", "AUTOHEAL_DEFAULT_STOP_TIMEOUT=1")

	slow.isHealed(1)
	s.await("the recovery to be logged", func() bool { return len(d.gave(slow, "recovered")) == 1 })
	if took := s.record.when(slow.id, "die", 1).Sub(s.record.when(slow.id, "kill", 1)); took < 5*time.Second {
		t.Errorf("the container had %s to stop; it needs 6s and its label grants 20s", took)
	}
	if failed := d.gave(slow, "restart-failed"); len(failed) > 0 {
		t.Errorf("reported as failed: %s", failed[0].raw)
	}
	if n := slow.count("kill"); n != 1 {
		t.Errorf("asked to stop %d times; want once", n)
	}
}

// TestNeverRestartsItself, however it is told to: it carries the label and is
// unhealthy, with a name to know itself by and without.
func TestNeverRestartsItself(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{
		"with a host name of its own": nil,
		"in the host's network":       {"--network", "host"},
		"with a host name given":      {"--hostname", "watchdog"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			// The image has no shell for this check: it always fails.
			flags := append(s.watched("--health-cmd", "true", "--health-interval", "500ms", "--health-retries", "1"), flags...)
			d := s.defib(append(flags, "-e", "AUTOHEAL_LISTEN=")...)
			d.awaits(unhealthy, 1)
			s.sentinel("first")
			s.sentinel("second")
			d.isUntouched()
			d.runs()
		})
	}
}
