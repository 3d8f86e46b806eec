package main

import (
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"defib/bench/rig"
	"defib/internal/dockertest"
)

// TestOpensAndConnects is a life of the real program under strace: it starts,
// heals a container, tells two receivers, shows its page and is told to end. It
// fails when the program opens, writes, binds or reaches anything that
// SECURITY.md does not name, or starts another process.
func TestOpensAndConnects(t *testing.T) {
	if testing.Short() {
		t.Skip("it lives for ten seconds, and there are no races to see in another process")
	}
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		missing(t, "strace")
	}
	l := newLife(t)
	trace := filepath.Join(l.dir, "trace")
	c := exec.CommandContext(t.Context(), strace, "-f", "-y", "-qq", "-s", "4096", "-o", trace, "-e", "signal=none",
		"-e", "trace=%file,%network,%process,io_uring_setup,memfd_create", l.program)
	c.Env, c.Dir = l.env, "/"
	said := &rig.Log{}
	c.Stderr, c.Stdout = said, said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	l.live(said)
	// strace passes no signal on; it ends when the program has.
	if err := syscall.Kill(l.pid(trace), syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("it ended with %v:\n%s", err, said)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	done := deeds(string(text), l.names)
	all := strings.Join(done, "\n")
	for _, deed := range done {
		if !slices.ContainsFunc(allowedDeeds(), func(a *regexp.Regexp) bool { return a.MatchString(deed) }) {
			t.Errorf("it must not: %s", deed)
		}
	}
	// So that what is allowed is known to be seen at all.
	for _, must := range []string{
		"run PROGRAM", "connect ENGINE", "connect SLACK", "connect HOOK", "bind PAGE", "bind @defib",
		"write STATE/state.json", "read /etc/resolv.conf", "read CA_FILE", "thread",
	} {
		if !slices.Contains(done, must) {
			t.Errorf("the trace does not show: %s\n%s", must, all)
		}
	}
	t.Logf("in a whole life:\n%s", all)
}

// allowedDeeds is all that a running defib may do. SECURITY.md tells it in words.
func allowedDeeds() []*regexp.Regexp {
	var all []*regexp.Regexp
	for _, line := range []string{
		`run PROGRAM`, `thread`,

		// Its own: what it remembers, its orders, and where it is told to look.
		`(read|write) STATE(/.*)?`, `read CA_FILE`,
		`bind STATE/\.control-\d+/s`, `connect STATE/control\.sock`,

		// The engine, the receivers, the page, and its own health check.
		`connect ENGINE`, `connect (SLACK|HOOK)`, `bind PAGE`, `bind @defib`,

		// Which container it runs in.
		`read /proc/self/mountinfo`, `read /etc/hostname`,

		// Its own size, for /metrics, and where its file is in memory, to give it back.
		`read /proc/self/(statm|maps|exe)`, `read PROGRAM`,

		// Go's own: the size of huge pages, processors and their limits, time zones, names, trust. Where a file is
		// missing it tries others.
		`read /sys/kernel/mm/transparent_hugepage/hpage_pmd_size`, `read /proc/sys/net/core/somaxconn`, `read /dev/null`,
		`read /proc/self/cgroup`, `read /sys/fs/cgroup/.*cpu.*`, `read (/usr/share|/usr/share/lib|/usr/lib/locale|/etc)/(zoneinfo/.*|TZ/.*|localtime)`,
		`read /etc/(hosts|resolv\.conf|nsswitch\.conf|mdns\.allow)`,
		`read /etc/(ssl|pki)/.*\.(pem|crt)`, `read CERT_DIR`,

		// It tries out which kinds of sockets there are, and how it would reach an address; nothing is sent.
		`bind \[(::1|::ffff:127\.0\.0\.1)\]:0`, `connect (127\.0\.0\.1|\[::1\]):9`,
	} {
		all = append(all, regexp.MustCompile("^"+line+"$"))
	}
	return all
}

