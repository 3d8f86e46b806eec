package notify

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const people = "?from=defib@example.org&to=ops+night@example.org,boss@example.org"

func TestMailIsHandedOver(t *testing.T) {
	plain := "AUTH PLAIN AHVzZXIAcGFzc01BUktFUjEyMzQ1" // \0user\0passMARKER12345
	for name, c := range map[string]struct {
		offers []string
		scheme string
		login  string
		suffix string
		want   []string // besides what is always said, in order
	}{
		"STARTTLS":       {[]string{"STARTTLS", "AUTH LOGIN PLAIN"}, "smtp", "user:pass" + marker + "@", "", []string{"STARTTLS", "tls EHLO [127.0.0.1]", "tls " + plain}},
		"TLS at once":    {[]string{"AUTH PLAIN"}, "smtps", "user:pass" + marker + "@", "", []string{"tls " + plain}},
		"Microsoft":      {[]string{"AUTH LOGIN XOAUTH2"}, "smtps", "user:pass" + marker + "@", "", []string{"tls AUTH LOGIN", "dXNlcg==", "cGFzc01BUktFUjEyMzQ1"}},
		"CRAM-MD5":       {[]string{"AUTH CRAM-MD5"}, "smtps", "user:pass" + marker + "@", "", []string{"tls AUTH CRAM-MD5"}},
		"in clear":       {[]string{"8BITMIME", "SMTPUTF8"}, "smtp", "", "#tls=none", nil},
		"loopback login": {[]string{"STARTTLS", "AUTH PLAIN"}, "smtp", "user:pass" + marker + "@", "#tls=none", []string{plain}},
	} {
		p, trust := newPost(t, c.offers...)
		p.implicit = c.scheme == "smtps"
		r := mailTo(t, c.scheme+"://"+c.login+"127.0.0.1:"+p.listen(t)+people+c.suffix, trust)
		if err := r.deliver(t.Context(), say(unhealthy())); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		secure := ""
		if c.suffix == "" {
			secure = "tls "
		}
		want := append(c.want, secure+"MAIL FROM:<defib@example.org>", secure+"RCPT TO:<ops+night@example.org>", secure+"RCPT TO:<boss@example.org>", secure+"DATA")
		heard := p.heard()
		for _, line := range want {
			_, rest, found := strings.Cut("\n"+heard+"\n", "\n"+line+"\n")
			if !found && !strings.HasPrefix(line, "tls AUTH CRAM") {
				t.Errorf("%s: %q does not follow in\n%s", name, line, p.heard())
			}
			if found {
				heard = rest
			}
		}
		if !strings.Contains(p.letter(), "\r\nSubject: [FIRING] shop-web-1 unhealthy, restarted\r\n") {
			t.Errorf("%s: %s", name, p.letter())
		}
	}
}

