package notify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"defib/heal"
)

// TestNextIsAlwaysShown: a log full of what Slack needs escaped does not push
// the end of a message out, even beside a page of HTML from the probe.
func TestNextIsAlwaysShown(t *testing.T) {
	n := unhealthy()
	n.Probe.Output = strings.Repeat("<p>not found</p>", 40)
	n.Evidence = &heal.Evidence{Uptime: time.Hour, OOMKilled: true, Log: slices.Repeat([]string{strings.Repeat("<&>", 500)}, 5)}
	text := slackMessage(tell(alert{Notice: n, Host: "host1"}, n.At)).Attachments[0].Text
	if !strings.Contains(text, "\nNext: defib waits") || !strings.Contains(text, "The last lines of its log:\n| &lt;") {
		t.Errorf("it is\n%s", text)
	}
}

// TestWaitingAlertsAreSmall: while a receiver is down, what waits for it is not
// the evidence but what the message shows of it; and the notice that was
// handed over, which others have too, stays as it is.
func TestWaitingAlertsAreSmall(t *testing.T) {
	o := newNotifier([]receiver{&slack{chat{outlet{target: &target{kind: "slack"}}}}}, nil, all, zerolog.Nop())
	w := o.workers[0]
	full := &heal.Evidence{
		Log: slices.Repeat([]string{strings.Repeat("x", 1000)}, 64), LogError: strings.Repeat("y", 5000),
		Probes: slices.Repeat([]heal.ProbeRun{{Output: strings.Repeat("z", 4096)}}, 5),
	}
	n := unhealthy()
	n.Evidence = full
	o.Post(n)
	held, ok := take(w.queue)
	if !ok {
		t.Fatal("nothing waits")
	}
	e := held.Notice.Evidence
	if size := len(strings.Join(e.Log, "")) + len(e.LogError); size > 4096 || len(e.Log) == 0 || len(e.Probes) > 0 {
		t.Errorf("%d bytes of text in %d lines and %d probes wait", size, len(e.Log), len(e.Probes))
	}
	if len(full.Log) != 64 || len(full.Probes) != 5 {
		t.Errorf("the evidence of others was changed: %d lines, %d probes", len(full.Log), len(full.Probes))
	}
}