// missing ends a test that a tool is missing for.
func missing(t *testing.T, tool string) {
	t.Helper()
	if os.Getenv("DEFIB_REQUIRE_ENGINE") == "1" {
		t.Fatal("DEFIB_REQUIRE_ENGINE=1, but there is no", tool)
	}
	t.Skip("there is no", tool)
}

// life is what one program is surrounded by.
type life struct {
	t            *testing.T
	dir, program string
	env          []string
	eng          *dockertest.Engine
	page         string // where it is shown
	names        *strings.Replacer
	told         chan string
}

func newLife(t *testing.T) *life {
	t.Helper()
	l := &life{t: t, dir: shortDir(t), told: make(chan string, 100)}
	l.program = filepath.Join(l.dir, "defib")
	build := exec.CommandContext(t.Context(), "go", "build", "-tags", "nethttpomithttp2", "-o", l.program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	l.eng = dockertest.New(dockertest.Options{})
	engine := filepath.Join(l.dir, "docker.sock")
	listener, err := net.Listen("unix", engine)
	if err != nil {
		t.Fatal(err)
	}
	l.eng.Serve(listener)
	t.Cleanup(l.eng.Close)
	l.eng.Run(dockertest.Spec{Name: "web", Health: &dockertest.Health{
		Interval: 100 * time.Millisecond, Timeout: 100 * time.Millisecond, Retries: 1, HealedByRestart: true,
	}})

	hear := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what was cut off is not what is waited for
		l.told <- r.URL.Path + string(body)
	})
	byName, byTLS := httptest.NewServer(hear), httptest.NewTLSServer(hear)
	t.Cleanup(byName.Close)
	t.Cleanup(byTLS.Close)
	ca := filepath.Join(l.dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: byTLS.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(l.dir, "data")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	l.page = freeAddress(t)
	_, slackPort, _ := net.SplitHostPort(byName.Listener.Addr().String())
	_, hookPort, _ := net.SplitHostPort(byTLS.Listener.Addr().String())
	l.env = []string{
		"TZ=Europe/Berlin", "LOG_FORMAT=json", "DOCKER_HOST=unix://" + engine, "AUTOHEAL_CONTAINER_LABEL=all", "AUTOHEAL_STATE_DIR=" + state,
		"AUTOHEAL_LISTEN=" + l.page, "SLACK_WEBHOOK_URL=http://localhost:" + slackPort + "/slack",
		"AUTOHEAL_ALERT_URLS=json+https://127.0.0.1:" + hookPort + "/hook", "AUTOHEAL_ALERT_CA_FILE=" + ca, "AUTOHEAL_ALERT_START=true",
		"SSL_CERT_DIR=" + filepath.Join(l.dir, "none"), // the image has one file and no folder of certificates
	}
	l.names = strings.NewReplacer(l.program, "PROGRAM", engine, "ENGINE", state, "STATE", ca, "CA_FILE", filepath.Join(l.dir, "none"), "CERT_DIR",
		"127.0.0.1:"+slackPort, "SLACK", "[::1]:"+slackPort, "SLACK", "127.0.0.1:"+hookPort, "HOOK", l.page, "PAGE")
	return l
}

// freeAddress is one that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // of a test
	return l.Addr().String()
}

// live has the container fall ill and be healed, and people look at it.
func (l *life) live(said *rig.Log) {
	l.await("the watch to begin", func() bool { return strings.Contains(said.String(), `"message":"ready"`) })
	if err := l.eng.Sicken("web", "no answer"); err != nil {
		l.t.Fatal(err)
	}
	over := map[string]bool{}
	late := time.After(time.Minute)
	for len(over) < 2 {
		select {
		case told := <-l.told:
			if strings.Contains(told, "RESOLVED") || strings.Contains(told, `"resolved"`) {
				over[told[:5]] = true
			}
		case <-late:
			l.t.Fatalf("only %v heard of the end:\n%s", over, said)
		}
	}
	for _, path := range []string{"/", "/metrics", "/api/v1/containers"} {
		r, err := http.Get("http://" + l.page + path) //nolint:noctx // of a test
		if err != nil {
			l.t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
		if r.StatusCode != http.StatusOK {
			l.t.Errorf("%s: %s", path, r.Status)
		}
	}
}

func (l *life) await(what string, holds func() bool) {
	l.t.Helper()
	for until := time.Now().Add(time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			l.t.Fatal("waited in vain for ", what)
		}
	}
}

