package notify

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"defib/heal"
)

// wire is what one attempt sent.
type wire struct {
	path, body string
	header     http.Header
}

// sendTo makes one attempt of a kind against a server that answers so. The URL
// is what stands behind the host.
func sendTo(t *testing.T, kind, url string, m message, status int, said string) (wire, error) {
	t.Helper()
	var got wire
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = wire{r.RequestURI, readAll(t, r.Body), r.Header}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, said)
	}))
	defer server.Close()
	_, log := newLog()
	n := mustNew(t, Options{AlertURLs: NewSecret(kind + "+" + server.URL + url)}, log)
	if _, chat := n.workers[0].receiver.(reader); chat != (kind == "apprise") {
		t.Errorf("%s is read by people: %t", kind, chat)
	}
	err := n.workers[0].receiver.deliver(t.Context(), m)
	return got, err
}

// payloads gives what each kind makes of a message.
func payloads(m message) map[string]any {
	return map[string]any{
		"pagerduty":        pagerdutyMessage(m, "R0UTINGKEY", ""),
		"apprise":          appriseMessage(m, map[string]string{"tag": "ops"}),
		"json":             jsonMessage(m),
		"alertmanager":     promAPI(m, "critical"),
		"alertmanager-web": promHook(m, "critical"),
	}
}

func TestPayloads(t *testing.T) {
	for name, m := range tales() {
		for kind, payload := range payloads(m) {
			golden(t, kind+"-"+name+".json", indented(t, payload))
		}
	}
}

// TestPayloadsAreBounded sends the worst that can come, and the second try.
func TestPayloadsAreBounded(t *testing.T) {
	limits := map[string]int{"pagerduty": 64 << 10, "apprise": 64 << 10, "json": 20 << 10, "alertmanager": 64 << 10, "alertmanager-web": 96 << 10}
	for _, piece := range oddities() {
		long := strings.Repeat(piece, 1<<18/len(piece))
		storm := unhealthy()
		storm.Reason, storm.Count, storm.Of, storm.Names = heal.Stormed, 50, 60, slices.Repeat([]string{long}, 50)
		for _, m := range []message{worst(piece), worst(piece).brief(), tell(alert{Notice: storm, Host: long}, storm.At)} {
			for kind, payload := range payloads(m) {
				body, err := encode(payload)
				if err != nil || !utf8.Valid(body) || len(body) > limits[kind] || strings.ContainsAny(string(body), "\x1b\u202e") {
					t.Errorf("%s of %q: %d bytes, %v", kind, piece, len(body), err)
				}
			}
			p := pagerdutyMessage(m, "k", "").Payload
			if utf8.RuneCountInString(p.Summary) > 1024 || utf8.RuneCountInString(p.Source) > 1024 || p.Summary == "" || p.Source == "" {
				t.Errorf("%q: %+v", piece, p)
			}
		}
		full, _ := encode(pagerdutyMessage(worst(piece), "k", ""))
		short, _ := encode(pagerdutyMessage(worst(piece).brief(), "k", ""))
		if len(short) > max(2000, len(full)/2) {
			t.Errorf("%q: the second try has %d bytes, the first %d", piece, len(short), len(full))
		}
	}
}

