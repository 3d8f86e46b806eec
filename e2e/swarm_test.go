package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// swarm is several engines that are one Swarm, the first its manager. Each has a
// network of its own, and all meet at a bridge in one more, which is nobody's.
type swarm struct {
	t      *testing.T
	bridge string // id of the process that holds the bridge's network
	nodes  []*ownEngine
}

func startSwarm(t *testing.T, nodes int) *swarm {
	t.Helper()
	t.Parallel()
	needOwn(t, "nsenter", "ip")
	hold := exec.Command("unshare", "--net", "sh", "-ec", "ip link add meet type bridge; ip link set meet up; echo; exec sleep infinity") //nolint:noctx // the clean-up ends it
	hold.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	ready, err := hold.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := hold.Start(); err != nil {
		t.Fatal("make a network:", err)
	}
	t.Cleanup(func() {
		_ = hold.Process.Kill() // its end, and its network's
		_ = hold.Wait()
	})
	if n, err := ready.Read(make([]byte, 1)); n != 1 {
		t.Fatal("make a bridge in a network of its own:", err)
	}
	w := &swarm{t: t, bridge: strconv.Itoa(hold.Process.Pid)}
	for i := range nodes {
		w.join(startDockerd(t, fmt.Sprintf("node%d", i+1)))
	}
	// All at once, before they are cleaned up one by one: the swarm would go on
	// replacing what is removed.
	t.Cleanup(func() {
		for _, e := range w.nodes {
			_ = e.daemon.Process.Kill() // it may have ended
			<-e.exited
		}
	})
	return w
}

// join connects an engine with the others, and makes it a member.
func (w *swarm) join(e *ownEngine) {
	w.t.Helper()
	number := len(w.nodes) + 1
	address := fmt.Sprintf("10.99.0.%d", number)
	node := strconv.Itoa(e.daemon.Process.Pid)
	port := fmt.Sprintf("to%d", number)
	w.within(w.bridge, "ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", node)
	w.within(w.bridge, "ip", "link", "set", port, "master", "meet", "up")
	w.within(node, "ip", "address", "add", address+"/24", "dev", "eth0")
	w.within(node, "ip", "link", "set", "eth0", "up")
	w.nodes = append(w.nodes, e)
	args := []string{"swarm", "init", "--advertise-addr", address}
	if number > 1 {
		args = []string{"swarm", "join", "--advertise-addr", address, "--token", w.manager("swarm", "join-token", "-q", "worker"), "10.99.0.1:2377"}
	}
	if _, err := e.docker(w.t.Context(), args...); err != nil {
		w.t.Fatal(err)
	}
	e.bring(theStage().image)
	e.bring("busybox:stable")
}

