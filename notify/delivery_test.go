package notify

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"defib/heal"
)

// outcome of one attempt in a word.
func outcome(err error) string {
	var s *setback
	switch {
	case err == nil:
		return "delivered"
	case errors.As(err, &s):
		return "again"
	}
	return "dropped"
}

// attempt makes one against a server that answers so.
func attempt(t *testing.T, kind string, answer http.HandlerFunc) error {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	var o Options
	switch url := NewSecret(server.URL + "/hook"); kind {
	case "slack":
		o.SlackWebhookURL = url
	case "webhook":
		o.WebhookURL = url
	case "apprise":
		o.AppriseURL = url
	}
	_, log := newLog()
	return mustNew(t, o, log).workers[0].receiver.deliver(t.Context(), say(unhealthy()))
}

func TestOutcomeByStatus(t *testing.T) {
	for status, want := range map[int]string{
		200: "delivered", 201: "delivered", 202: "delivered", 204: "delivered",
		300: "dropped", 301: "dropped", 302: "dropped", 303: "dropped", 304: "dropped", 307: "dropped", 308: "dropped",
		400: "dropped", 401: "dropped", 403: "dropped", 404: "dropped", 405: "dropped", 409: "dropped", 410: "dropped",
		413: "dropped", 422: "dropped", 424: "dropped", 431: "dropped",
		408: "again", 425: "again", 429: "again",
		500: "again", 502: "again", 503: "again", 504: "again", 507: "again", 520: "again",
		501: "dropped", 505: "dropped",
	} {
		for _, kind := range []string{"slack", "webhook", "apprise"} {
			want := want
			if kind == "apprise" {
				switch status {
				case 204:
					want = "dropped"
				case 424:
					want = "again"
				}
			}
			err := attempt(t, kind, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
			if got := outcome(err); got != want {
				t.Errorf("%s: %d is %s, not %s (%v)", kind, status, got, want, err)
			}
			if err != nil && !strings.Contains(err.Error(), strconv.Itoa(status)) {
				t.Errorf("%s: %v does not name %d", kind, err, status)
			}
		}
	}
}

func TestSlackJudgesTheBody(t *testing.T) {
	for body, want := range map[string]string{
		"": "delivered", "ok": "delivered", "OK\n": "delivered", `{"success":true}`: "delivered", `{"ok":true}`: "delivered",
		`{"id":1}`: "delivered", `"ok"`: "delivered", `{"ok":1}`: "delivered",
		`{"ok":false,"error":"no_service"}`: "dropped", `{"success": false}`: "dropped", "<html>Sign in</html>": "dropped", "no": "dropped",
		`{"ok":false,"error":"rate_limited","retry_after":3}`: "again",
		`{"text":"` + strings.Repeat("x", 5000) + `"}`:        "delivered",
	} {
		err := attempt(t, "slack", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		if got := outcome(err); got != want {
			t.Errorf("%.60q is %s, not %s (%v)", body, got, want, err)
		}
	}
}

func TestErrorsTellWhatTheServerSaid(t *testing.T) {
	long := "no_service \x1b[31m\nforged line " + strings.Repeat("é", 300)
	err := attempt(t, "slack", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(404)
		_, _ = io.WriteString(w, long)
	})
	host, said, _ := strings.Cut(err.Error(), ": it answered 404 Not Found: ")
	if !strings.HasPrefix(host, "post to 127.0.0.1:") || !strings.HasPrefix(said, "no_service  forged line é") {
		t.Error(err)
	}
	if len(said) > 256 || strings.ContainsAny(said, "\n\x1b") {
		t.Errorf("%d bytes: %q", len(said), said)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var followed atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		err := attempt(t, "slack", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/login?back="+marker, status)
		})
		host := strings.TrimPrefix(other.URL, "http://")
		if err == nil || !strings.Contains(err.Error(), "a redirect to "+host+", ") || strings.Contains(err.Error(), marker) ||
			!strings.Contains(err.Error(), "set the final URL") {
			t.Error(err)
		}
	}
	if n := followed.Load(); n != 0 {
		t.Errorf("the other server saw %d requests", n)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		header, body string
		want         time.Duration
	}{
		{"", "", 0}, {"7", "", 7 * time.Second}, {" 1.5 ", "", 1500 * time.Millisecond}, {"-3", "", 0}, {"x", "", 0},
		{"NaN", "", 0}, {"Inf", "", time.Hour}, {"1e300", "", time.Hour}, {"86400", "", time.Hour},
		{now.Add(90 * time.Second).Format(http.TimeFormat), "", 90 * time.Second},
		{now.Add(-time.Minute).Format(http.TimeFormat), "", 0},
		{now.Add(48 * time.Hour).Format(http.TimeFormat), "", time.Hour},
		{"", `{"retry_after":2.5,"ok":false}`, 2500 * time.Millisecond},
		{"", `{"ok":false,"parameters":{"retry_after":9}}`, 9 * time.Second},
		{"3", `{"retry_after":2,"parameters":{"retry_after":9}}`, 9 * time.Second},
		{"12", `{"retry_after":2}`, 12 * time.Second},
		{"", `{"retry_after":"soon","parameters":{"retry_after":4}}`, 4 * time.Second},
		{"", `{"retry_after":1e999}`, 0}, {"", `{"retry_after":-1}`, 0}, {"", `{"retry_after":1e9}`, time.Hour}, {"", `[1`, 0},
	} {
		a := answer{status: 429, header: http.Header{"Retry-After": {c.header}}, body: []byte(c.body)}
		if got := a.retryAfter(now); got != c.want {
			t.Errorf("%q %q gives %s, not %s", c.header, c.body, got, c.want)
		}
	}
	var s *setback
	if errors.As(answer{status: 429, header: http.Header{}}.verdict("h"), &s); s.after != 30*time.Second || !s.asked {
		t.Errorf("a bare 429 waits %s", s.after)
	}
	if errors.As(answer{status: 503, header: http.Header{}}.verdict("h"), &s); s.after != 0 || s.asked {
		t.Errorf("a bare 503 waits %s", s.after)
	}
	if errors.As(answer{status: 503, header: http.Header{"Retry-After": {"8"}}}.verdict("h"), &s); s.after != 8*time.Second || !s.asked {
		t.Errorf("a 503 with a time waits %s", s.after)
	}
}