// pid gives the traced program's process: the first of the trace.
func (l *life) pid(trace string) int {
	text, err := os.ReadFile(trace)
	if err != nil {
		l.t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(text), &pid); err != nil {
		l.t.Fatal(err)
	}
	return pid
}

// deeds reads a trace: what was run, read, written, bound and connected to, in
// words, sorted. A call that it does not know is a deed by its own name.
func deeds(trace string, names *strings.Replacer) []string {
	whole := regexp.MustCompile(`^\d+ +(\w+)\((.*)`)
	var all []string
	for line := range strings.Lines(trace) {
		// Else it is the second half of a call, which tells nothing new, or an end.
		if m := whole.FindStringSubmatch(line); m != nil {
			for _, d := range deed(m[1], m[2]) {
				all = append(all, names.Replace(d))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func deed(call, args string) []string {
	switch call {
	case "socket", "listen", "accept", "accept4", "shutdown", "getsockname", "getpeername", "getsockopt", "setsockopt",
		"recvfrom", "recvmsg", "exit", "exit_group", "getcwd", "waitid", "wait4":
		return nil // of what was bound, connected or run
	case "tgkill":
		if strings.Contains(args, "SIGURG") {
			return nil // Go's own, to make a thread look up from its work
		}
		return []string{call + " " + args}
	case "bind", "connect":
		return []string{call + " " + address(args)}
	case "sendto", "sendmsg", "sendmmsg":
		if !strings.Contains(args, "sa_family") {
			return nil // to whom it is connected
		}
		return []string{"send " + address(args)}
	case "clone", "clone3":
		if strings.Contains(args, "CLONE_THREAD") {
			return []string{"thread"}
		}
		return []string{"process " + args}
	case "execve":
		return []string{"run " + paths(args)[0]}
	case "open", "openat":
		if !strings.Contains(args, "O_WRONLY") && !strings.Contains(args, "O_RDWR") && !strings.Contains(args, "O_CREAT") {
			call = "read"
			break
		}
		call = "write"
	case "stat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "statfs":
		call = "read"
	case "mkdir", "mkdirat", "unlink", "unlinkat", "rename", "renameat", "renameat2", "chmod", "fchmodat", "fchmodat2":
		call = "write"
	default:
		return []string{call + " " + args}
	}
	var all []string
	for _, path := range paths(args) {
		all = append(all, call+" "+path)
	}
	return all
}

// paths gives the paths that a call names; one that begins at an open folder is
// put behind that.
func paths(args string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?:\w+<([^>]*)>, )?"([^"]*)"`).FindAllStringSubmatch(args, -1) {
		switch name := m[2]; {
		case name == "": // the file that is open already
		case m[1] != "":
			all = append(all, filepath.Join(m[1], name))
		default:
			all = append(all, name)
		}
	}
	return all
}

// address gives the address that a call names.
func address(args string) string {
	for _, form := range []struct{ pattern, as string }{
		{`sun_path=@"([^"]*)"`, "@$1"},
		{`sun_path="([^"]*)"`, "$1"},
		{`sin_port=(?:htons\()?(\w+)\)?, sin_addr=inet_addr\("([^"]*)"\)`, "$2:$1"},
		{`sin6_port=(?:htons\()?(\w+)\)?,.*inet_pton\(AF_INET6, "([^"]*)"`, "[$2]:$1"},
	} {
		re := regexp.MustCompile(form.pattern)
		if m := re.FindStringSubmatchIndex(args); m != nil {
			return string(re.ExpandString(nil, form.as, args, m))
		}
	}
	return args
}
