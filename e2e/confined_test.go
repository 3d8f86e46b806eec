package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestConfined: all that SECURITY.md takes away from it is taken away, as the
// kernel tells it, and it heals and remembers all the same: as root at the
// engine's own socket, and as a user without rights behind a proxy.
func TestConfined(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"0", "65532"} {
		t.Run("as user "+user, func(t *testing.T) {
			s := newScene(t)
			way := s.engine.mount
			if user != "0" {
				way = startProxy(t, s.engine, rules{}).mount
			}
			hopeless := s.patient("hopeless", s.watched(), "-sick-runs", "all")
			volume := s.name + "-data"
			s.docker("volume", "create", volume)
			t.Cleanup(func() { _, _ = s.engine.docker(context.Background(), "volume", "rm", "-f", volume) })
			flags := []string{
				"-v", volume + ":/data", "--user", user + ":" + user,
				"-e", "AUTOHEAL_MAX_RESTARTS=1", "-e", "AUTOHEAL_RETRY_AFTER=0",
			}

			first := s.defibAt(way, flags...)
			s.await("it to give up", func() bool { return len(first.gave(hopeless, "gave-up")) == 1 })
			first.isConfined(user)
			s.docker("stop", first.id)
			s.docker("rm", first.id)

			second := s.defibAt(way, flags...)
			s.sentinel("of the second")
			second.isConfined(user)
			if n := hopeless.count("restart"); n != 1 || len(second.gave(hopeless, "gave-up")) > 0 {
				t.Errorf("the second defib forgot that the first gave up: %d restarts", n)
			}
		})
	}
}

// isConfined fails the test if the running defib could do more than a user
// without any rights.
func (d *watchdog) isConfined(user string) {
	d.scene.Helper()
	process := filepath.Join("/proc", d.state(".State.Pid"))
	if program, err := os.Readlink(process + "/exe"); err != nil || program != "/defib" {
		unavailable(d.scene.T, "no way to look at a container's process from here: "+program)
	}
	status, err := os.ReadFile(process + "/status")
	if err != nil {
		d.scene.Fatal(err)
	}
	const none = "0000000000000000"
	ids := strings.Join([]string{user, user, user, user}, " ") // real, effective, saved, of the file system
	for field, want := range map[string]string{
		"Uid": ids, "Gid": ids, "NoNewPrivs": "1",
		"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none,
		"Seccomp": "2", // the engine's own filter
	} {
		_, rest, _ := strings.Cut("\n"+string(status), "\n"+field+":")
		line, _, _ := strings.Cut(rest, "\n")
		if got := strings.Join(strings.Fields(line), " "); got != want {
			d.scene.Errorf("%s of the running defib is %q; want %q", field, got, want)
		}
	}
	mounts, err := os.ReadFile(process + "/mounts")
	if err != nil {
		d.scene.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); f[1] == "/" && !strings.HasPrefix(f[3], "ro") {
			d.scene.Errorf("its root can be written to: %s", line)
		}
	}
}