func TestBackoff(t *testing.T) {
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300} {
		if got := backoff(i+1, all); got != want*time.Second {
			t.Errorf("attempt %d waits at most %s", i+1, got)
		}
	}
	if got := backoff(1<<30, all); got != 5*time.Minute {
		t.Errorf("a late attempt waits %s", got)
	}
	if backoff(5, none) != 0 {
		t.Error("the jitter is not full")
	}
}

// TestEndlessAnswers sends answers whose body never ends, fast and slow: the
// status decides, and neither memory nor time is spent on the rest.
func TestEndlessAnswers(t *testing.T) {
	began := time.Now()
	var written atomic.Int64
	err := attempt(t, "webhook", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(404)
		for r.Context().Err() == nil {
			n, err := w.Write([]byte(strings.Repeat("x", 1<<16)))
			if written.Add(int64(n)); err != nil {
				return
			}
		}
	})
	if outcome(err) != "dropped" || len(err.Error()) > 400 || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
	if n := written.Load(); n > 64<<20 {
		t.Errorf("%d bytes were read", n)
	}
}

func TestSecretFileIsReadAtEachSend(t *testing.T) {
	paths := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { paths <- r.URL.Path }))
	defer server.Close()
	file := t.TempDir() + "/hook"
	write(t, file, server.URL+"/first\n"+server.URL+"/other\n")
	_, log := newLog()
	n := mustNew(t, Options{WebhookURL: SecretFile(file)}, log)
	if len(n.workers) != 2 {
		t.Fatalf("%d receivers", len(n.workers))
	}
	send := func(i int) error { return n.workers[i].receiver.deliver(t.Context(), say(unhealthy())) }
	if err := send(0); err != nil || <-paths != "/first" {
		t.Error(err)
	}
	write(t, file, server.URL+"/second")
	if err := send(0); err != nil || <-paths != "/second" {
		t.Error(err)
	}
	err := send(1)
	if outcome(err) != "again" || !strings.Contains(err.Error(), "WEBHOOK_URL") {
		t.Errorf("a URL that is gone gives %v", err)
	}
	write(t, file, "never a URL")
	if err := send(0); outcome(err) != "again" || strings.Contains(err.Error(), "never a URL") {
		t.Errorf("a bad file gives %v", err)
	}
}

func TestOptionsListAllProblems(t *testing.T) {
	_, log := newLog()
	missing := t.TempDir() + "/absent"
	_, err := New(Options{
		SlackWebhookURL: NewSecret("https://example.org/" + marker + " https://example.org/b"),
		WebhookURL:      NewSecret("https://example.org/x\nftp://example.org/" + marker + " " + marker),
		AppriseURL:      SecretFile(missing),
	}, log)
	const want = `SLACK_WEBHOOK_URL: it holds white space; allowed is one http or https URL, for example https://hooks.slack.com/services/T000/B000/XXXX
WEBHOOK_URL: URL 2 of 3: it is not a URL that begins with https:// or http:// and has a host; allowed is URLs, separated by white space, for example https://discord.com/api/webhooks/1234/XXXX
WEBHOOK_URL: URL 3 of 3: it is not a URL that begins with https:// or http:// and has a host; allowed is URLs, separated by white space, for example https://discord.com/api/webhooks/1234/XXXX
APPRISE_URL_FILE: read secret file: stat %s: no such file or directory; allowed is URLs, separated by white space, for example https://apprise.example.org/notify/KEY`
	if err == nil || err.Error() != fmt.Sprintf(want, missing) {
		t.Errorf("got %v", err)
	}
	for _, url := range []string{marker, "https://", "https:///" + marker, "https://:8080/" + marker, "file:///" + marker, "https://h/%zz" + marker, "http://h:port/" + marker, "https://h/\x7f" + marker} {
		if _, err := New(Options{SlackWebhookURL: NewSecret(url)}, log); err == nil || strings.Contains(err.Error(), marker) {
			t.Errorf("%q gives %v", url, err)
		}
	}
	n := mustNew(t, Options{}, log)
	if len(n.Receivers()) != 0 {
		t.Errorf("receivers %v out of nothing", n.Receivers())
	}
	n.Post(heal.Notice{Reason: heal.GaveUp})
}

func TestReceiversAreNamedByHost(t *testing.T) {
	_, log := newLog()
	n := mustNew(t, Options{
		SlackWebhookURL: NewSecret("https://hooks.slack.com/services/" + marker),
		WebhookURL:      NewSecret("http://u:" + marker + "@example.org:8080/" + marker + " https://discord.com/x?" + marker),
		AppriseURL:      NewSecret("https://apprise/notify/" + marker), PostRestartScript: "/hook --token " + marker,
	}, log)
	want := "[slack (hooks.slack.com) webhook (example.org:8080) webhook (discord.com) apprise (apprise) script (/hook)]"
	if got := fmt.Sprint(n.Receivers()); got != want {
		t.Errorf("got %s", got)
	}
}
