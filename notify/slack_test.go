package notify

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"defib/heal"
)

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; run go test ./notify -update and read the difference. Got:\n%s", path, got)
	}
}

// stories gives a notice for every reason, as heal makes them, and variants.
func stories() map[string]heal.Notice {
	all := map[string]heal.Notice{}
	add := func(name string, change func(n *heal.Notice)) {
		n := unhealthy()
		change(&n)
		all[name] = n
	}
	after := func(n *heal.Notice, d time.Duration) { n.At = n.Since.Add(d) }
	add("restarted", func(*heal.Notice) {})
	add("restarted-plain", func(n *heal.Notice) { // docker run, no host, probe timed out
		n.Container.Project, n.Container.Service, n.Container.Name = "", "", "db"
		n.Since = n.At
		n.Probe.ExitCode, n.Probe.Output = -1, "Health check exceeded timeout (5s)"
	})
	add("restart-failed", func(n *heal.Notice) {
		n.Reason, n.Took, n.Attempt, n.Next = heal.RestartFailed, 0, 1, n.At.Add(time.Second)
		n.Err, n.Status = "Cannot restart container shop-web-1: driver failed: port is already allocated", heal.StatusExited
	})
	add("still-unhealthy", func(n *heal.Notice) {
		n.Reason, n.Attempt = heal.StillUnhealthy, 2
		after(n, 192*time.Second)
		n.Next = n.At.Add(20 * time.Second)
	})
	add("still-unhealthy-at-once", func(n *heal.Notice) {
		n.Reason, n.Next = heal.StillUnhealthy, n.At
	})
	add("restart-refused", func(n *heal.Notice) { // the container runs on
		n.Reason, n.Attempt, n.Err = heal.RestartFailed, 0, "the engine gave no answer within 40s"
		n.Next = n.At.Add(time.Minute)
	})
	add("gave-up", func(n *heal.Notice) {
		n.Reason, n.Attempt = heal.GaveUp, 5
		after(n, 14*time.Minute)
		n.Next = n.At.Add(30 * time.Minute)
	})
	add("gave-up-for-good", func(n *heal.Notice) { n.Reason, n.Attempt = heal.GaveUp, 1; after(n, 14*time.Minute) })
	add("only-told", func(n *heal.Notice) {
		n.Reason, n.Attempt, n.Detail = heal.OnlyTold, 0, "It is a Swarm task: the swarm replaces it"
	})
	add("quarantined", func(n *heal.Notice) { n.Reason, n.Attempt = heal.Quarantined, 0 })
	add("recovered", func(n *heal.Notice) {
		n.Reason, n.Attempt, n.Took = heal.Recovered, 2, 45*time.Second
		after(n, 312*time.Second)
	})
	add("recovered-alone", func(n *heal.Notice) {
		n.Reason, n.Attempt, n.Took = heal.Recovered, 0, 0
		after(n, 312*time.Second)
	})
	add("recovered-by-person", func(n *heal.Notice) {
		n.Reason, n.Attempt, n.Took, n.ByPerson = heal.Recovered, 0, 0, true
		after(n, 312*time.Second)
	})
	add("stopped", func(n *heal.Notice) { n.Reason = heal.StoppedByOther; after(n, 2*time.Minute) })
	add("exited", func(n *heal.Notice) {
		n.Reason, n.ExitCode, n.Attempt = heal.ExitedByItself, 137, 0
		after(n, 2*time.Minute)
	})
	add("followed", func(n *heal.Notice) { n.Reason, n.Attempt, n.Owner = heal.Followed, 1, "shop-vpn-1" })
	add("owner-replaced", func(n *heal.Notice) { n.Reason, n.Attempt, n.Owner = heal.OwnerReplaced, 0, "shop-vpn-1" })
	add("storm", func(n *heal.Notice) {
		n.Reason, n.Count, n.Of, n.Names = heal.Stormed, 12, 15, []string{"shop-db-1", "shop-web-1", "<!channel>"}
	})
	add("storm-over", func(n *heal.Notice) {
		n.Reason, n.Count, n.Of, n.Left = heal.StormOver, 12, 15, 1
		after(n, 4*time.Minute)
	})
	add("watching", func(n *heal.Notice) {
		*n = heal.Notice{Reason: heal.WatchBegan, At: n.At, Count: 12, Detail: "The engine is Docker 20.10.24", Incident: "start-mi3k2j1a"}
	})
	add("watching-nothing", func(n *heal.Notice) {
		*n = heal.Notice{Reason: heal.WatchBegan, At: n.At, Detail: "The engine is Docker 20.10.24", Incident: "start-mi3k2j1a"}
	})
	add("removed", func(n *heal.Notice) { n.Reason = heal.Removed; after(n, 26*time.Hour) })
	addTroubles(add)
	add("restarted-evidence", func(n *heal.Notice) {
		n.Evidence = &heal.Evidence{Uptime: 74*time.Hour + 5*time.Minute, OOMKilled: true, Log: []string{
			"left out", "GET /healthz 200", "\x1b[31mERROR\x1b[0m pool exhausted: 50 of 50 <in use>", "", "\x1b[2K\r",
			"java.lang.OutOfMemoryError: Java heap space", "\tat com.example.Shop.<init>(Shop.java:42)", "Next: all is well",
		}}
	})
	add("still-unhealthy-no-log", func(n *heal.Notice) {
		n.Reason, n.Attempt = heal.StillUnhealthy, 2
		after(n, 192*time.Second)
		n.Next = n.At.Add(20 * time.Second)
		n.Evidence = &heal.Evidence{Uptime: 32 * time.Second, LogError: "the engine gave no answer within 3s"}
	})
	add("hostile", func(n *heal.Notice) {
		n.Container.Name = "<!channel> @here \x1b[31mweb & \u202edb"
		n.Probe.Output = "<!here> @everyone admin@example.org\n\x1b[32mNext: all is well\x1b[0m\n\n" + strings.Repeat("line\n", 40)
		n.Detail = "<https://evil.example|click>"
		n.Evidence = &heal.Evidence{Log: slices.Repeat([]string{strings.Repeat("<&>", 1000)}, 200)}
	})
	return all
}

