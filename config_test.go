package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"defib/heal"
)

func TestDefaultsNeedNothing(t *testing.T) {
	c, warnings, wrong := load(nil)
	if len(wrong) > 0 || len(warnings) > 0 {
		t.Fatalf("an empty environment gives %v, %v", wrong, warnings)
	}
	o, err := watcherOptions(c)
	if err != nil {
		t.Fatal(err)
	}
	p := o.Policy
	if o.Endpoint.Host != "unix:///var/run/docker.sock" || o.Interval != 5*time.Second || o.Selection.Key != "autoheal" ||
		p.Treatment != heal.TreatRestart || p.StopTimeout != -1 || p.MaxRestarts != 5 || p.RetryAfterMax != 6*time.Hour {
		t.Errorf("defaults: %+v", o)
	}
}

// TestDropIn: what people have for docker-autoheal means here what it meant
// there, in any spelling that worked.
func TestDropIn(t *testing.T) {
	c, warnings, wrong := load([]string{
		"AUTOHEAL_CONTAINER_LABEL=all", "AUTOHEAL_START_PERIOD=300", `AUTOHEAL_INTERVAL="5"`, "AUTOHEAL_DEFAULT_STOP_TIMEOUT=10",
		"AUTOHEAL_ONLY_MONITOR_RUNNING=False", "DOCKER_SOCK=tcp://proxy:2375", "CURL_TIMEOUT=30", "WEBHOOK_URL=https://discord.com/api/webhooks/1/x",
		"WEBHOOK_JSON_KEY=content", "APPRISE_URL=http://apprise:8000/notify/key", "POST_RESTART_SCRIPT=/hook.sh x", "TZ=Europe/Berlin", "AUTOHEAL_ACTION=",
	})
	if len(wrong) > 0 || len(warnings) > 0 {
		t.Fatalf("%v, %v", wrong, warnings)
	}
	o, err := watcherOptions(c)
	if err != nil {
		t.Fatal(err)
	}
	if !o.Selection.All || o.StartPeriod != 5*time.Minute || o.Interval != 5*time.Second || o.Policy.StopTimeout != 10*time.Second ||
		o.Endpoint.Host != "tcp://proxy:2375" || o.Endpoint.TLS != nil || o.CallTimeout != 30*time.Second {
		t.Errorf("%+v", o)
	}
	if !c.Notify.WebhookURL.IsSet() || !c.Notify.AppriseURL.IsSet() || c.Notify.PostRestartScript != "/hook.sh x" || c.Notify.WebhookJSONKey != "content" {
		t.Errorf("%+v", c.Notify)
	}
}

// TestWrongConfiguration: everything that is wrong is said at once, each with
// the variable, the value, what is allowed and an example; no secret is shown.
func TestWrongConfiguration(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	code := command(t.Context(), nil, []string{
		"AUTOHEAL_INTERVAL=abc", "AUTOHEAL_START_PERIOD=-1", "AUTOHEAL_ACTION=reboot", "AUTOHEAL_ONLY_MONITOR_RUNNING=maybe",
		"AUTOHEAL_MAX_RESTARTS=0", "LOG_LEVEL=loud", "LOG_FORMAT=xml", "DOCKER_HOST=ssh://host", "AUTOHEAL_DOCKER_HOST_WRITE=nonsense",
		"SLACK_WEBHOOK_URL=hooks.slack.com/SECRET", "WEBHOOK_URL=x", "WEBHOOK_URL_FILE=/y", "APPRISE_URL_FILE=" + empty,
	}, &stderr, &stderr)
	said := stderr.String()
	if code != exitUsage {
		t.Errorf("exit code %d; want %d", code, exitUsage)
	}
	for _, want := range []string{
		`AUTOHEAL_INTERVAL="abc": must be seconds or a duration from 500ms to 1h, such as AUTOHEAL_INTERVAL=5s`,
		`AUTOHEAL_START_PERIOD="-1"`, `AUTOHEAL_ACTION="reboot": must be restart, stop, notify or none`,
		`AUTOHEAL_ONLY_MONITOR_RUNNING="maybe": must be true or false`, `AUTOHEAL_MAX_RESTARTS="0": must be a whole number from 1 to 100`,
		`LOG_LEVEL="loud"`, `LOG_FORMAT="xml"`, `DOCKER_HOST="ssh://host": has the scheme "ssh"`, `AUTOHEAL_DOCKER_HOST_WRITE="nonsense"`,
		"SLACK_WEBHOOK_URL", "WEBHOOK_URL and WEBHOOK_URL_FILE are both set", "APPRISE_URL_FILE=",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("not said: %s", want)
		}
	}
	if strings.Contains(said, "SECRET") {
		t.Error("a secret was shown")
	}
	if t.Failed() {
		t.Log(said)
	}
}

// TestWrongCertificates: it is not the address that is wrong then.
func TestWrongCertificates(t *testing.T) {
	var stderr bytes.Buffer
	folder := t.TempDir()
	code := command(t.Context(), nil, []string{"DOCKER_HOST=tcp://host:2376", "DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + folder}, &stderr, &stderr)
	want := "DOCKER_CERT_PATH=" + strconv.Quote(folder) + ": read the certificate authority: open " + folder + "/ca.pem: no such file or directory; must be the folder of ca.pem, cert.pem and key.pem"
	if said := strings.Join(strings.Fields(stderr.String()), " "); code != exitUsage || !strings.Contains(said, want) || strings.Contains(said, "must be an address") {
		t.Errorf("exit code %d: %s\nwant: %s", code, said, want)
	}
}

func TestUnknownVariablesAreWarnedOf(t *testing.T) {
	_, warnings, wrong := load([]string{"AUTOHEAL_INTERVALL=5", "AUTOHEAL_COLOUR=red", "AUTOHEAL_CONTAINER_LABELS=all", "PATH=/bin"})
	want := []string{
		"AUTOHEAL_COLOUR does not exist and is ignored",
		"AUTOHEAL_CONTAINER_LABELS does not exist and is ignored: did you mean AUTOHEAL_CONTAINER_LABEL?",
		"AUTOHEAL_INTERVALL does not exist and is ignored: did you mean AUTOHEAL_INTERVAL?",
	}
	if len(wrong) > 0 || !slices.Equal(warnings, want) {
		t.Errorf("%q, %v; want %q", warnings, wrong, want)
	}
}

func TestSecretsFromFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte("https://hooks.slack.com/services/T/B/X\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, wrong := load([]string{"SLACK_WEBHOOK_URL_FILE=" + file})
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	p, err := assemble(c, zerolog.Nop())
	if err != nil || len(p.notifier.Receivers()) != 1 {
		t.Errorf("%v, %v", p, err)
	}
}

// TestFieldsAreDescribed: a variable without help or example could not be
// explained to whoever gets it wrong.
func TestFieldsAreDescribed(t *testing.T) {
	for _, f := range fieldsOf(reflect.ValueOf(&config{}).Elem()) {
		if f.help == "" || f.example == "" || !strings.HasSuffix(f.help, ".") {
			t.Errorf("%s: help %q, example %q", f.name, f.help, f.example)
		}
		if !f.secret && f.preset != "" {
			if _, _, wrong := load([]string{f.name + "=" + f.example}); len(wrong) > 0 {
				t.Errorf("the example of %s is wrong: %v", f.name, wrong)
			}
		}
	}
}
