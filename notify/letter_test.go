package notify

import (
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"defib/heal"
)

// told gives the stories that each receiver shows, and the message of a test.
// A program has a golden file for each.
func tales() map[string]message {
	all := map[string]message{}
	for name, n := range stories() {
		switch name {
		case "restarted-evidence", "gave-up", "recovered", "hostile", "restart-failed", "storm", "exited":
			all[name] = tell(alert{Notice: n, Host: "host1"}, n.At.Add(time.Second))
		}
	}
	at := unhealthy().At
	all["test"] = tell(alert{Host: "host1", Test: true, Queued: at}, at)
	return all
}

// worst gives a message whose every text is as long and as odd as it can be.
func worst(piece string) message {
	long := strings.Repeat(piece, 1<<20/len(piece))
	n := unhealthy()
	n.Reason, n.Err, n.Detail, n.Owner, n.Incident = heal.RestartFailed, long, long, long, long
	n.Container = heal.Container{ID: long, Name: long, Image: long, Project: long, Service: long}
	n.Probe.Output = long
	n.Evidence = &heal.Evidence{Uptime: time.Hour, OOMKilled: true, Log: slices.Repeat([]string{long}, 20), LogError: long}
	return tell(alert{Notice: n, Host: long}, n.At)
}

// oddities are pieces of hostile texts: of one byte to four, of what JSON and
// mail escape, and of what ends a line.
func oddities() []string {
	return []string{"x", "\"\\", "€", "😀", "\xff", "<&>", "\r\nBcc: x@example.org\r\n\r\n.\r\n", "=?utf-8?q?=E2=80=AE?=", "\x1b[31m\u202e", "@everyone <!here> "}
}

func someRoute() route {
	return route{from: "defib@example.org", to: []string{"ops@example.org", "boss@example.org"}}
}

func TestLetters(t *testing.T) {
	for name, m := range tales() {
		golden(t, "mail-"+name+".eml", letter(m, someRoute(), unhealthy().At.Add(time.Second)))
	}
}

// opened reads a mail as a mail program does.
func opened(t *testing.T, text []byte) (header mail.Header, subject, body string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(string(text)))
	if err != nil {
		t.Fatalf("%v in %.500q", err, text)
	}
	subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Error(err)
	}
	read, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Error(err)
	}
	return m.Header, subject, string(read)
}

// checkLetter holds a mail against what every mail must be.
func checkLetter(t *testing.T, m message, text []byte) {
	t.Helper()
	for line := range strings.SplitSeq(string(text), "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n") || strings.ContainsFunc(line, func(r rune) bool { return r >= 0x7f || r < ' ' && r != '\t' }) {
			t.Errorf("a line of %d bytes: %.200q", len(line), line)
		}
	}
	header, subject, body := opened(t, text)
	var names []string
	for name, values := range header {
		names = append(names, name)
		if len(values) != 1 {
			t.Errorf("%s: %q", name, values)
		}
	}
	slices.Sort(names)
	const want = "[Auto-Submitted Content-Transfer-Encoding Content-Type Date From In-Reply-To Message-Id Mime-Version References Subject To X-Auto-Response-Suppress]"
	if got := fmt.Sprint(names); got != want {
		t.Errorf("the headers are %s", got)
	}
	if header.Get("To") != "ops@example.org, boss@example.org" || header.Get("From") != "defib <defib@example.org>" {
		t.Errorf("%v", header)
	}
	if utf8.RuneCountInString(subject) > letterSubject || subject != strings.ReplaceAll(m.title, "=?", "= ?") || !utf8.ValidString(subject) {
		t.Errorf("the subject is %q, not %q", subject, m.title)
	}
	if len(text) > 64<<10 || !strings.HasPrefix(strings.ReplaceAll(body, "\r\n", "\n"), cutRunes(m.text, 1000)[:min(len(m.text), 900)]) {
		t.Errorf("%d bytes, and the body begins with %.300q", len(text), body)
	}
}

func TestLettersAreWhole(t *testing.T) {
	for _, piece := range oddities() {
		m := worst(piece)
		checkLetter(t, m, letter(m, someRoute(), m.at))
		checkLetter(t, m.brief(), letter(m.brief(), someRoute(), m.at))
	}
}

func FuzzLetter(f *testing.F) {
	for _, piece := range oddities() {
		f.Add(piece, piece)
	}
	f.Fuzz(func(t *testing.T, title, words string) {
		n := unhealthy()
		n.Container.Name, n.Probe.Output, n.Err, n.Incident = title, words, words, title
		m := tell(alert{Notice: n, Host: title}, n.At)
		checkLetter(t, m, letter(m, someRoute(), n.At))
	})
}

// TestHeadersHoldWhateverComes: a header stays one even where a text was not
// cleaned before.
func TestHeadersHoldWhateverComes(t *testing.T) {
	for _, piece := range oddities() {
		got := headerText(piece+strings.Repeat(piece, 1000), letterSubject)
		if rest := strings.ReplaceAll(got, "?=\r\n =?", ""); strings.ContainsAny(rest, "\r\n\x1b") {
			t.Errorf("%q gives %q", piece, got)
		}
	}
}

// TestOneIncidentIsOneThread: mails of one incident on one host name the same
// thread and never the same id; a second try has the id of the first.
func TestOneIncidentIsOneThread(t *testing.T) {
	ids := func(host string, n heal.Notice, now time.Time) (id, thread string) {
		header, _, _ := opened(t, letter(tell(alert{Notice: n, Host: host}, now), someRoute(), now))
		if header.Get("In-Reply-To") != header.Get("References") || !regexp.MustCompile(`^<[0-9a-f]{32}@example\.org>$`).MatchString(header.Get("Message-ID")) {
			t.Errorf("%v", header)
		}
		return header.Get("Message-ID"), header.Get("References")
	}
	first := unhealthy()
	end := first
	end.Reason, end.At = heal.Recovered, first.At.Add(time.Minute)
	other := first
	other.Incident = "web-2"
	id, thread := ids("host1", first, first.At)
	if again, _ := ids("host1", first, first.At.Add(time.Hour)); again != id {
		t.Error("a second try is another mail")
	}
	if endID, endThread := ids("host1", end, end.At); endID == id || endThread != thread {
		t.Error("the end is no part of it")
	}
	if _, otherThread := ids("host1", other, first.At); otherThread == thread {
		t.Error("another incident is part of it")
	}
	if _, otherHost := ids("host2", first, first.At); otherHost == thread {
		t.Error("another host is part of it")
	}
	var many []alert
	for i := range 20 {
		n := first
		n.Incident = fmt.Sprint(i % 12)
		many = append(many, alert{Notice: n, Host: "host1"})
	}
	header, _, _ := opened(t, letter(tellMany(many, first.At), someRoute(), first.At))
	if n := len(strings.Fields(header.Get("References"))); n != maxGrouped || header.Get("In-Reply-To") != "" {
		t.Errorf("%d threads, %q", n, header.Get("In-Reply-To"))
	}
}