// within runs a command in the network of a process.
func (w *swarm) within(process string, args ...string) {
	w.t.Helper()
	if out, err := exec.CommandContext(w.t.Context(), "nsenter", append([]string{"-t", process, "-n"}, args...)...).CombinedOutput(); err != nil {
		w.t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// manager runs the docker command on the manager.
func (w *swarm) manager(args ...string) string {
	w.t.Helper()
	out, err := w.nodes[0].docker(w.t.Context(), args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// task gives the running container of a service on a node, and its name; empty
// where there is none.
func (e *ownEngine) task(service string) (id, name string) {
	out, _ := e.docker(context.Background(), "ps", "--no-trunc", "--format", "{{.ID}} {{.Names}}", // there is none if it fails
		"--filter", "label=com.docker.swarm.service.name="+service)
	id, name, _ = strings.Cut(out, " ")
	return id, name
}

// says gives what the defib of a node has logged so far.
func (e *ownEngine) says(t *testing.T) string {
	t.Helper()
	id, _ := e.task("shop_defib")
	if id == "" {
		return ""
	}
	out, err := e.command(context.Background(), "logs", id).CombinedOutput()
	if err != nil {
		t.Fatalf("read a defib's log: %v: %s", err, out)
	}
	return string(out)
}

// TestStackExample: the file that people copy from works as it stands on a Swarm
// of three. A task that turns unhealthy is replaced by the swarm, and told by the
// defib beside it and nobody else; a node that is lost is the swarm's business.
func TestStackExample(t *testing.T) {
	needStage(t)
	if _, err := machine().docker(t.Context(), "image", "inspect", "busybox:stable"); err != nil {
		unavailable(t, "no image busybox:stable: "+err.Error())
	}
	w := startSwarm(t, 3)
	t.Cleanup(func() {
		for _, e := range w.nodes {
			if t.Failed() {
				t.Logf("the defib of a node said:\n%s", e.says(t))
			}
		}
	})
	// What makes it run here: this image, no network between containers, nothing
	// but a defib on the manager, which is not to be lost; and a stop that is short,
	// since a defib that has just started is silent for as long as one may take.
	extra := filepath.Join(t.TempDir(), "extra.yml")
	err := os.WriteFile(extra, []byte("version: '3.8'\nnetworks: {default: {external: true, name: host}}\nservices:\n"+
		"  defib: {image: '"+theStage().image+"', environment: {AUTOHEAL_LISTEN: 'off'}}\n"+
		"  web: {stop_grace_period: 1s, deploy: {placement: {constraints: [node.role == worker]}}}\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	w.manager("stack", "deploy", "--resolve-image", "never", "-c", "../docker-stack.example.yml", "-c", extra, "shop")
	for _, e := range w.nodes {
		await(t, patience, "a defib to watch each node", func() bool { return strings.Contains(e.says(t), `"message":"ready"`) })
	}
	at, id, name := w.web("")
	await(t, patience, "it to be watched", func() bool { return strings.Contains(at.says(t), `"container":"`+name+`"`) })

	if _, err := at.docker(t.Context(), "exec", id, "touch", "/sick"); err != nil {
		t.Fatal(err)
	}
	next, nextID, nextName := w.web(id)
	await(t, patience, "the end of it to be told", func() bool { return told(at.says(t), name) >= 2 })
	for _, e := range w.nodes {
		want := 0
		if e == at {
			want = 2 // its beginning and its end
		}
		said := e.says(t)
		if n := told(said, name); n != want {
			t.Errorf("a defib told %d times of %s; want %d", n, name, want)
		}
		if strings.Contains(said, "has no HEALTHCHECK") {
			t.Error("a defib says of a task that has not begun that it has no health check")
		}
	}
	if all := at.restarts(); all != "" {
		t.Errorf("somebody restarted a task: %s", all)
	}
	await(t, patience, "the next task to be watched", func() bool { return strings.Contains(next.says(t), `"container":"`+nextName+`"`) })

	next.kill()
	last, lastID, _ := w.web(nextID)
	if last == next || lastID == id {
		t.Error("the lost node's task is where it was: the test shows nothing")
	}
	for _, e := range w.nodes {
		if e == next {
			continue
		}
		if said := e.says(t); told(said, nextName) > 0 || strings.Contains(said, `"level":"error"`) || strings.Count(said, `"message":"connected"`) != 1 {
			t.Errorf("a node was lost, and the defib of another said:\n%s", said)
		}
		if all := e.restarts(); all != "" {
			t.Errorf("somebody restarted a task: %s", all)
		}
	}
}

// told counts what a defib's log tells people of a container.
func told(log, container string) int {
	n := 0
	for l := range strings.Lines(log) {
		if strings.Contains(l, `"container":"`+container+`"`) && strings.Contains(l, `"incident"`) {
			n++
		}
	}
	return n
}

// restarts lists the restarts that the engine remembers.
func (e *ownEngine) restarts() string {
	e.t.Helper()
	out, err := e.docker(e.t.Context(), "events", "--since", "1", "--until", strconv.FormatInt(time.Now().Unix(), 10), "--filter", "event=restart")
	if err != nil {
		e.t.Fatal(err)
	}
	return out
}

// web waits for a healthy task of the service other than one, and tells where it is.
func (w *swarm) web(other string) (at *ownEngine, id, name string) {
	w.t.Helper()
	await(w.t, patience, "a task of the service to be well", func() bool {
		for _, e := range w.nodes[1:] {
			if id, name = e.task("shop_web"); id == "" || id == other {
				continue
			}
			at = e
			health, err := e.docker(w.t.Context(), "inspect", "-f", "{{.State.Health.Status}}", id)
			return err == nil && health == "healthy"
		}
		return false
	})
	return at, id, name
}
