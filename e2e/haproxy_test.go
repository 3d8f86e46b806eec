package e2e

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// haproxies are two HAProxy before an engine, with the rules that people find
// in examples/socket-proxy: one only reads, the other only restarts.
type haproxies struct {
	folder string
	mount  []string // for a defib that reads and acts through both
}

// startHAProxies puts them before the scene's engine.
func (s *scene) startHAProxies() haproxies {
	s.Helper()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		unavailable(s.T, "no HAProxy: "+err.Error())
	}
	folder, err := os.MkdirTemp("", "defib-e2e-") // a test's own would have too long a name
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil { // for defib as any user
		s.Fatal(err)
	}
	for _, name := range []string{"reader", "restarter"} {
		s.startHAProxy(program, name, filepath.Join(folder, name+".sock"))
	}
	return haproxies{folder: folder, mount: []string{
		"-v", folder + ":/proxy", "-e", "DOCKER_HOST=unix:///proxy/reader.sock",
		"-e", "AUTOHEAL_DOCKER_HOST_WRITE=unix:///proxy/restarter.sock",
	}}
}

// readsOnly is the mount for a defib that has the first alone.
func (h haproxies) readsOnly() []string { return h.mount[:4] }

// startHAProxy starts one of them; it ends with the test.
func (s *scene) startHAProxy(program, name, socket string) {
	s.Helper()
	cmd := exec.Command(program, "-db", "-f", "../examples/socket-proxy/"+name+".cfg") //nolint:noctx // it is ended by the clean-up, after the test's context
	cmd.Env = append(os.Environ(), "BIND=unix@"+socket, "ENGINE=unix@"+s.engine.socket)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		s.Fatal("start HAProxy:", err)
	}
	s.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // it was killed
		if s.Failed() {
			s.Logf("HAProxy (%s) said:\n%s", name, said.String())
		}
	})
	s.await("HAProxy to listen", func() bool {
		c, err := net.DialTimeout("unix", socket, time.Second) //nolint:noctx // it has a deadline
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

// answers gives the status of an answer to a request through one of them.
func (h haproxies) answers(t *testing.T, proxy, method, path string) int {
	t.Helper()
	through := &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(h.folder, proxy+".sock"))
		},
	}}
	ask, err := http.NewRequestWithContext(t.Context(), method, "http://engine"+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := through.Do(ask)
	if err != nil {
		t.Fatalf("%s %s through the %s: %v", method, path, proxy, err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// TestHealsThroughHAProxies: it reads through one and restarts through the
// other, as a user without any rights on this machine.
func TestHealsThroughHAProxies(t *testing.T) {
	s := newScene(t)
	h := s.startHAProxies()
	sick := s.patient("sick", s.watched())
	d := s.defibAt(h.mount, "--user", "65532:65532", "-e", "AUTOHEAL_HOST_NAME=e2e-host", "-e", "AUTOHEAL_INTERVAL=1h")
	sick.awaits(healthy, 1)
	s.await("defib to be ready", func() bool { return len(d.said(func(l line) bool { return l.Message == "ready" })) == 1 })
	sick.sicken() // only the stream of events tells it: no list is due
	sick.isHealed(1)
	s.await("the recovery to be logged", func() bool { return len(d.gave(sick, "recovered")) == 1 })
	t.Logf("from the engine's word to the container's end: %s", sick.lag())

	if bad := d.said(func(l line) bool { return strings.Contains(l.raw, "does not allow") }); len(bad) > 0 {
		t.Errorf("it misses something: %s", bad[0].raw)
	}
	c, code := d.check()
	if code != 0 || !c.OK || !strings.HasSuffix(c.Engine.WriteEndpoint, "restarter.sock") {
		t.Errorf("defib check: exit code %d, against it: %q, writes to %q", code, c.Against, c.Engine.WriteEndpoint)
	}
	if got := c.allowed(); got != "ping list events inspect restart" {
		t.Errorf("defib check finds allowed: %s", got)
	}
}

// TestStartsThroughARestarter: a restart has failed and left the container down.
// The restarter lets no start through; to the engine a restart is one.
func TestStartsThroughARestarter(t *testing.T) {
	s := newScene(t)
	h := s.startHAProxies()
	needed := filepath.Join(t.TempDir(), "needed")
	if err := os.Mkdir(needed, 0o755); err != nil {
		t.Fatal(err)
	}
	sick := s.patient("sick", s.watched("--mount", "type=bind,src="+needed+",dst=/needed"))
	sick.awaits(healthy, 1)
	d := s.defibAt(h.mount)
	s.await("defib to watch", d.watches)
	if err := os.Remove(needed); err != nil {
		t.Fatal(err)
	}
	sick.sicken()
	s.await("the restart to fail", func() bool { return len(d.gave(sick, "restart-failed")) == 1 })
	if got := sick.state(".State.Status"); got != "exited" {
		t.Errorf("the container is %s: the test shows nothing", got)
	}
	if err := os.Mkdir(needed, 0o755); err != nil {
		t.Fatal(err)
	}
	sick.isHealed(1)
	if l := d.said(func(l line) bool { return strings.Contains(l.raw, "does not allow") && l.Container != "" }); len(l) > 0 {
		t.Errorf("it says that this is not allowed: %s", l[0].raw)
	}
}

// TestSaysThatHAProxyForbidsRestarts at its start, to people once, and when
// asked; and goes on.
func TestSaysThatHAProxyForbidsRestarts(t *testing.T) {
	s := newScene(t)
	people := startSlack(t)
	h := s.startHAProxies()
	sick := s.patient("sick", s.watched())
	sick.awaits(healthy, 1)
	d := s.defibAt(h.readsOnly(), people.settings()...)
	s.await("it to be said at the start", func() bool {
		return len(d.said(func(l line) bool {
			return l.Level == "warn" && strings.HasPrefix(l.Message, "the endpoint does not allow restarts: allow them (ALLOW_RESTARTS=1 POST=1 in docker-socket-proxy)")
		})) == 1
	})

	sick.sicken()
	s.await("people to be told", func() bool { return len(people.told()) > 0 })
	s.await("a later try", func() bool {
		return strings.Count(d.log(), `"attempt":2`) > 0 || len(d.gave(sick, "restart-failed")) > 1
	})
	if all := people.told(); len(all) != 1 || !strings.Contains(all[0], "does not allow it (403 Forbidden)") || !strings.Contains(all[0], "AUTOHEAL_DOCKER_HOST_WRITE") {
		t.Errorf("people were told:\n%s", strings.Join(all, "\n"))
	}
	sick.isUntouched()
	if strings.Contains(d.log(), "<html>") {
		t.Error("the log shows a page of HTML")
	}
	c, code := d.check()
	if code != 1 || c.OK || len(c.Against) != 1 || !strings.Contains(c.Against[0], "restart: the endpoint does not allow restarts") {
		t.Errorf("defib check: exit code %d, against it: %q", code, c.Against)
	}
	d.runs()
}

// TestHAProxiesLetNothingElseThrough: what the examples promise.
func TestHAProxiesLetNothingElseThrough(t *testing.T) {
	s := newScene(t)
	h := s.startHAProxies()
	well := s.patient("well", nil)
	one := "/v1.41/containers/" + well.id
	for _, c := range []struct {
		proxy, method, path string
		want                int
	}{
		{"reader", "GET", "/_ping", 200},
		{"reader", "HEAD", "/_ping", 200},
		{"reader", "GET", "/v1.41/containers/json?all=1", 200},
		{"reader", "GET", one + "/json", 200},
		{"reader", "GET", "/v1.41/events?since=1&until=2", 200},
		{"reader", "POST", "/v1.41/containers/json", 403},
		{"reader", "POST", one + "/restart", 403},
		{"reader", "GET", one + "/logs?stdout=1", 403},
		{"reader", "GET", one + "/export", 403},
		{"reader", "GET", one + "/archive?path=/", 403},
		{"reader", "GET", one + "/attach/ws?stdin=1", 403},
		{"reader", "GET", "/v1.41/containers/x%2F..%2F..%2Finfo%3F/json", 403},
		{"reader", "GET", "/v1.41/containers/../info", 403},
		{"reader", "GET", "/v1.41/info", 403},
		{"reader", "GET", "/v1.41/secrets", 403},
		{"restarter", "GET", "/_ping", 403},
		{"restarter", "GET", "/v1.41/containers/json", 403},
		{"restarter", "GET", one + "/json", 403},
		{"restarter", "POST", one + "/start", 403},
		{"restarter", "POST", one + "/kill", 403},
		{"restarter", "POST", one + "/exec", 403},
		{"restarter", "POST", "/v1.41/containers/create", 403},
		{"restarter", "POST", "/v1.41/containers/prune", 403},
		{"restarter", "POST", "/v1.41/containers/x/../create", 403},
		{"restarter", "DELETE", one, 403},
		{"restarter", "POST", one + "/restart?t=0", 204},
	} {
		if got := h.answers(t, c.proxy, c.method, c.path); got != c.want {
			t.Errorf("%s %s through the %s: %d; want %d", c.method, strings.Replace(c.path, well.id, "ID", 1), c.proxy, got, c.want)
		}
	}
}

// checked is what "defib check --json" prints, as far as the tests read it.
type checked struct {
	OK      bool
	Against []string
	Engine  struct {
		WriteEndpoint string `json:"write_endpoint"`
		Why           string
		Allowed       []struct {
			What string
			OK   bool
		}
	}
}

// allowed lists what the endpoints allow.
func (c checked) allowed() string {
	var all []string
	for _, a := range c.Engine.Allowed {
		if a.OK {
			all = append(all, a.What)
		}
	}
	return strings.Join(all, " ")
}

// check has the running defib's container check itself.
func (d *watchdog) check() (c checked, code int) {
	d.scene.Helper()
	cmd := d.host.command(d.scene.Context(), "exec", d.id, "/defib", "check", "--json")
	out, err := cmd.Output()
	if bad := json.Unmarshal(out, &c); bad != nil {
		d.scene.Fatalf("defib check: %v: %v: %s", err, bad, out)
	}
	return c, cmd.ProcessState.ExitCode()
}