// TestPasswordStaysSecret plays servers that would have it in clear, or show it.
func TestPasswordStaysSecret(t *testing.T) {
	user, password := "user"+marker, `pass\"`+marker+`"\ü`
	url := "smtp://" + user + ":" + url.PathEscape(password) + "@127.0.0.1:"
	p, trust := newPost(t, "AUTH PLAIN LOGIN")
	err := mailTo(t, url+p.listen(t)+people, trust).deliver(t.Context(), say(unhealthy()))
	if sort(err) != "closed" || !strings.Contains(err.Error(), "no STARTTLS") || leaks(err.Error()) || strings.Contains(p.heard(), "AUTH") {
		t.Errorf("%v after\n%s", err, p.heard())
	}
	for _, offer := range []string{"AUTH PLAIN", "AUTH LOGIN"} {
		p, trust := newPost(t, "STARTTLS", offer)
		p.replies["AUTH"] = "535 5.7.8 no: " + user + " " + strings.Join(route{user: user, password: password}.secrets(), " ")
		err := mailTo(t, url+p.listen(t)+people, trust).deliver(t.Context(), say(unhealthy()))
		if sort(err) != "closed" || !strings.Contains(err.Error(), "login: it answered 535 5.7.8 no: [hidden] [hidden]") || leaks(err.Error()) || strings.Contains(err.Error(), "TUFSS0VS") {
			t.Error(err)
		}
	}
	p, _ = newPost(t)
	p.replies["MAIL"] = password
	r := mailTo(t, "smtp://127.0.0.1:"+p.listen(t)+people+"#tls=none", nil)
	r.client.secrets.learn(password)
	if err := r.deliver(t.Context(), say(unhealthy())); sort(err) != "again" || leaks(err.Error()) || !strings.Contains(err.Error(), "not one of SMTP") {
		t.Errorf("garbage gives %v", err)
	}
	if _, _, err := (&loginAuth{"u", "p", 0}).Start(&smtp.ServerInfo{Name: "example.org"}); err == nil {
		t.Error("LOGIN in clear is begun")
	}
	p, _ = newPost(t, "STARTTLS", "AUTH PLAIN")
	err = mailTo(t, url+p.listen(t)+people, x509.NewCertPool()).deliver(t.Context(), say(unhealthy()))
	var s *setback
	if !errors.As(err, &s) || s.after != maxBackoff || !strings.Contains(err.Error(), "AUTOHEAL_ALERT_CA_FILE") || strings.Contains(p.heard(), "AUTH") {
		t.Errorf("an unknown certificate gives %v", err)
	}
}

func TestMailVerdicts(t *testing.T) {
	for _, c := range []struct{ step, reply, want string }{
		{"greeting", "421 later", "again"}, {"greeting", "554 not you", "closed"}, {"greeting", "HTTP/1.1 400 Bad Request", "again"}, {"greeting", "", "again"},
		{"STARTTLS", "454 not now", "again"}, {"STARTTLS", "500 what", "closed"},
		{"AUTH", "454 not now", "again"}, {"AUTH", "535 wrong", "closed"}, {"AUTH", "334 e", "again"},
		{"MAIL", "451 later", "again"}, {"MAIL", "550 5.7.1 not from there", "closed"}, {"MAIL", "552 too large", "refused"},
		{"RCPT", "450 greylisted", "again"}, {"RCPT", "550 5.7.1 relaying denied", "closed"}, {"RCPT", "251 will forward", "delivered"},
		{"RCPT boss@example.org", "550 no such user", "dropped"}, {"RCPT boss@example.org", "450 greylisted", "again after 1m0s, 2 times in all"},
		{"DATA", "451 later", "again"}, {"DATA", "554 no", "refused"}, {"DATA", "250 what", "again"},
		{"text", "452 full", "again"}, {"text", "552 too large", "refused"}, {"text", "554 5.7.1 spam", "refused"}, {"text", "250 taken", "delivered"},
		{"QUIT", "500 what", "delivered"}, {"EHLO", "550 go away", "again"},
	} {
		p, trust := newPost(t, "STARTTLS", "AUTH PLAIN")
		p.replies[c.step] = c.reply
		if c.step == "EHLO" { // an old server: HELO does, and there is no STARTTLS
			c.want = "closed"
		}
		err := mailTo(t, "smtp://user:pass@127.0.0.1:"+p.listen(t)+people, trust).deliver(t.Context(), say(unhealthy()))
		if got := sort(err); got != c.want {
			t.Errorf("%s at %s is %s (%v), not %s", c.reply, c.step, got, err, c.want)
		}
		if err != nil && (!strings.HasPrefix(err.Error(), "mail to 127.0.0.1:") || len(err.Error()) > 400) {
			t.Errorf("%s at %s: %v", c.reply, c.step, err)
		}
		if taken := p.letter() != ""; strings.HasPrefix(c.step, "RCPT boss") && !taken {
			t.Error("who is known has got nothing")
		}
	}
	if err := mailTo(t, "smtp://"+strings.TrimPrefix(deadServer(t), "http://")+people, nil).deliver(t.Context(), say(unhealthy())); sort(err) != "again" {
		t.Errorf("nobody there: %v", err)
	}
}

