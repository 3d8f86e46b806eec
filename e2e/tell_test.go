package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// slack is a local server that takes messages as Slack does.
type slack struct {
	url string

	mu     sync.Mutex
	bodies []string
	types  []string
}

const slackSecret = "T000SECRET" // part of the URL; must never be seen elsewhere

func startSlack(t *testing.T) *slack {
	t.Helper()
	var s slack
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error("read a message:", err)
		}
		s.mu.Lock()
		s.bodies = append(s.bodies, string(body))
		s.types = append(s.types, r.Header.Get("Content-Type"))
		s.mu.Unlock()
		_, _ = io.WriteString(w, "ok") // the client may have gone
	}))
	t.Cleanup(server.Close)
	s.url = server.URL + "/services/" + slackSecret
	return &s
}

// told gives the bodies so far.
func (s *slack) told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bodies)
}

// settings make defib tell this server, which only the host's network reaches.
func (s *slack) settings() []string {
	return []string{"--network", "host", "-e", "SLACK_WEBHOOK_URL=" + s.url, "-e", "AUTOHEAL_HOST_NAME=e2e-host", "-e", "AUTOHEAL_LISTEN="}
}

// TestTellsSlack: one message when it was restarted, one when it is well; or one
// for both where that took no longer than a message is held back.
func TestTellsSlack(t *testing.T) {
	s := newScene(t)
	people := startSlack(t)
	sick := s.patient("sick", s.watched())
	d := s.defib(people.settings()...)
	sick.awaits(healthy, 1)
	sick.sicken()
	sick.isHealed(1)

	s.await("it to be told as over", func() bool {
		told := people.told()
		return len(told) > 0 && strings.Contains(told[len(told)-1], "[RESOLVED]")
	})
	for i, body := range people.told() {
		if people.types[i] != "application/json" && !strings.HasPrefix(people.types[i], "application/json;") {
			t.Errorf("the type of message %d is %q", i+1, people.types[i])
		}
		var message map[string]any
		if err := json.Unmarshal([]byte(body), &message); err != nil {
			t.Errorf("message %d is no JSON: %v", i+1, err)
		}
		for _, part := range []string{sick.name, "e2e-host"} {
			if !strings.Contains(body, part) {
				t.Errorf("message %d does not name %s:\n%s", i+1, part, body)
			}
		}
	}
	if first := people.told()[0]; !strings.Contains(first, "patient is sick") {
		t.Errorf("the first message does not give the probe's own words:\n%s", first)
	}
	if n := len(people.told()); n > 2 {
		t.Errorf("%d messages; want one or two:\n%s", n, strings.Join(people.told(), "\n"))
	}
	if strings.Contains(d.log(), slackSecret) {
		t.Error("the log shows the receiver's URL")
	}
}

// TestTestAlert: the message that people send to try their receivers.
func TestTestAlert(t *testing.T) {
	s := newScene(t)
	people := startSlack(t)
	try := func(url string) (string, error) {
		args := slices.Concat([]string{"run", "--rm", "--network", "host", "--label", sceneLabel + "=" + s.name}, hardened(),
			[]string{"-e", "SLACK_WEBHOOK_URL=" + url, s.stage.image, "test-alert"})
		out, err := machine().command(t.Context(), args...).CombinedOutput()
		return string(out), err
	}
	if out, err := try(people.url); err != nil {
		t.Errorf("test-alert: %v: %s", err, out)
	}
	if n := len(people.told()); n != 1 {
		t.Errorf("%d messages; want 1", n)
	}
	// Nobody listens on port 1.
	if out, err := try("http://127.0.1.1:1/services/" + slackSecret); err == nil || strings.Contains(out, slackSecret) {
		t.Errorf("test-alert to nobody: %v; want a failure without the secret: %s", err, out)
	}
}

// TestSaysWhatAProxyForbids: a proxy forbids restarts. It is told once however
// often it is tried, and the container stays as it is.
func TestSaysWhatAProxyForbids(t *testing.T) {
	s := newScene(t)
	people := startSlack(t)
	p := startProxy(t, s.engine, rules{readOnly: true})
	sick := s.patient("sick", s.watched(), "-sick-runs", "1")
	d := s.defibAt(p.mount, people.settings()...)

	s.await("three tries", func() bool { return p.asked("POST", "/containers/"+sick.id+"/restart") >= 3 })
	sick.isUntouched()
	if n := len(people.told()); n != 1 {
		t.Errorf("%d messages; want 1:\n%s", n, strings.Join(people.told(), "\n"))
	}
	lines := d.said(func(l line) bool {
		return l.Container == sick.name && l.Reason == "restart-failed" && (l.Level == "warn" || l.Level == "error")
	})
	if len(lines) != 1 {
		t.Fatalf("%d lines say that it failed; want 1", len(lines))
	}
	if said := lines[0].Err; strings.Contains(said, "<html>") || !strings.Contains(said, "403") && !strings.Contains(said, "forb") {
		t.Errorf("the log does not say in words that it is forbidden: %s", lines[0].raw)
	}

	p.set(rules{}) // somebody puts it right
	sick.isHealed(1)
}

// TestComposeExample: the file that people copy from works as it stands.
func TestComposeExample(t *testing.T) {
	s := newScene(t)
	if _, err := machine().docker(t.Context(), "image", "inspect", "busybox:stable"); err != nil {
		unavailable(t, "no image busybox:stable: "+err.Error())
	}
	// Only what makes this run the tests' own.
	extra := filepath.Join(t.TempDir(), "extra.yml")
	labels := "labels: {" + sceneLabel + ": " + s.name + "}"
	err := os.WriteFile(extra, []byte("services:\n  defib: {image: '"+s.stage.image+"', "+labels+"}\n  web: {"+labels+"}\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	compose := composeCommand(t)
	run := func(args ...string) string {
		t.Helper()
		args = slices.Concat(compose[1:], []string{"-p", s.name, "-f", "../docker-compose.example.yml", "-f", extra}, args)
		out, err := exec.Command(compose[0], args...).CombinedOutput() //nolint:noctx // the last one comes after the test's context
		if err != nil {
			t.Errorf("%s %s: %v: %s", compose[0], strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	t.Cleanup(func() { run("down", "-v", "-t", "1") })

	run("up", "-d", "--no-build")
	web := patient{scene: s, name: "web", id: s.docker("ps", "-q", "--no-trunc", "--filter", "label="+sceneLabel+"="+s.name,
		"--filter", "label=com.docker.compose.service=web")}
	web.awaits(healthy, 1)
	run("exec", "-T", "web", "touch", "/tmp/sick")
	web.awaits(unhealthy, 1)
	web.isHealed(1)
	t.Logf("from the engine's word to the container's end: %s", web.lag())
}

// composeCommand gives whichever Compose there is.
func composeCommand(t *testing.T) []string {
	t.Helper()
	if _, err := machine().docker(t.Context(), "compose", "version"); err == nil {
		return []string{"docker", "compose"}
	}
	if _, err := exec.LookPath("docker-compose"); err != nil {
		unavailable(t, "no Compose: "+err.Error())
	}
	return []string{"docker-compose"}
}