func TestProgramVerdicts(t *testing.T) {
	const secret = "/hook#secret=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	for _, c := range []struct {
		kind, url string
		status    int
		want      string
	}{
		{"pagerduty", "#key=k", 202, "delivered"}, {"pagerduty", "#key=k", 200, "dropped"}, {"pagerduty", "#key=k", 400, "refused"},
		{"pagerduty", "#key=k", 403, "closed"}, {"pagerduty", "#key=k", 429, "again"}, {"pagerduty", "#key=k", 503, "again"},
		{"apprise", "/notify/K", 200, "delivered"}, {"apprise", "/notify/K", 204, "closed"}, {"apprise", "/notify/K", 424, "again after 1m0s, 2 times in all"},
		{"apprise", "/notify/K", 400, "refused"}, {"apprise", "/notify/K", 431, "refused"}, {"apprise", "/notify/K", 500, "again"},
		{"json", "/hook", 204, "delivered"}, {"json", "/hook", 409, "dropped"}, {"json", "/hook", 410, "closed"}, {"json", "/hook", 302, "closed"},
		{"json", secret, 409, "delivered"}, {"json", secret, 400, "refused"},
		{"alertmanager", "/api/v2/alerts", 200, "delivered"}, {"alertmanager", "/api/v2/alerts", 400, "refused"}, {"alertmanager", "/x", 500, "again"},
	} {
		_, err := sendTo(t, c.kind, c.url, say(unhealthy()), c.status, "no")
		if got := sort(err); got != c.want {
			t.Errorf("%s: %d is %s (%v), not %s", c.kind, c.status, got, err, c.want)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "post to 127.0.0.1:") {
			t.Error(err)
		}
	}
}

func TestProgramAddresses(t *testing.T) {
	for url, want := range map[string]string{
		"https://events.pagerduty.com/v2/enqueue#key=" + marker:                       "pagerduty",
		"https://events.eu.pagerduty.com/v2/enqueue?routing_key=" + marker:            "pagerduty",
		"http://alertmanager:9093/api/v2/alerts#severity=warning":                     "alertmanager",
		"alertmanager+https://example.org/hook":                                       "alertmanager",
		"apprise+https://example.org/notify/" + marker + "#tag=ops":                   "apprise",
		"apprise+https://example.org/x/notify/#urls=mailto%3A%2F%2Fu%3Ap%40h":         "apprise",
		"json+https://example.org/hook#secret=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La+/Sw": "json",
		"https://events.pagerduty.com/v2/enqueue":                                     "has no key",
		"pagerduty+https://example.org/#key=" + marker + "&severity=" + marker:        "none of critical, error",
		"alertmanager+https://example.org/#severity=" + marker:                        "none of critical, error",
		"apprise+https://example.org/notify":                                          "neither a key",
		"apprise+https://example.org/" + marker:                                       "neither /notify/KEY nor",
		"apprise+https://example.org/notify/" + marker + "#urls=" + marker:            "as well",
		"json+https://example.org/#secret=" + marker:                                  "whsec_ and the base64 of 24 to 64 bytes",
		"json+https://example.org/#secret=whsec_" + marker:                            "whsec_ and the base64 of 24 to 64 bytes",
		"json+https://example.org/#secret=whsec_" + strings.Repeat("A", 88):           "whsec_ and the base64 of 24 to 64 bytes",
		"json+https://example.org/#secret=MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw":           "whsec_ and the base64 of 24 to 64 bytes",
		"https://example.org/hook":                                                    "pagerduty, email, apprise, json, alertmanager",
	} {
		to, err := parseAddress(url)
		if (err != nil || to.kind != want) && (err == nil || !strings.Contains(err.Error(), want) || leaks(err.Error())) {
			t.Errorf("%s is %s (%v), not %s", url, to.kind, err, want)
		}
	}
}

// TestConversationsKeepTheirName: what a program knows an incident by is the
// same in all of its messages, and another elsewhere.
func TestConversationsKeepTheirName(t *testing.T) {
	names := func(host string, n heal.Notice) []string {
		m := tell(alert{Notice: n, Host: host}, n.At)
		p := promAPI(m, "critical")[0]
		return []string{pagerdutyMessage(m, "k", "").DedupKey, fmt.Sprint(p.Labels), promHook(m, "critical").GroupKey, jsonMessage(m).Incident}
	}
	first := unhealthy()
	for r := heal.Restarted; r <= heal.StormOver; r++ {
		n := first
		if n.Reason = r; n.OfTrouble() || r == heal.Flapping || r == heal.Stormed || r == heal.StormOver {
			continue
		}
		if got, want := names("host1", n), names("host1", first); !slices.Equal(got, want) {
			t.Errorf("%s: %v, not %v", r, got, want)
		}
		end := n
		end.Reason, end.Ended = heal.Recovered, heal.CrashLooping
		began := end
		began.Reason, began.Ended = heal.CrashLooping, 0
		if got, want := names("host1", end), names("host1", began); !slices.Equal(got, want) {
			t.Errorf("the end of a crash loop: %v, not %v", got, want)
		}
	}
	for i, name := range names("host2", first)[:3] {
		if name == names("host1", first)[i] {
			t.Errorf("%s is of two hosts", name)
		}
	}
}

