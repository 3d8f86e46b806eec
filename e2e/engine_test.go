package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ownEngine is a Docker engine of a test's own, to be killed at will. It has
// its own network and mounts, so that it meets nothing of this machine's.
type ownEngine struct {
	engine
	t       *testing.T
	folder  string
	program []string // the daemon's, with its arguments
	daemon  *exec.Cmd
	exited  chan struct{}
}

// startEngine starts one; it goes with the test. flags are dockerd's, beside
// those that all have.
func startEngine(t *testing.T, flags ...string) *ownEngine {
	t.Helper()
	t.Parallel()
	return startDockerd(t, "own", flags...)
}

// startDockerd starts an engine on a host of that name.
func startDockerd(t *testing.T, host string, flags ...string) *ownEngine {
	t.Helper()
	needOwn(t, "dockerd", "ip")
	e := newOwnEngine(t)
	config := filepath.Join(e.folder, "daemon.json")
	if err := os.WriteFile(config, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	// What it mounts from /var/run is its own socket, not this machine's.
	e.program = slices.Concat([]string{"unshare", "--net", "--mount", "--uts", "sh", "-ec",
		`hostname "$0"; mount --bind "$1" /var/run; shift; ip link set lo up; exec setpriv --pdeathsig KILL dockerd "$@"`,
		host, filepath.Dir(e.socket),
		"--config-file", config, "--pidfile", e.pidfile(),
		"--data-root", filepath.Join(e.folder, "data"), "--exec-root", filepath.Join(e.folder, "exec"),
		"-H", "unix://" + e.socket, "--storage-driver", "vfs",
		"--bridge", "none", "--iptables=false", "--ip6tables=false"}, flags)
	e.start()
	if err := e.load(t.Context(), theStage().patient); err != nil {
		t.Fatal(err)
	}
	return e
}

// needOwn ends a test where there can be no engine of its own.
func needOwn(t *testing.T, tools ...string) {
	t.Helper()
	needStage(t)
	for _, tool := range append(tools, "unshare", "setpriv") {
		if _, err := exec.LookPath(tool); err != nil {
			unavailable(t, "no engine of the test's own: "+err.Error())
		}
	}
	if os.Geteuid() != 0 {
		unavailable(t, "no engine of the test's own: it needs root")
	}
}

// newOwnEngine is one that does not run yet, and has no program.
func newOwnEngine(t *testing.T) *ownEngine {
	t.Helper()
	// Not the test's own folder: its name may be too long for a socket's.
	folder, err := os.MkdirTemp("", "defib-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(folder, "run", "docker.sock")
	e := &ownEngine{t: t, folder: folder, engine: engine{
		socket: socket,
		// The folder, so that a socket made anew is seen.
		mount: []string{"-v", filepath.Dir(socket) + ":/engine", "-e", "DOCKER_HOST=unix:///engine/docker.sock"},
	}}
	for _, sub := range []string{"run", "data", "exec"} {
		if err := os.Mkdir(filepath.Join(folder, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(e.remove)
	return e
}

// start starts the engine and waits until it answers.
func (e *ownEngine) start() {
	e.t.Helper()
	began := time.Now()
	log, err := os.OpenFile(filepath.Join(e.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		e.t.Fatal(err)
	}
	defer log.Close() //nolint:errcheck // the engine has its own handle
	// The engine must not outlive a test that is killed; its end is not tied to
	// the test's context, which ends before the clean-up.
	e.daemon = exec.Command(e.program[0], e.program[1:]...) //nolint:noctx // see above
	e.daemon.Stdout, e.daemon.Stderr = log, log
	// A group of its own: the kernel lets those that are stopped go on when their
	// group has lost the terminal that could have told them to.
	e.daemon.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := e.daemon.Start(); err != nil {
		e.t.Fatal("start an engine:", err)
	}
	e.exited = make(chan struct{})
	go func(daemon *exec.Cmd, exited chan struct{}) {
		_ = daemon.Wait() // how it ended is in its log
		close(exited)
	}(e.daemon, e.exited)
	await(e.t, patience, "an engine to start", func() bool {
		select {
		case <-e.exited:
			e.t.Fatalf("an engine of the test's own does not start:\n%s", e.lastWords())
		default:
		}
		_, err := e.docker(e.t.Context(), "version")
		return err == nil
	})
	e.t.Logf("the engine answered after %s", time.Since(began).Round(time.Millisecond))
}

// kill ends the engine as a crash does: its containers live on without it.
func (e *ownEngine) kill() {
	e.t.Helper()
	if err := e.daemon.Process.Kill(); err != nil {
		e.t.Fatal("kill the engine:", err)
	}
	<-e.exited
	// Its containerd dies with it, a moment later, and stays a zombie until
	// somebody reaps it. A new engine would take its pid file at its word.
	pidfile := filepath.Join(e.folder, "exec", "containerd", "containerd.pid")
	if pid, err := os.ReadFile(pidfile); err == nil {
		await(e.t, patience, "the engine's containerd to end", func() bool {
			running, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(string(pid)), "cmdline"))
			return err != nil || len(running) == 0
		})
	}
	_ = os.Remove(pidfile)     // it may not be there
	_ = os.Remove(e.pidfile()) // likewise
}

func (e *ownEngine) pidfile() string { return filepath.Join(e.folder, "pid") }

// remove ends the engine and all that it started.
func (e *ownEngine) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if all, err := e.docker(ctx, "ps", "-aq"); err == nil && all != "" {
		if _, err := e.docker(ctx, append([]string{"rm", "-f", "-v"}, strings.Fields(all)...)...); err != nil {
			e.t.Log("containers stay behind:", err)
		}
	}
	if e.daemon != nil && e.daemon.Process != nil {
		_ = e.daemon.Process.Signal(os.Interrupt) // it may have ended
		select {
		case <-e.exited:
		case <-ctx.Done():
			e.t.Errorf("the engine does not end:\n%s", e.lastWords())
			_ = e.daemon.Process.Kill()
			<-e.exited
		}
	}
	e.killOrphans()
	if err := os.RemoveAll(e.folder); err != nil {
		e.t.Log("an engine's folder stays behind:", err)
	}
}

// killOrphans ends what a killed engine left: only processes that name this
// engine's own folder, and the containers that are their children.
func (e *ownEngine) killOrphans() {
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return
	}
	for _, path := range commands {
		command, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(command), e.folder+"/") {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil && pid != os.Getpid() {
			e.t.Logf("ending %.200q", strings.ReplaceAll(string(command), "\x00", " "))
			children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)) // it may have ended
			for child := range strings.FieldsSeq(string(children)) {
				if id, err := strconv.Atoi(child); err == nil {
					_ = syscall.Kill(id, syscall.SIGKILL) // likewise
				}
			}
			_ = syscall.Kill(pid, syscall.SIGKILL) // likewise
		}
	}
}

