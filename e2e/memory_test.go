package e2e

import (
	"context"
	"strings"
	"testing"
)

// TestRemembersOverAKill: a defib that is killed in the middle of an incident
// goes on with the budget that is left, and tells of giving up once.
func TestRemembersOverAKill(t *testing.T) {
	s := newScene(t)
	hopeless := s.patient("hopeless", s.watched(), "-sick-runs", "all")
	volume := s.name + "-data"
	s.docker("volume", "create", volume)
	t.Cleanup(func() { _, _ = s.engine.docker(context.Background(), "volume", "rm", "-f", volume) })
	flags := []string{
		"-v", volume + ":/data", "-e", "AUTOHEAL_MAX_RESTARTS=3", "-e", "AUTOHEAL_BACKOFF=1s", "-e", "AUTOHEAL_RETRY_AFTER=0",
	}
	first := s.defib(flags...)
	hopeless.awaits("restart", 2)
	s.docker("kill", "-s", "KILL", first.id)
	s.docker("rm", "-f", first.id)

	second := s.defib(flags...)
	s.await("it to give up", func() bool { return len(second.gave(hopeless, "gave-up")) == 1 })
	if n := hopeless.count("restart"); n != 3 {
		t.Errorf("restarted %d times by both; want 3", n)
	}
	// A kill before that is told twice rather than never, which is not meant here.
	s.await("that to be on the disk", func() bool {
		file, err := s.engine.docker(s.Context(), "cp", second.id+":/data/state.json", "-")
		return err == nil && strings.Contains(file, `"phase":"gave-up"`)
	})
	s.docker("kill", "-s", "KILL", second.id)
	s.docker("rm", "-f", second.id)

	third := s.defib(flags...)
	s.sentinel("after the second kill")
	if n := hopeless.count("restart"); n != 3 || len(third.gave(hopeless, "gave-up")) > 0 {
		t.Errorf("a third defib forgot that it had given up: %d restarts", n)
	}
}

// TestHealsOnAFullDisk: what cannot be remembered is healed all the same.
func TestHealsOnAFullDisk(t *testing.T) {
	s := newScene(t)
	sick := s.patient("sick", s.watched())
	sick.awaits(healthy, 1)
	d := s.defib("--tmpfs", "/data:size=4k,mode=0700")
	s.await("defib to be ready", d.watches)
	sick.sicken()
	sick.isHealed(1)
	s.await("the trouble with the disk to be said", func() bool { return strings.Contains(d.log(), "no space left") })
	d.runs()
}

// TestIsPaused by who can "docker exec": nothing is touched until the pause ends.
func TestIsPaused(t *testing.T) {
	s := newScene(t)
	busy := s.patient("busy", s.watched())
	busy.awaits(healthy, 1)
	d := s.defib("--tmpfs", "/data")
	s.await("defib to be ready", d.watches)
	defib := func(args ...string) string { return s.docker(append([]string{"exec", d.id, "/defib"}, args...)...) }
	if out := defib("pause", "1h", busy.name); !strings.Contains(out, busy.name) {
		t.Errorf("defib pause said:\n%s", out)
	}
	busy.sicken()
	busy.awaits(unhealthy, 1)
	s.sentinel("during the pause")
	busy.isUntouched()
	if out := defib("resume", busy.name); !strings.Contains(out, "1 ended") {
		t.Errorf("defib resume said:\n%s", out)
	}
	busy.isHealed(1)
}
