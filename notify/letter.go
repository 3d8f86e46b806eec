package notify

import (
	"bytes"
	"mime"
	"mime/quotedprintable"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Limits of a mail, in runes.
const (
	letterSubject = 200
	letterText    = 8000
)

// letter gives a message as a mail (RFC 5322): ASCII in all of its lines, which
// end with CR LF and are short enough for every server. It is marked as made by
// a program, so that no holiday notice answers it (RFC 3834), and it names its
// conversation, so that one incident is one thread.
func letter(m message, way route, now time.Time) []byte {
	_, domain, _ := strings.Cut(way.from, "@")
	var ids, threads []string
	for i := range m.alerts {
		a := &m.alerts[i]
		ids = append(ids, a.id())
		thread := "<" + a.conversation()[:32] + "@" + domain + ">"
		if !a.Test && len(threads) < maxGrouped && !slices.Contains(threads, thread) {
			threads = append(threads, thread)
		}
	}
	var b bytes.Buffer
	header := func(name, value string) {
		if value != "" {
			b.WriteString(name + ": " + value + "\r\n")
		}
	}
	header("From", "defib <"+way.from+">")
	header("To", strings.Join(way.to, ",\r\n "))
	header("Subject", headerText(m.title, letterSubject))
	header("Date", now.Format(time.RFC1123Z))
	header("Message-ID", "<"+digest(ids...)[:32]+"@"+domain+">")
	if len(threads) == 1 {
		// The root of a thread was never sent: mail programs put the mails that name
		// the same one together all the same, and none of ours must know which of
		// them was first.
		header("In-Reply-To", threads[0])
	}
	header("References", strings.Join(threads, "\r\n "))
	header("Auto-Submitted", "auto-generated")
	header("X-Auto-Response-Suppress", "All") // Exchange's word for it
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b) // a buffer takes everything
	_, _ = w.Write([]byte(cutRunes(m.body(), letterText) + "\n\n-- \n" + m.sender + "\n"))
	_ = w.Close()
	return b.Bytes()
}

// headerText makes a text fit for a header: one line, which no part of it can
// end, of ASCII words. What looks like such a word already is broken, or it
// would be shown as something else.
func headerText(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	text = strings.ReplaceAll(cutRunes(text, limit), "=?", "= ?")
	words := mime.QEncoding.Encode("utf-8", text)
	return strings.ReplaceAll(words, "?= =?", "?=\r\n =?") // no line of more than 998 bytes
}
