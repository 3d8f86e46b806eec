package notify

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"defib/heal"
)

// These tests run /bin/sh with a file, and not the file itself: while another
// test forks, a file that was just written is busy and cannot be executed.

// shell gives the options for a shell script, with a leading argument.
func shell(t *testing.T, text string) Options {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hook.sh")
	write(t, path, text)
	return Options{PostRestartScript: " /bin/sh  " + path + "\tlead "}
}

func scriptOf(t *testing.T, o Options) (*script, *output) {
	t.Helper()
	out, log := newLog()
	s, ok := mustNew(t, o, log).workers[0].receiver.(*script)
	if !ok {
		t.Fatal("no script")
	}
	return s, out
}

func TestScriptGetsWhatAutohealPassed(t *testing.T) {
	t.Setenv("INHERITED", "from outside")
	s, out := scriptOf(t, shell(t, `for a; do echo "arg $a"; done; echo "env $INHERITED"; echo "in $(wc -c)"; echo err >&2`))
	n := unhealthy()
	n.Status, n.StopTimeout = heal.StatusPaused, 90*time.Second+500*time.Millisecond
	if err := s.deliver(t.Context(), say(n)); err != nil {
		t.Error(err)
	}
	var got []string
	for _, l := range lines(out, "script output") {
		got = append(got, strings.TrimSpace(l["output"].(string)))
	}
	want := []string{"arg lead", "arg /shop-web-1", "arg 4f5e6a7b8c9d", "arg paused", "arg 90", "env from outside", "in 0", "err"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestScriptOutputIsBounded(t *testing.T) {
	s, out := scriptOf(t, shell(t, `printf '\033[31mred\n'; head -c 100000 /dev/zero | tr '\0' x; echo; i=0
while [ $i -lt 300 ]; do echo "line $i"; i=$((i+1)); done; echo last`))
	if err := s.deliver(t.Context(), say(unhealthy())); err != nil {
		t.Error(err)
	}
	got := lines(out, "script output")
	if len(got) != maxOutputLines+1 || got[0]["output"] != "red" || got[2]["output"] != "line 0" ||
		got[maxOutputLines]["output"] != "(more output is not logged)" {
		t.Errorf("%d lines: %v", len(got), got)
	}
	if long := got[1]["output"].(string); len(long) > maxOutputLine+3 || !strings.HasSuffix(long, "…") {
		t.Errorf("a line of %d bytes", len(long))
	}
}

func TestScriptFailures(t *testing.T) {
	s, _ := scriptOf(t, shell(t, "exit 3"))
	path := s.place()
	check := func(s *script, want string) {
		t.Helper()
		err := s.deliver(t.Context(), say(unhealthy()))
		if outcome(err) != "dropped" || err.Error() != want {
			t.Errorf("got %v", err)
		}
	}
	check(s, "run "+path+": exit status 3")
	check(&script{command: []string{"/no/such/hook"}, timeout: time.Minute, secrets: newRedactor()},
		"run /no/such/hook: no such file or directory")
	dir := t.TempDir()
	write(t, dir+"/data", "x")
	check(&script{command: []string{dir + "/data"}, timeout: time.Minute, secrets: newRedactor()}, "run "+dir+"/data: permission denied")
}

// TestScriptWithoutItsShell is what happens to a shell script in an image that
// has none.
func TestScriptWithoutItsShell(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hook")
	if err := os.WriteFile(path, []byte("#!/no/such/shell\necho\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s, _ := scriptOf(t, Options{PostRestartScript: path})
	err := s.deliver(t.Context(), say(unhealthy()))
	if err == nil || !strings.Contains(err.Error(), "the image of defib has no shell: use a static binary") {
		t.Errorf("got %v", err)
	}
}

func TestMissingScriptIsAWarning(t *testing.T) {
	out, log := newLog()
	n := mustNew(t, Options{PostRestartScript: "/no/such/hook arg"}, log)
	if got := lines(out, "POST_RESTART_SCRIPT cannot be run"); len(got) != 1 || got[0]["level"] != "warn" ||
		got[0]["err"] != "look for /no/such/hook: no such file or directory" {
		t.Errorf("logged %v", got)
	}
	r := n.Test(t.Context())
	if len(r) != 1 || r[0].Err == nil || r[0].Skipped == "" || r[0].Host != "/no/such/hook" {
		t.Errorf("got %+v", r)
	}
}

// TestScriptIsKilledWithItsChildren: all of them hold a pipe open, which ends
// when the last of them is dead.
func TestScriptIsKilledWithItsChildren(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "alive")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(limit time.Duration, stop func(cancel context.CancelFunc)) error {
		s, _ := scriptOf(t, shell(t, "exec 3>"+pipe+"; (sleep 1000) & echo up >&3; sleep 1000"))
		s.timeout = limit
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		failed := make(chan error, 1)
		go func() { failed <- s.deliver(ctx, say(unhealthy())) }()
		alive, err := os.Open(pipe)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = alive.Close() }()
		up := make([]byte, 3)
		if _, err := io.ReadFull(alive, up); err != nil || string(up) != "up\n" {
			t.Fatalf("%q, %v", up, err)
		}
		stop(cancel)
		if rest := readAll(t, alive); rest != "" { // returns when all are dead
			t.Errorf("got %q", rest)
		}
		return <-failed
	}
	if err := run(300*time.Millisecond, func(context.CancelFunc) {}); err == nil || !strings.HasSuffix(err.Error(), "killed after 0.3 s") {
		t.Errorf("got %v", err)
	}
	if err := run(time.Minute, func(cancel context.CancelFunc) { cancel() }); err == nil || !strings.HasSuffix(err.Error(), "killed by the shutdown") {
		t.Errorf("got %v", err)
	}
}

// TestScriptMayLeaveAChild: one in the background holds the output open, but
// the next alert does not wait for it, and it is left alone.
func TestScriptMayLeaveAChild(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	s, out := scriptOf(t, shell(t, "sleep 1000 & echo $! >"+pidFile+"; echo done"))
	began := time.Now()
	if err := s.deliver(t.Context(), say(unhealthy())); err != nil || time.Since(began) > 10*scriptLinger {
		t.Errorf("%v after %s", err, time.Since(began))
	}
	if got := lines(out, "script output"); len(got) != 1 || got[0]["output"] != "done" {
		t.Errorf("logged %v", got)
	}
	content, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	child := 0
	for _, digit := range strings.TrimSpace(string(content)) {
		child = child*10 + int(digit-'0')
	}
	if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
		t.Errorf("the child is gone: %v", err)
	}
}

func TestScriptsRunOneAtATime(t *testing.T) {
	o := shell(t, `echo "start $3"; sleep 0.05; echo "end $3"`) // $3: the short id
	out, log := newLog()
	n := mustNew(t, o, log)
	stop := start(t, n)
	for _, id := range []string{"a", "b", "c"} {
		notice := unhealthy()
		notice.Container.ID, notice.Silent, notice.Repeat = id, id == "b", true
		n.Post(notice)
	}
	stop()
	var got []string
	for _, l := range lines(out, "script output") {
		got = append(got, l["output"].(string))
	}
	if want := []string{"start a", "end a", "start b", "end b", "start c", "end c"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