// TestOnlyGoodEndsResolve holds the action of each reason.
func TestOnlyGoodEndsResolve(t *testing.T) {
	for r := heal.Restarted; r <= heal.StormOver; r++ {
		n := unhealthy()
		n.Reason = r
		m := tell(alert{Notice: n, Host: "host1"}, n.At)
		e, j, p, w := pagerdutyMessage(m, "k", "error"), jsonMessage(m), promAPI(m, "critical")[0], promHook(m, "critical")
		over := p.EndsAt == stamp(n.At)
		if r.Resolves() != (e.Action == "resolve") || r.Resolves() != (e.Payload == nil) || r.Resolves() != (j.Status == "resolved") ||
			r.Resolves() != (j.EndedAt != nil) || r.Resolves() != over || r.Resolves() != (w.Status == "resolved") || w.Status != w.Alerts[0].Status {
			t.Errorf("%s: %+v %+v %+v %s", r, e, j, p, w.Status)
		}
		if e.Payload != nil && (e.Payload.Severity == "error") != (m.mood == bad) {
			t.Errorf("%s is %s", r, e.Payload.Severity)
		}
	}
}

// TestNoSecretLeavesPrograms tries what can go wrong with each of these kinds.
func TestNoSecretLeavesPrograms(t *testing.T) {
	for kind, options := range map[string]string{
		"pagerduty": "#key=" + marker, "apprise": "#tag=" + marker, "alertmanager": "#level=all",
		"json": "#secret=whsec_" + strings.Repeat(marker+"0", 3)[:32],
	} {
		for _, status := range []int{200, 302, 400, 401, 424, 429, 500} {
			server := httptest.NewServer(echo(status))
			base := strings.Replace(hooks(server.URL), "/hook/", "/notify/", 1)
			base, _, _ = strings.Cut(base, "#")
			o, log := newLog()
			n := mustNew(t, Options{AlertURLs: NewSecret(kind + "+" + base + options)}, log)
			err := n.workers[0].receiver.deliver(t.Context(), say(unhealthy()))
			seen := fmt.Sprintf("%v %+v %#v %v %+v %s", err, err, n.workers[0].receiver, n.workers[0], n.Receivers(), o)
			if leaks(seen) || strings.Contains(seen, "Post ") {
				t.Errorf("%s: %s", kind, seen)
			}
			server.Close()
		}
	}
}

// TestDigestsAreApart: no two lists of texts run together.
func TestDigestsAreApart(t *testing.T) {
	seen := map[string]bool{digest("ab", "c"): true, digest("a", "bc"): true, digest("abc"): true, digest("a", "b", "c"): true}
	if len(seen) != 4 {
		t.Error(slices.Collect(maps.Keys(seen)))
	}
}

// sendVia is sendTo in a bubble of virtual time.
func sendVia(t *testing.T, url string, m message) (wire, error) {
	t.Helper()
	var got wire
	transport := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = wire{r.RequestURI, readAll(t, r.Body), r.Header} })
	_, log := newLog()
	n := mustNew(t, Options{AlertURLs: NewSecret(url), Transport: transport}, log)
	err := n.workers[0].receiver.deliver(t.Context(), m)
	return got, err
}
