package notify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"defib/heal"
)

// exampleAt gives the example of a kind as it leads to another server: base is
// scheme and host, and may have a user. Words in capitals become the marker.
func exampleAt(k kind, base string) string {
	_, rest, _ := strings.Cut(k.example, "://")
	rest = rest[strings.IndexAny(rest+"/", "/?#"):]
	return k.name + "+" + base + regexp.MustCompile(`[A-Z][A-Z0-9]{2,}`).ReplaceAllString(rest, marker)
}

// webKinds are those that are reached over HTTP.
func webKinds() []kind {
	return slices.DeleteFunc(kinds(), func(k kind) bool { return !slices.Contains(k.schemes, "http") })
}

// chatKinds are those of them that people read.
func chatKinds() []kind {
	return slices.DeleteFunc(webKinds(), func(k kind) bool {
		_, people := k.build(nil, nil).(reader)
		return !people
	})
}

// exchange answers all requests alike and keeps the last one.
type exchange struct {
	status int
	body   string
	header http.Header

	url  string
	sent http.Header
	got  []byte
}

func (w *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	w.url, w.sent = r.URL.String(), r.Header
	if user := r.URL.User; user != nil {
		w.url = strings.Replace(w.url, user.String()+"@", "", 1)
	}
	var err error
	if w.got, err = io.ReadAll(r.Body); err != nil {
		return nil, err
	}
	header := w.header
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: w.status, Header: header, Body: io.NopCloser(strings.NewReader(w.body)), Request: r}, nil
}

// attemptAt makes one attempt at a URL.
func attemptAt(t *testing.T, w *exchange, text string, m message) error {
	t.Helper()
	_, log := newLog()
	n := mustNew(t, Options{AlertURLs: NewSecret(text), Transport: w}, log)
	return n.workers[0].receiver.deliver(t.Context(), m)
}

// class says what an error makes the worker do.
func class(err error) string {
	switch err.(type) { //nolint:errorlint // the worker looks for the outermost as well
	case nil:
		return "delivered"
	case *setback:
		return "setback"
	case *refusal:
		return "refusal"
	case *closure:
		return "closure"
	}
	return "final"
}

// yes is what a server of each kind says to a message that it takes; a kind that
// is not here understands the first.
func yesOf(name string) (status int, body string) {
	switch name {
	case "slack":
		return 200, "ok"
	case "teams":
		return 202, ""
	case "telegram":
		return 200, `{"ok":true,"result":{"message_id":1,"text":"` + strings.Repeat("x", 2*maxAnswer) + `"}}`
	case "pagerduty":
		return 202, `{"status":"success"}`
	}
	return 200, `{"id":"1","status":1}`
}

// TestEveryKindHasAnExample holds each kind to be found by its example, or by
// its name, and to take it.
func TestEveryKindHasAnExample(t *testing.T) {
	for _, k := range kinds() {
		to, err := parseAddress(k.example)
		if err != nil || to.kind != k.name {
			t.Errorf("%s: %s is of kind %q: %v", k.name, k.example, to.kind, err)
		}
	}
	for _, k := range webKinds() {
		to, err := parseAddress(exampleAt(k, "http://127.0.0.1:1"))
		if err != nil || to.kind != k.name || to.url.Host != "127.0.0.1:1" {
			t.Errorf("%s: %s is of kind %q: %v", k.name, exampleAt(k, "http://127.0.0.1:1"), to.kind, err)
		}
	}
}

// TestDeliveryTable holds every kind to the table of what is done about a
// status.
func TestDeliveryTable(t *testing.T) {
	table := map[string][]int{
		"closure": {300, 301, 302, 303, 304, 307, 308, 401, 403, 404, 405, 410},
		"refusal": {400, 413, 415, 422, 431},
		"setback": {408, 425, 429, 500, 502, 503, 504, 507, 520},
		"final":   {402, 406, 501, 505},
	}
	for _, k := range webKinds() {
		text := exampleAt(k, "http://127.0.0.1:1")
		for want, statuses := range table {
			for _, status := range statuses {
				err := attemptAt(t, &exchange{status: status}, text, say(unhealthy()))
				if class(err) != want || !strings.Contains(err.Error(), fmt.Sprint(status)) {
					t.Errorf("%s: %d is a %s, not a %s: %v", k.name, status, class(err), want, err)
				}
			}
		}
		status, body := yesOf(k.name)
		for _, n := range []heal.Notice{unhealthy(), stories()["recovered"]} {
			if err := attemptAt(t, &exchange{status: status, body: body}, text, say(n)); err != nil {
				t.Errorf("%s: %d %.40s is a %s: %v", k.name, status, body, class(err), err)
			}
		}
	}
}

// TestEveryKindWaitsAsAsked: a 429 pauses the receiver, at least as long as the
// server asks for, and longer than a moment if it asks for nothing.
func TestEveryKindWaitsAsAsked(t *testing.T) {
	for _, k := range webKinds() {
		for asked, least := range map[string]float64{"": 30, "3000": 3000} {
			w := &exchange{status: 429, header: http.Header{"Retry-After": {asked}}}
			s, ok := attemptAt(t, w, exampleAt(k, "http://127.0.0.1:1"), say(unhealthy())).(*setback) //nolint:errorlint // see class
			if !ok || !s.asked || s.after.Seconds() < least || s.after.Seconds() > 3600 {
				t.Errorf("%s: asked for %q it waits %+v", k.name, asked, s)
			}
		}
	}
}

// assault is a notice with all that a container may say to do harm.
func assault() heal.Notice {
	n := stories()["hostile"]
	n.Container.Name = "[web](https://evil.example) @here <!channel> **x**"
	n.Container.Image = "# _image_ <@U1> ||secret||"
	n.Probe.Output = "\x1b[31m@everyone\x1b[0m <!channel> [pay](https://evil.example/a_b) <@&1> `x` **y** {{DATE(2026-11-22T18:00:00Z)}}\n" +
		"# heading\n> quote\n- item\n<https://evil.example|click>\n||hidden||\\\n" + strings.Repeat("0123456789abcde\n", 1<<16)
	n.Detail = "</at> &amp; \"quotes\" https://evil.example/\u202etxt"
	return n
}

// TestWhatEachKindSends keeps what is sent to people in testdata, to be read. Of
// Slack there is every story in slack_test.go.
func TestWhatEachKindSends(t *testing.T) {
	of := func(n heal.Notice) message { return tell(alert{Notice: n, Host: "host1"}, n.At) }
	all := stories()
	for _, k := range chatKinds() {
		if k.name == "slack" {
			continue
		}
		for name, m := range map[string]message{
			"restarted": of(all["restarted"]), "gave-up": of(all["gave-up"]), "recovered": of(all["recovered"]), "assault": of(assault()),
			"test": tell(alert{Host: "host1", Test: true}, unhealthy().At),
		} {
			w := &exchange{status: 500}
			_ = attemptAt(t, w, exampleAt(k, "http://127.0.0.1:1"), m) // what was sent is asked for
			var b bytes.Buffer
			if err := json.Indent(&b, w.got, "", "  "); err != nil {
				t.Errorf("%s: %v", k.name, err)
			}
			golden(t, "sent-"+k.name+"-"+name+".json", append(b.Bytes(), '\n'))
		}
	}
}
