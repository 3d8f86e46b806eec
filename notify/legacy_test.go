package notify

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"defib/heal"
)

// took sends one alert to a receiver of these options and gives the body.
func took(t *testing.T, o Options, a alert) string {
	t.Helper()
	var body, kind, agent string
	o.Transport = serve(t, func(_ http.ResponseWriter, r *http.Request) {
		body, kind, agent = readAll(t, r.Body), r.Header.Get("Content-Type"), r.UserAgent()
	})
	_, log := newLog()
	if err := mustNew(t, o, log).workers[0].receiver.deliver(t.Context(), tell(a, time.Now())); err != nil {
		t.Fatal(err)
	}
	if kind != "application/json" || agent != "defib" {
		t.Errorf("Content-Type %q, User-Agent %q", kind, agent)
	}
	return body
}

// TestBodiesOfAutoheal compares with what docker-autoheal sent, byte for byte.
func TestBodiesOfAutoheal(t *testing.T) {
	ok := heal.Notice{Reason: heal.Restarted, Container: heal.Container{ID: strings.Repeat("a", 64), Name: "web"}}
	failed, odd := ok, ok
	failed.Reason = heal.RestartFailed
	odd.Container.Name = `a "b"  \ <&> é`
	const good = "Container web (aaaaaaaaaaaa) found to be unhealthy. Successfully restarted the container!"
	const bad = "Container web (aaaaaaaaaaaa) found to be unhealthy. Failed to restart the container!"
	hook := func(url, key string) Options { return Options{WebhookURL: NewSecret(url), WebhookJSONKey: key} }
	for _, c := range []struct {
		options Options
		notice  heal.Notice
		want    string
	}{
		{hook("http://example.org/x", ""), ok, "{\n  \"content\":\"" + good + "\"\n}"},
		{hook("https://discord.com/api/webhooks/1/x", ""), failed, "{\n  \"content\":\"" + bad + "\"\n}"},
		{hook("http://hooks.slack.com/services/x", ""), ok, "{\n  \"text\":\"" + good + "\"\n}"},
		{hook("http://hooks.slack.com/services/x", `my "key"`), ok, "{\n  \"my \\\"key\\\"\":\"" + good + "\"\n}"},
		{hook("http://example.org/x", ""), odd, "{\n  \"content\":\"Container a \\\"b\\\"  \\\\ <&> é (aaaaaaaaaaaa) found to be unhealthy. Successfully restarted the container!\"\n}"},
		{Options{AppriseURL: NewSecret("http://example.org/notify/KEY")}, failed, "{\n  \"title\":\"Autoheal\",\n  \"body\":\"" + bad + "\"\n}"},
	} {
		if c.options.WebhookURL.IsSet() {
			// The transport is to a server without TLS.
			url, _ := c.options.WebhookURL.Reveal()
			c.options.WebhookURL = NewSecret(strings.Replace(url, "https://", "http://", 1))
		}
		if got := took(t, c.options, alert{Notice: c.notice}); got != c.want {
			t.Errorf("got\n%s\nnot\n%s", got, c.want)
		}
	}
	test := took(t, Options{WebhookURL: NewSecret("http://example.org")}, alert{Test: true, Host: "host1"})
	if want := "{\n  \"content\":\"[TEST] Test message from defib on host1. Nothing is wrong.\"\n}"; test != want {
		t.Errorf("the test is %s", test)
	}
}

func TestLegacyReceiversWantRestartAttempts(t *testing.T) {
	for _, c := range []struct {
		n              heal.Notice
		legacy, script bool
	}{
		{heal.Notice{Reason: heal.Restarted}, true, true},
		{heal.Notice{Reason: heal.Restarted, Repeat: true}, true, true},
		{heal.Notice{Reason: heal.RestartFailed}, true, true},
		{heal.Notice{Reason: heal.RestartFailed, Repeat: true}, false, true},
		{heal.Notice{Reason: heal.Restarted, Silent: true}, false, true},
		{heal.Notice{Reason: heal.RestartFailed, Silent: true, Repeat: true}, false, true},
		{heal.Notice{Reason: heal.GaveUp}, false, false},
		{heal.Notice{Reason: heal.StillUnhealthy}, false, false},
		{heal.Notice{Reason: heal.Recovered}, false, false},
		{heal.Notice{Reason: heal.Quarantined}, false, false},
	} {
		w, a, s := (&webhook{}).wants(c.n), (&apprise{}).wants(c.n), (&script{}).wants(c.n)
		if w != c.legacy || a != c.legacy || s != c.script {
			t.Errorf("%s repeat %v silent %v: webhook %v, apprise %v, script %v", c.n.Reason, c.n.Repeat, c.n.Silent, w, a, s)
		}
	}
}
