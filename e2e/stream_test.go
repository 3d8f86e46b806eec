package e2e

import (
	"testing"
	"time"
)

// TestEventsAreCut: a container turns unhealthy while there is no stream of
// events, and no list is due for an hour. Opening the stream again must find it.
func TestEventsAreCut(t *testing.T) {
	s := newScene(t)
	p := startProxy(t, s.engine, rules{})
	sick := s.patient("sick", s.watched())
	d := s.defibAt(p.mount, "-e", "AUTOHEAL_INTERVAL=1h")
	sick.awaits(healthy, 1)
	s.await("defib to follow the events", p.following)
	s.await("defib to be well", d.isWell)

	p.set(rules{noEvents: true})
	sick.sicken()
	sick.awaits(unhealthy, 1)
	s.await("the stream to be missed", func() bool { return p.asked("GET", "/events") > 1 })
	sick.isUntouched()
	mended := time.Now()
	p.set(rules{})

	sick.isHealed(1)
	t.Logf("from the mended stream to the container's end: %s", s.record.when(sick.id, "kill", 1).Sub(mended))
	d.runs()
}

// TestEventsAreSilent: a stream that is open and tells nothing. The list must
// find what it does not tell.
func TestEventsAreSilent(t *testing.T) {
	s := newScene(t)
	p := startProxy(t, s.engine, rules{muteEvents: true})
	sick := s.patient("sick", s.watched())
	d := s.defibAt(p.mount, "-e", "AUTOHEAL_INTERVAL=1s")
	sick.awaits(healthy, 1)
	s.await("defib to follow the events", p.following)

	sick.sicken()

	sick.isHealed(1)
	t.Logf("from the engine's word to the container's end: %s", sick.lag())
	d.runs()
}

// TestStartsBeforeItsEngine: no socket yet is a state, not a reason to exit.
func TestStartsBeforeItsEngine(t *testing.T) {
	s := newScene(t)
	p := newProxy(t, rules{})
	sick := s.patient("sick", s.watched(), "-sick-runs", "1")
	sick.awaits(unhealthy, 1)
	d := s.defibAt(p.mount)
	s.await("defib to say what is missing", func() bool {
		return len(d.said(func(l line) bool { return l.Level == "error" || l.Level == "warn" })) > 0
	})

	p.listen(t, s.engine)

	sick.isHealed(1)
	s.await("defib to be well", d.isWell)
	d.runs()
}

// TestTwoEndpoints: it reads through a proxy that forbids changes and acts
// through another, as a user without any rights on this machine.
func TestTwoEndpoints(t *testing.T) {
	s := newScene(t)
	reads := startProxy(t, s.engine, rules{readOnly: true})
	writes := startProxy(t, s.engine, rules{noEvents: true})
	sick := s.patient("sick", s.watched(), "-sick-runs", "1")

	s.defibAt(reads.mount, "-v", writes.folder()+":/writes", "-e", "AUTOHEAL_DOCKER_HOST_WRITE=unix:///writes/docker.sock",
		"--user", "65532:65532")

	sick.isHealed(1)
	if n := writes.asked("POST", "/containers/"+sick.id+"/restart"); n != 1 {
		t.Errorf("%d restarts through the second endpoint; want 1", n)
	}
	if n := reads.asked("POST", ""); n != 0 {
		t.Errorf("%d changes were tried through the first endpoint", n)
	}
}