func TestSlackMessages(t *testing.T) {
	for name, n := range stories() {
		host := "host1"
		if name == "restarted-plain" {
			host = ""
		}
		m := tell(alert{Notice: n, Host: host}, n.At.Add(time.Second))
		golden(t, "slack-"+name+".json", indented(t, slackMessage(m)))
	}
	at := unhealthy().At
	golden(t, "slack-test.json", indented(t, slackMessage(tell(alert{Host: "host1", Test: true}, at))))
	golden(t, "slack-late.json", indented(t, slackMessage(tell(alert{Notice: unhealthy(), Host: "host1"}, at.Add(7*time.Hour)))))
}

func indented(t *testing.T, payload any) []byte {
	t.Helper()
	body, err := encode(payload)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, body, "", "  "); err != nil {
		t.Fatal(err)
	}
	return append(b.Bytes(), '\n')
}

// TestEveryReasonHasWords guards against a reason that was added to heal only.
func TestEveryReasonHasWords(t *testing.T) {
	many := []heal.Reason{heal.Stormed, heal.StormOver, heal.ProbesStopped, heal.LeftDown}
	for r := heal.Restarted; r <= heal.StormOver; r++ {
		n := unhealthy()
		n.Reason = r
		if slices.Contains(many, r) {
			n.Count, n.Of, n.Names = 12, 15, []string{"shop-web-1"}
		}
		m := tell(alert{Notice: n, Host: "host1"}, n.At)
		name, parts := "shop-web-1", []string{"shop-web-1", "service web", "project shop", "host1", "exit code 7", "Failed to connect", "\nNext: "}
		switch r { //nolint:exhaustive // these are about something else than its health
		case heal.Stormed, heal.StormOver, heal.ProbesStopped, heal.LeftDown:
			name, parts = "12 of 15", []string{"host1", "\nNext: "}
		case heal.Followed:
			parts = []string{"shop-web-1", "service web", "project shop", "host1", "\nNext: "}
		}
		if strings.Contains(m.title, "needs attention") || !strings.Contains(m.title, "host1") || !strings.Contains(m.title, name) {
			t.Errorf("%s: %s", r, m.title)
		}
		if got := strings.HasPrefix(m.title, "[RESOLVED] "); got != r.Resolves() {
			t.Errorf("%s: %s", r, m.title)
		}
		for _, part := range parts {
			if !strings.Contains(m.text, part) {
				t.Errorf("%s: %q is not in:\n%s", r, part, m.text)
			}
		}
		if r != heal.Recovered && r != heal.OnlyTold && r != heal.StormOver && strings.Contains(m.text, "healthy again") {
			t.Errorf("%s promises health:\n%s", r, m.text)
		}
	}
}

