//go:build long

package e2e

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestLiveRestore: an engine with live-restore is killed and comes back, and its
// containers have run on. One that turns unhealthy then is healed; where the
// engine does not probe it any more (before 23), people are told that, after
// some minutes: defib has to see that no probe came.
func TestLiveRestore(t *testing.T) {
	own := startEngine(t, "--live-restore")
	s := newSceneOn(t, own.engine)
	sick := s.patient("sick", s.watched("--restart", "always", "--health-timeout", "1s"))
	sick.awaits(healthy, 1)
	d := s.defib()
	s.await("defib to watch", d.watches)
	started := sick.state(".State.StartedAt")

	own.kill()
	own.start()

	if now := sick.state(".State.StartedAt"); now != started {
		t.Fatalf("it did not run on: started at %s, and at %s", started, now)
	}
	sick.sicken()
	version := s.docker("version", "-f", "{{.Server.Version}}")
	first, _, _ := strings.Cut(version, ".")
	if major, err := strconv.Atoi(first); err != nil || major >= 23 {
		sick.isHealed(1)
		d.runs()
		return
	}
	await(t, 5*time.Minute, "defib to tell that it is not probed any more", func() bool {
		return len(d.said(func(l line) bool { return l.Reason == "probes-stopped" && strings.Contains(l.raw, sick.name) })) > 0
	})
	sick.isUntouched()
	s.docker("restart", "-t", "1", sick.id) // what people are told to do
	sick.awaits(healthy, 2)
	d.runs()
}