// TestMailServerHangs: whatever step a server stops at, an attempt ends in time,
// and what it has taken stays delivered.
func TestMailServerHangs(t *testing.T) {
	for _, step := range []string{"connect", "greeting", "EHLO", "STARTTLS", "handshake", "question", "AUTH", "MAIL", "RCPT boss@example.org", "DATA", "text", "QUIT"} {
		p, trust := newPost(t, "STARTTLS", "AUTH LOGIN")
		p.hang = step
		synctest.Test(t, func(t *testing.T) {
			r := mailVia(t, p, "smtp://user:pass@example.com"+people, trust)
			began := time.Now()
			err := r.deliver(t.Context(), say(unhealthy()))
			took := time.Since(began)
			switch {
			case step == "QUIT" && (err != nil || took > time.Second):
				t.Errorf("QUIT: %v after %s", err, took)
			case step != "QUIT" && (sort(err) != "again" || took != attemptTimeout || !strings.Contains(err.Error(), "no answer within 15 s")):
				t.Errorf("%s: %v after %s", step, err, took)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) { // a shutdown ends it before
		p := &post{hang: "greeting"}
		r := mailVia(t, p, "smtp://example.com"+people, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := r.deliver(ctx, say(unhealthy())); err == nil || time.Since(began) != time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

// TestMailServerSaysTooMuch: one line of 1 GB, and lines without end.
func TestMailServerSaysTooMuch(t *testing.T) {
	for name, piece := range map[string]string{"a line": strings.Repeat("x", 1<<16), "lines": strings.Repeat("220-x\r\n", 1<<13)} {
		synctest.Test(t, func(t *testing.T) {
			sent := 0
			r := mailTo(t, "smtp://example.com"+people, nil)
			r.dial = func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go func() {
					for sent < 1<<30 {
						n, err := io.WriteString(theirs, piece)
						if sent += n; err != nil {
							return
						}
					}
				}()
				return ours, nil
			}
			err := r.deliver(t.Context(), say(unhealthy()))
			synctest.Wait()
			if sort(err) != "again" || sent > maxMailAnswers || len(err.Error()) > 400 {
				t.Errorf("%s: %v after %d bytes", name, err, sent)
			}
		})
	}
}

func TestMailAddresses(t *testing.T) {
	to, err := parseAddress("smtps://me%40example.org:p%2Fw@[::1]?to=a@example.org&to=b+c@example.org")
	if err != nil {
		t.Fatal(err)
	}
	way, err := routeOf(to)
	if got := fmt.Sprint(way, err); got != "{[::1]:465 ::1 me@example.org p/w me@example.org [a@example.org b+c@example.org] true false} <nil>" {
		t.Error(got)
	}
	for url, want := range map[string]string{
		"smtp://h?to=a@b":                                     "address of a sender",
		"smtp://h?from=" + marker + "@b":                      "needs recipients",
		"smtp://h?from=a@b&to=a@b," + marker:                  "no address such as",
		"smtp://h?from=a@b&to=a@b%0d%0aBcc:" + marker:         "no address such as",
		"smtp://h?from=a@b%3E%20" + marker + "&to=a@b":        "address of a sender",
		"smtp://h?from=a@b&to=a@b&cc=" + marker:               "something else than",
		"smtp://h?from=a@b&to=%zz" + marker:                   "bad %",
		"smtp://u" + marker + "@h?from=a@b&to=a@b":            "without a password",
		"smtp://h/" + marker + "?from=a@b&to=a@b":             "it has a path",
		"smtp://u:p" + marker + "@h?from=a@b&to=a@b#tls=none": "in clear",
		"smtp://h?from=a@b&to=a@b#tls=" + marker:              "can only be none",
		"smtps://h?from=a@b&to=a@b#tls=none":                  "can only be none",
		"email+https://h/?from=a@b&to=" + marker + "@b":       "smtp://",
	} {
		if _, err := parseAddress(url); err == nil || !strings.Contains(err.Error(), want) || leaks(err.Error()) {
			t.Errorf("%s gives %v, which lacks %q", url, err, want)
		}
	}
}
