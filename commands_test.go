package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"defib/internal/dockertest"
	"defib/notify"
	"defib/status"
)

// liveEngine is an engine on a port of this machine, and the environment of a
// defib that watches it.
func liveEngine(t *testing.T, specs ...dockertest.Spec) (*dockertest.Engine, []string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	eng := dockertest.New(dockertest.Options{})
	eng.Serve(l)
	t.Cleanup(eng.Close)
	for _, s := range specs {
		eng.Run(s)
	}
	return eng, []string{"DOCKER_HOST=tcp://" + l.Addr().String(), "AUTOHEAL_CONTAINER_LABEL=all"}
}

// typedLive types one command.
func typedLive(t *testing.T, line string, environ ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = command(t.Context(), strings.Fields(line), environ, &out, &err)
	return code, out.String(), err.String()
}

// TestExitCodes: each is what the helps say.
func TestExitCodes(t *testing.T) {
	probed := &dockertest.Health{Retries: 1}
	_, live := liveEngine(t,
		dockertest.Spec{Name: "web", Health: probed},
		dockertest.Spec{Name: "bare"},
		dockertest.Spec{Name: "twin-1", Health: probed, Labels: map[string]string{"com.docker.compose.project": "p", "com.docker.compose.service": "twin"}},
		dockertest.Spec{Name: "twin-2", Health: probed, Labels: map[string]string{"com.docker.compose.project": "p", "com.docker.compose.service": "twin"}},
	)
	gone := []string{"DOCKER_HOST=unix:///nowhere/docker.sock"}
	wrong := append([]string{"AUTOHEAL_ACTION=reboot"}, live...)
	dir := []string{"AUTOHEAL_STATE_DIR=" + t.TempDir()}
	for _, c := range []struct {
		line string
		env  []string
		code int
		says string
	}{
		{"check", live, exitOK, "4 of 4 containers are watched"},
		{"check --json", live, exitOK, `"ok": true`},
		{"check -json", live, exitOK, `"ok": true`},
		{"check --all", live, exitOK, "AUTOHEAL_PARALLEL"},
		{"check", gone, exitFailed, "there is no socket at unix:///nowhere/docker.sock; mount it"},
		{"check --json", gone, exitFailed, `"reachable": false`},
		{"check", append(live[:1:1], "AUTOHEAL_CONTAINER_LABEL=nobody"), exitFailed, "no container is watched"},
		{"check", wrong, exitUsage, "must be restart, stop, notify or none"},
		{"check --json", wrong, exitUsage, "must be restart, stop, notify or none"},
		{"check web", live, exitUsage, "it takes no arguments; see defib check --help"},
		{"check --jsn", live, exitUsage, "there is no option --jsn; see defib check --help"},
		{"explain web", live, exitOK, "it would be restarted if it turned unhealthy"},
		{"explain web --json", live, exitOK, `"would": true`},
		{"explain --json web", live, exitOK, `"would": true`},
		{"explain -- web", live, exitOK, "it would be restarted"},
		{"explain /web", live, exitOK, "it would be restarted"},
		{"explain bare", live, exitWouldNot, "HEALTHCHECK"},
		{"explain bare --json", live, exitWouldNot, `"would": false`},
		{"explain webb", live, exitFailed, "did you mean web?"},
		{"explain twin", live, exitUsage, "twin-2"},
		{"explain p/twin", live, exitUsage, "2 containers"},
		{"explain web", gone, exitFailed, "there is no socket"},
		{"explain web", wrong, exitUsage, "must be restart"},
		{"explain", live, exitUsage, "it takes the name of one container"},
		{"explain web bare", live, exitUsage, "it takes the name of one container"},
		{"explain web -- --json", live, exitUsage, "it takes the name of one container"},
		{"status", live, exitFailed, "AUTOHEAL_STATE_DIR is not set"},
		{"status", dir, exitFailed, "docker compose exec defib /defib status"},
		{"status --watch", dir, exitFailed, "no defib answers"},
		{"status web", dir, exitUsage, "it takes no arguments"},
		{"status --watch --json", dir, exitUsage, "leave out --watch"},
		{"status --al", dir, exitUsage, "there is no option --al"},
		{"version", nil, exitOK, "defib dev commit "},
		{"--version", nil, exitOK, "defib dev"},
		{"-v", nil, exitOK, "defib dev"},
		{"version now", nil, exitUsage, "takes no arguments"},
		{"run now", nil, exitUsage, "defib run takes no arguments"},
		{"autoheal now", nil, exitUsage, "takes no arguments"},
		{"healthcheck now", nil, exitUsage, "takes no arguments"},
		{"test-alert", nil, exitFailed, "There is no receiver"},
		{"help", nil, exitOK, "AUTOHEAL_CONTAINER_LABEL"},
		{"--help", nil, exitOK, "AUTOHEAL_CONTAINER_LABEL"},
		{"-h", nil, exitOK, "AUTOHEAL_CONTAINER_LABEL"},
		{"help status", nil, exitOK, "defib status [--all]"},
		{"help help", nil, exitOK, "defib help [COMMAND]"},
		{"help stats", nil, exitUsage, "did you mean status?"},
		{"explian web", nil, exitUsage, `there is no command "explian": did you mean explain?; see defib help`},
		{"frobnicate", nil, exitUsage, `there is no command "frobnicate"; see defib help`},
	} {
		code, out, err := typedLive(t, c.line, c.env...)
		if code != c.code || !strings.Contains(strings.Join(strings.Fields(out+err), " "), c.says) {
			t.Errorf("defib %s: %d; want %d and %q in:\n%s%s", c.line, code, c.code, c.says, out, err)
		}
		tame(t, err, usualWidth)
	}
}

