package e2e

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// podmanConf keeps a root Podman to what root may do here, where limits cannot
// be raised. Its containers have this machine's cgroups, which crun refuses.
const podmanConf = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
`

// startPodman starts a Podman of the test's own, and what its Docker-compatible
// socket needs; it goes with the test. It has this machine's network, of which
// its containers use nothing, or the loopback.
func startPodman(t *testing.T) *ownEngine {
	t.Helper()
	t.Parallel()
	needOwn(t, "podman", "runc")
	e := newOwnEngine(t)
	conf := filepath.Join(e.folder, "containers.conf")
	if err := os.WriteFile(conf, []byte(podmanConf), 0o600); err != nil {
		t.Fatal(err)
	}
	// Its locks are files in /dev/shm by fixed names: that is its own as well.
	e.program = []string{"unshare", "--mount", "sh", "-ec",
		`mount -t tmpfs none /dev/shm; export CONTAINERS_CONF="$1"; shift; exec setpriv --pdeathsig KILL podman "$@"`, "sh", conf,
		"--root", filepath.Join(e.folder, "data"), "--runroot", filepath.Join(e.folder, "exec"), "--tmpdir", filepath.Join(e.folder, "tmp"),
		"--storage-driver", "vfs", "system", "service", "-t", "0", "unix://" + e.socket}
	e.start()
	e.bring(patientImage) // saved, not imported: that would lose its HEALTHCHECK
	e.bring(theStage().image)
	return e
}

// probe runs a patient's health check until the test ends, as "podman
// healthcheck run" does, and systemd where there is one.
func (e *ownEngine) probe(p patient) {
	through := &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", e.socket)
	}}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(300 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			ask, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://podman/v4.0.0/libpod/containers/"+p.id+"/healthcheck", http.NoBody)
			if err != nil {
				return
			}
			if answer, err := through.Do(ask); err == nil {
				_ = answer.Body.Close() // whatever it says: the container may be down
			}
		}
	}()
	p.scene.Cleanup(func() { cancel(); <-done })
}

// TestPodman: a container of Podman's is healed by a defib that runs there too,
// with what shares its network, and people are told.
func TestPodman(t *testing.T) {
	own := startPodman(t)
	s := newSceneOn(t, own.engine)
	people := startSlack(t)
	// Made by Docker's client it has 0 s to stop, if nobody says otherwise.
	sick := s.patient("sick", s.watched(), "-listen", "-stop-takes", "1500ms")
	behind := s.patient("behind", s.watched("--no-healthcheck", "--network", "container:"+sick.id))
	own.probe(sick)
	d := s.defibOn(own.engine, []string{"-v", own.socket + ":/var/run/docker.sock"}, people.settings()...)
	s.await("defib to be ready", func() bool { return len(d.said(func(l line) bool { return l.Message == "ready" })) == 1 })
	s.await("it to be healthy", func() bool { return sick.state(".State.Health.Status") == "healthy" })
	if c, code := d.check(); code != 0 || !c.OK || c.allowed() != "ping list events inspect restart" {
		t.Errorf("defib check: exit code %d, against it: %q, allowed: %s", code, c.Against, c.allowed())
	}

	sick.sicken()
	s.await("the verdict", func() bool { return len(d.gave(sick, "recovered")) == 1 })
	s.await("the other to be brought back", func() bool { return len(d.gave(behind, "followed")) == 1 && behind.reaches() })
	s.await("people to be told that it is over", func() bool {
		told := strings.Join(people.told(), "\n")
		return strings.Contains(told, "[RESOLVED] "+sick.name) && strings.Contains(told, "patient is sick")
	})
	for _, p := range []patient{sick, behind} {
		if n := p.count("restart"); n != 1 {
			t.Errorf("%s was restarted %d times; want 1", p.name, n)
		}
	}
	if took := s.record.when(sick.id, "start", 2).Sub(s.record.when(sick.id, "restart", 1)); took < 1500*time.Millisecond {
		t.Errorf("the restart took %s: it was not given the time to stop", took)
	}
	d.runs()
}

// TestDoesNotFightPodmanStop: no event tells that somebody stops a container,
// and it turns unhealthy meanwhile.
func TestDoesNotFightPodmanStop(t *testing.T) {
	own := startPodman(t)
	s := newSceneOn(t, own.engine)
	leaving := s.patient("leaving", s.watched(), "-sick-on-term", "-stop-takes", "5s")
	sick := s.patient("sick", s.watched())
	own.probe(leaving)
	own.probe(sick)
	s.defibOn(own.engine, []string{"-v", own.socket + ":/var/run/docker.sock"})
	for _, p := range []patient{leaving, sick} {
		s.await(p.name+" to be healthy", func() bool { return p.state(".State.Health.Status") == "healthy" })
	}
	stopped := make(chan error, 1)
	go func() {
		_, err := s.engine.docker(t.Context(), "stop", "-t", "20", leaving.id)
		stopped <- err
	}()
	sick.sicken()
	sick.awaits("restart", 1) // defib is at work
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	sick.sicken()
	sick.awaits("restart", 2)
	if got := leaving.state(".State.Status"); got != "exited" || leaving.count("restart") > 0 || leaving.count("start") != 1 {
		t.Errorf("the stopped container is %s, restarted %d times, started %d times", got, leaving.count("restart"), leaving.count("start"))
	}
}