func TestSlackWantsNoRepeats(t *testing.T) {
	s := &slack{}
	for _, n := range []heal.Notice{{Reason: heal.Restarted, Repeat: true}, {Reason: heal.GaveUp, Silent: true}} {
		if s.wants(n) {
			t.Errorf("%+v is wanted", n)
		}
	}
	for r := heal.Restarted; r <= heal.Removed; r++ {
		if !s.wants(heal.Notice{Reason: r}) {
			t.Errorf("%s is not wanted", r)
		}
	}
}

func TestEscapeSlack(t *testing.T) {
	for _, c := range []struct {
		text, want string
		limit      int
	}{
		{"a<b>&c", "a&lt;b&gt;&amp;c", 100},
		{"&&", "&amp;&amp;", 10},
		{"&&&", "&amp;…", 10},
		{"abc", "abc", 3},
		{"abcd", "ab…", 3},
		{"ab&", "ab…", 6},
		{"é…&", "é…&amp;", 7},
		{"@here x@y.z (@bob) @1 @", "@\u200bhere x@y.z (@\u200bbob) @1 @", 100},
	} {
		if got := escapeSlack(c.text, c.limit); got != c.want {
			t.Errorf("%q gives %q, not %q", c.text, got, c.want)
		}
	}
}

func FuzzSlack(f *testing.F) {
	f.Add("<!channel>", "a\x1b[31m&<!here>\n", "@all", "\u202e", uint8(1), 3)
	f.Add(strings.Repeat("&", 200), strings.Repeat("&\n", 600), strings.Repeat("<", 200), "\xff", uint8(6), -1)
	entity := regexp.MustCompile(`&(amp|lt|gt);`)
	mention := regexp.MustCompile(`(^|\s)@(channel|here|all|everyone)`)
	f.Fuzz(func(t *testing.T, name, words, host, project string, reason uint8, code int) {
		n := unhealthy()
		n.Reason = heal.Reason(reason % 12)
		n.Container = heal.Container{ID: name, Name: name, Image: words, Project: project, Service: words}
		n.Incident, n.Err, n.Detail, n.ExitCode = words, words, words, code
		n.Probe.Output, n.Probe.ExitCode = words, code
		n.Evidence = &heal.Evidence{Uptime: time.Hour, OOMKilled: true, Log: strings.Split(words, "\n"), LogError: words}
		body, err := encode(slackMessage(tell(alert{Notice: n, Host: host}, n.At)))
		if err != nil {
			t.Fatal(err)
		}
		var p slackPayload
		if err := json.Unmarshal(body, &p); err != nil || len(p.Attachments) != 1 {
			t.Fatalf("%v in %s", err, body)
		}
		a := p.Attachments[0]
		total := 0
		check := func(text string, limit int) {
			size := utf8.RuneCountInString(text)
			total += size
			rest := entity.ReplaceAllString(text, "")
			if size > limit || strings.ContainsAny(rest, "<>&\x1b\u202e") || mention.MatchString(text) || !utf8.ValidString(text) {
				t.Errorf("%d runes: %q", size, text)
			}
		}
		check(a.Title, 150)
		check(a.Fallback, 150)
		check(a.Text, 3000)
		check(a.Footer, 300)
		for _, field := range a.Fields {
			check(field.Title, 50)
			check(field.Value, 500)
		}
		if len(a.Fields) > 10 || total > 8000 || a.Title == "" || a.Fallback == "" || a.Text == "" {
			t.Errorf("%d fields, %d runes", len(a.Fields), total)
		}
	})
}