// TestHelps: each command has one that fits a terminal, has examples and tells
// the exit codes, and each way to ask for it gives the same.
func TestHelps(t *testing.T) {
	for _, s := range subcommands() {
		code, out, err := typedLive(t, "help "+s.name)
		if code != exitOK || err != "" || !strings.Contains(out, "Exit code") || !strings.Contains(out, "  docker ") ||
			!strings.Contains(out, "defib "+s.name) {
			t.Errorf("%s: %d, %s%s", s.name, code, out, err)
		}
		tame(t, out, usualWidth)
		if s.name == "help" {
			continue
		}
		for _, way := range []string{"--help", "-h", "web --help", "--json -h"} {
			if _, again, _ := typedLive(t, s.name+" "+way); again != out {
				t.Errorf("defib %s %s prints something else:\n%s", s.name, way, again)
			}
		}
	}
	_, out, _ := typedLive(t, "help")
	tame(t, out, usualWidth)
	for _, s := range subcommands() {
		if !strings.Contains(out, "\n  "+s.name+" ") {
			t.Errorf("defib help does not name %s", s.name)
		}
	}
}

// TestCommandsDocument holds docs/commands.md against the code.
func TestCommandsDocument(t *testing.T) {
	const path = "docs/commands.md"
	var want strings.Builder
	want.WriteString("# The commands\n\nThis is what `defib COMMAND --help` prints: written by \"go test . -update\", held by \"go test .\".\n")
	said := map[string]bool{}
	for _, s := range subcommands() {
		if said[s.help] {
			continue // one help for several
		}
		said[s.help] = true
		want.WriteString("\n## " + s.name + "\n\n```\n" + s.help + "```\n")
	}
	if *update {
		if err := os.WriteFile(path, []byte(want.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want.String() {
		t.Errorf("%s is not what the code says, %v: run go test . -update and read the difference", path, err)
	}
}

// TestCheckKeepsSecrets: no secret, and nothing that may hold one, is ever
// printed: in no form, and not where the configuration is wrong either.
func TestCheckKeepsSecrets(t *testing.T) {
	const marker = "S3CRET"
	_, live := liveEngine(t, dockertest.Spec{Name: "web"})
	host := strings.TrimPrefix(live[0], "DOCKER_HOST=tcp://")
	file := filepath.Join(t.TempDir(), "secret")
	planted := []string{
		"AUTOHEAL_CONTAINER_LABEL=all", "DOCKER_HOST=tcp://user:" + marker + "@" + host + "/" + marker + "?token=" + marker,
		"AUTOHEAL_DOCKER_HOST_WRITE=tcp://" + marker + ":" + marker + "@" + host, "POST_RESTART_SCRIPT=/hook --token " + marker,
	}
	n := 0
	for _, f := range fieldsOf(reflect.ValueOf(&config{}).Elem()) {
		if f.value.Type() != reflect.TypeFor[notify.Secret]() {
			continue
		}
		n++
		value := map[string]string{
			"AUTOHEAL_ALERT_URLS": "https://hooks.slack.com/services/" + marker + " ntfy+https://user:" + marker + "@ntfy.example.org/t#token=" + marker +
				" smtp://user:" + marker + "@mail.example.org:587?from=a@example.org&to=b@example.org",
		}[f.name]
		if value == "" {
			value = "https://user:" + marker + "@hooks.example.org/" + marker + "?key=" + marker
		}
		planted = append(planted, f.name+"="+value)
	}
	if n < 5 {
		t.Fatalf("only %d secret variables were found", n)
	}
	if err := os.WriteFile(file, []byte("https://hooks.slack.com/"+marker), 0o600); err != nil {
		t.Fatal(err)
	}
	fromFile := append([]string{"SLACK_WEBHOOK_URL_FILE=" + file}, live...)
	wrong := append([]string{"AUTOHEAL_ACTION=reboot", "SLACK_WEBHOOK_URL=nonsense-" + marker}, planted[:len(planted)-n]...)
	wrongHost := []string{"DOCKER_HOST=ssh://user:" + marker + "@host", "AUTOHEAL_ALERT_URLS=https://unknown.example.org/" + marker}
	for _, line := range []string{"check", "check --all", "check --json", "check --all --json", "explain web", "explain web --json", "status", "test-alert --help"} {
		for _, env := range [][]string{planted, fromFile, wrong, wrongHost} {
			if _, out, err := typedLive(t, line, env...); strings.Contains(out+err, marker) {
				t.Errorf("defib %s shows a secret:\n%s%s", line, out, err)
			}
		}
	}
	if _, out, _ := typedLive(t, "check", append(live, "AUTOHEAL_LISTEN=off")...); !strings.Contains(strings.Join(strings.Fields(out), " "), "AUTOHEAL_LISTEN off environment") {
		t.Errorf("a page that is turned off is not shown so:\n%s", out)
	}
	_, out, _ := typedLive(t, "check", planted...)
	for _, want := range []string{"[hidden]", "slack (hooks.slack.com)", "ntfy (ntfy.example.org)", "tcp://" + host, "/hook ..."} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not shown in:\n%s", want, out)
		}
	}
	if _, out, _ := typedLive(t, "check", fromFile...); !strings.Contains(out, "file "+filepath.Dir(file)[:4]) || !strings.Contains(out, "SLACK_WEBHOOK_URL_FILE") {
		t.Errorf("where a secret comes from is not told:\n%s", out)
	}
}

// TestCommandsAreTame: whatever somebody called a container, wrote into its
// labels or has its probe print.
func TestCommandsAreTame(t *testing.T) {
	var specs []dockertest.Spec
	for i, text := range hostile {
		specs = append(specs, dockertest.Spec{
			Name: strings.ReplaceAll(text, "/", "") + string(rune('a'+i)), Image: text,
			Labels: map[string]string{
				"autoheal.action": text, "autoheal.stop.timeout": text, "autoheal." + text: text, "com.docker.compose.project": text, "com.docker.compose.service": text,
				"com.docker.compose.depends_on": text + ":service_healthy:true", "autoheal.restart-with": text,
			},
			Health: &dockertest.Health{Retries: 1},
		})
	}
	eng, live := liveEngine(t, specs...)
	var ids []string
	var found checkup
	_, out, _ := typedLive(t, "check --json", live...)
	tame(t, out, 1<<20)
	decode(t, []byte(out), &found)
	for i, c := range found.Containers {
		ids = append(ids, c.ID)
		if err := eng.SetHealth(c.ID, "unhealthy", strings.Join(hostile, "\n")+hostile[i]); err != nil {
			t.Fatal(err)
		}
	}
	if len(ids) != len(hostile) {
		t.Fatalf("%d of %d containers are listed", len(ids), len(hostile))
	}
	for _, columns := range []string{"40", "80", "200"} {
		width := widthFor(nil, []string{"COLUMNS=" + columns})
		code, out, err := typedLive(t, "check --all", append(live, "COLUMNS="+columns)...)
		if code != exitOK {
			t.Error(code, err)
		}
		tame(t, out+err, width)
		for _, id := range ids {
			_, out, err := typedLive(t, "explain "+id, append(live, "COLUMNS="+columns)...)
			tame(t, out+err, width)
			if !strings.Contains(out, "| ") {
				t.Errorf("what its probe printed is not shown:\n%s", out)
			}
		}
	}
	for _, text := range hostile {
		var out bytes.Buffer
		command(t.Context(), []string{"explain", text}, live, &out, &out)
		command(t.Context(), []string{text}, live, &out, &out)
		command(t.Context(), []string{"help", text}, live, &out, &out)
		command(t.Context(), []string{"check", "--" + text}, live, &out, &out)
		tame(t, out.String(), 300)
	}
}

// fixed is a source that says the same at each call.
type fixed struct {
	engine     status.Engine
	containers []status.Container
	incidents  []status.Incident
	receivers  []status.Receiver
}

func (f *fixed) Engine() status.Engine                                  { return f.engine }
func (f *fixed) Containers(context.Context) ([]status.Container, error) { return f.containers, nil }
func (f *fixed) Incidents() []status.Incident                           { return f.incidents }
func (f *fixed) Incident(string) (status.Incident, bool)                { return status.Incident{}, false }
func (f *fixed) Receivers() []status.Receiver                           { return f.receivers }

// TestStatusIsTame: what the API says of hostile containers may be anything.
func TestStatusIsTame(t *testing.T) {
	now := time.Now()
	f := &fixed{engine: status.Engine{OK: true, Why: "watching", Since: now}}
	for _, text := range hostile {
		f.containers = append(f.containers, status.Container{
			ID: text, Name: text, Watched: true, Rule: text, State: "running", Health: "unhealthy", Phase: "failing", Hold: text, Outlook: text, Incident: text, Warnings: []string{text},
		})
		f.incidents = append(f.incidents, status.Incident{ID: text + "x", Title: text, Since: now, At: now})
		f.receivers = append(f.receivers, status.Receiver{Name: text, Place: text, Trouble: text, Since: &now})
		f.engine.Pauses = append(f.engine.Pauses, status.Pause{What: text, Until: now.Add(time.Hour)})
		f.engine.Host, f.engine.Engine, f.engine.Version = text, text, text
	}
	dir := shortDir(t)
	defer serveAPI(t, filepath.Join(dir, "control.sock"), f)()
	for _, columns := range []string{"40", "80", "200"} {
		env := []string{"AUTOHEAL_STATE_DIR=" + dir, "COLUMNS=" + columns}
		for _, line := range []string{"status", "status --all"} {
			code, out, err := typedLive(t, line, env...)
			if code != exitOK || err != "" {
				t.Errorf("defib %s: %d, %s", line, code, err)
			}
			tame(t, out, widthFor(nil, env))
		}
	}
	_, out, _ := typedLive(t, "status --json", "AUTOHEAL_STATE_DIR="+dir)
	tame(t, out, 1<<20)
	var s snapshot
	decode(t, []byte(out), &s)
	if len(s.Containers) != len(hostile) || len(s.Incidents) != len(hostile) || len(s.Receivers) != len(hostile) {
		t.Errorf("%d containers, %d incidents, %d receivers", len(s.Containers), len(s.Incidents), len(s.Receivers))
	}
}

// TestJSONHasNoNulls where a list is promised: programs loop over them.
func TestJSONHasNoNulls(t *testing.T) {
	_, live := liveEngine(t)
	for _, env := range [][]string{live, {"DOCKER_HOST=unix:///nowhere/docker.sock"}, {"AUTOHEAL_ACTION=reboot"}} {
		_, out, _ := typedLive(t, "check --json", env...)
		var fields map[string]json.RawMessage
		decode(t, []byte(out), &fields)
		for _, name := range []string{"against", "problems", "warnings", "settings", "receivers", "containers"} {
			if !bytes.HasPrefix(fields[name], []byte("[")) {
				t.Errorf("%s is %s", name, fields[name])
			}
		}
	}
}

// TestStatusOfAnotherVersion: a defib whose socket does not have the API is told
// of as such.
func TestStatusOfAnotherVersion(t *testing.T) {
	dir := shortDir(t)
	l, err := net.Listen("unix", filepath.Join(dir, "control.sock"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	defer server.Close() //nolint:errcheck // of a test
	if code, _, err := typedLive(t, "status", "AUTOHEAL_STATE_DIR="+dir); code != exitFailed || !strings.Contains(strings.Join(strings.Fields(err), " "), "another version") {
		t.Errorf("%d, %s", code, err)
	}
}