// bring copies an image of this machine's engine to this one.
func (e *ownEngine) bring(image string) {
	e.t.Helper()
	save := machine().command(e.t.Context(), "save", image)
	archive, err := save.StdoutPipe()
	if err != nil {
		e.t.Fatal(err)
	}
	if err := save.Start(); err != nil {
		e.t.Fatalf("save %s: %v", image, err)
	}
	load := e.command(e.t.Context(), "load", "-q")
	load.Stdin = archive
	if out, err := load.CombinedOutput(); err != nil {
		e.t.Fatalf("load %s: %v: %s", image, err, out)
	}
	if err := save.Wait(); err != nil {
		e.t.Fatalf("save %s: %v", image, err)
	}
}

// lastWords gives the end of the engine's log.
func (e *ownEngine) lastWords() string {
	log, err := os.ReadFile(filepath.Join(e.folder, "log"))
	if err != nil {
		return fmt.Sprint("its log cannot be read: ", err)
	}
	return string(log[max(0, len(log)-2000):])
}

// TestOutlivesItsEngine: the engine is killed and comes back, and a container
// that it brings back turns unhealthy.
func TestOutlivesItsEngine(t *testing.T) {
	own := startEngine(t)
	s := newSceneOn(t, own.engine)
	sick := s.patient("sick", s.watched("--restart", "always"), "-sick-runs", "2")
	d := s.defib()
	sick.awaits(healthy, 1)
	s.await("defib to watch", d.watches)

	own.kill()
	own.start()

	sick.awaits(unhealthy, 1)
	sick.isHealed(1)
	t.Logf("from the engine's word to the container's end: %s", sick.lag())
	d.runs()
}

// TestOwnHealthIsHonest: while its engine is away defib is unhealthy itself.
func TestOwnHealthIsHonest(t *testing.T) {
	own := startEngine(t)
	s := newSceneOn(t, own.engine)
	d := s.defib()
	s.await("defib to watch", d.watches)
	s.await("defib to be well", d.isWell)
	own.kill()
	s.await("defib to say that it is not", func() bool { return !d.isWell() })
	own.start()
	s.await("defib to be well again", d.isWell)
	s.sentinel("after the outage")
	d.runs()
}

// TestTellsWhatItsEngineLeftDown: a killed engine comes back, stops what still
// runs, and does not start what has the policy unless-stopped.
func TestTellsWhatItsEngineLeftDown(t *testing.T) {
	own := startEngine(t)
	s := newSceneOn(t, own.engine)
	left := s.patient("left", s.watched("--restart", "unless-stopped"))
	stopped := s.patient("stopped", s.watched("--restart", "unless-stopped"))
	back := s.patient("back", s.watched("--restart", "always"))
	d := s.defib()
	s.await("defib to watch", d.watches)
	back.awaits(healthy, 1)
	s.docker("stop", "-t", "1", stopped.id)

	own.kill()
	own.start()

	told := func(reason string) []line {
		return d.said(func(l line) bool { return l.Reason == reason && l.Container == "" })
	}
	s.await("defib to tell of it", func() bool { return len(told("left-down")) > 0 })
	if l := told("left-down")[0].raw; !strings.Contains(l, left.name) || strings.Contains(l, stopped.name) || strings.Contains(l, back.name) {
		t.Errorf("it tells of others: %s", l)
	}
	s.docker("start", left.id)
	s.await("defib to tell that it is over", func() bool { return len(told("recovered")) > 0 })
	d.runs()
}

// signal sends the engine a signal.
func (e *ownEngine) signal(s os.Signal) {
	e.t.Helper()
	if err := e.daemon.Process.Signal(s); err != nil {
		e.t.Fatalf("send the engine %s: %v", s, err)
	}
}

// TestOutlivesAHungEngine: the engine hangs, for so long that defib says that it
// is not well, and goes on.
func TestOutlivesAHungEngine(t *testing.T) {
	own := startEngine(t)
	s := newSceneOn(t, own.engine)
	sick := s.patient("sick", s.watched())
	sick.awaits(healthy, 1)
	d := s.defib()
	s.await("defib to watch", d.watches)
	s.await("defib to be well", d.isWell)

	sick.sicken()
	own.signal(syscall.SIGSTOP)
	t.Cleanup(func() { _ = own.daemon.Process.Signal(syscall.SIGCONT) }) // a stopped one could not end
	await(t, 2*patience, "defib to say that it is not well", func() bool { return !d.isWell() })
	d.runs()
	own.signal(syscall.SIGCONT)

	sick.isHealed(1)
	t.Logf("from the engine's word to the container's end: %s", sick.lag())
	s.await("defib to be well again", d.isWell)
	d.runs()
}
