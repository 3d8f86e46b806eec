package notify

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"defib/heal"
)

// TestFingerprint has a vector of prometheus/common (model, TestLabelsToSignature).
func TestFingerprint(t *testing.T) {
	got := fingerprint(map[string]string{"name": "garland, briggs", "fear": "love is not enough"})
	if want, _ := strconv.ParseUint(got, 16, 64); want != 5799056148416392346 {
		t.Errorf("%s, which is %d", got, want)
	}
}

// TestAlertsEndInTime: Alertmanager must hear an end with each alert, far enough
// away that the next word of defib comes before it, and never before the
// beginning.
func TestAlertsEndInTime(t *testing.T) {
	for name, c := range map[string]struct {
		change func(a *alert)
		want   time.Duration
	}{
		"it goes on":         {func(*alert) {}, 7 * 24 * time.Hour},
		"it is over":         {func(a *alert) { a.Notice.Reason = heal.Recovered }, 0},
		"no word follows":    {func(a *alert) { a.Notice.Reason = heal.ExitedByItself }, 24 * time.Hour},
		"it was an event":    {func(a *alert) { a.Notice.Reason = heal.OutOfMemory }, 24 * time.Hour},
		"test":               {func(a *alert) { *a = alert{Test: true} }, 5 * time.Minute},
		"no beginning":       {func(a *alert) { a.Notice.Since = time.Time{} }, 7 * 24 * time.Hour},
		"a clock was set":    {func(a *alert) { a.Notice.Since, a.Notice.Reason = a.Notice.At.Add(time.Hour), heal.Recovered }, 0},
		"another receiver":   {func(a *alert) { *a = alert{About: &outage{receiver: "slack (h)"}} }, 7 * 24 * time.Hour},
		"it is reached anew": {func(a *alert) { *a = alert{About: &outage{receiver: "slack (h)", over: true}} }, 0},
	} {
		a := alert{Notice: unhealthy()}
		c.change(&a)
		m := tell(a, unhealthy().At)
		if a.About != nil {
			m = tellOutage(a.About, "", unhealthy().At)
		}
		p := promAPI(m, "critical")[0]
		starts, errStart := time.Parse(time.RFC3339, p.StartsAt)
		ends, errEnd := time.Parse(time.RFC3339, p.EndsAt)
		if errStart != nil || errEnd != nil || ends.Sub(m.at) != c.want || starts.After(ends) || starts.IsZero() {
			t.Errorf("%s: from %s to %s, which is %s", name, p.StartsAt, p.EndsAt, ends.Sub(m.at))
		}
		for label, value := range p.Labels {
			if value == "" {
				t.Errorf("%s: the label %s is empty", name, label)
			}
		}
		if p.Labels["alertname"] == "" || p.Status != "" || p.Generator != nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if promHolds <= remindAfterMax {
		t.Error("an alert ends before people are reminded of it")
	}
}

// TestWhereProgramsAreReached holds paths and bodies by the URL.
func TestWhereProgramsAreReached(t *testing.T) {
	for _, c := range []struct{ kind, url, path, body string }{
		{"alertmanager", "/am/api/v2/alerts", "/am/api/v2/alerts", `[{"labels":{"alertname"`},
		{"alertmanager", "/hook?x=1", "/hook?x=1", `{"version":"4","groupKey":`},
		{"alertmanager", "/hook#severity=warning", "/hook", `"severity":"warning"`},
		{"pagerduty", "?routing_key=" + marker, "/v2/enqueue", `{"routing_key":"` + marker + `","event_action":"trigger"`},
		{"pagerduty", "/v2/enqueue#key=" + marker + "&severity=info", "/v2/enqueue", `{"routing_key":"` + marker + `",`},
		{"apprise", "/notify/K#tag=a%20b,c", "/notify/K", `{"tag":"a b,c","title":`},
		{"apprise", "/notify#urls=mailto%3A%2F%2Fu%3Ap%40h%2Cntfy%3A%2F%2Ft", "/notify", `{"urls":"mailto://u:p@h,ntfy://t","title":`},
	} {
		got, _ := sendTo(t, c.kind, c.url, say(unhealthy()), 202, "")
		if got.path != c.path || !strings.Contains(got.body, c.body) || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s%s: %v", c.kind, c.url, got)
		}
	}
}

// TestAppriseIsStillItself: what APPRISE_URL sends is not what the kind apprise
// sends.
func TestAppriseIsStillItself(t *testing.T) {
	_, log := newLog()
	n := mustNew(t, Options{AppriseURL: NewSecret("http://h/notify/k"), AlertURLs: NewSecret("apprise+http://h/notify/k")}, log)
	if _, legacy := n.workers[1].receiver.(*apprise); !legacy || n.workers[0].key == n.workers[1].key {
		t.Errorf("%s and %s", n.workers[0].key, n.workers[1].key)
	}
}
