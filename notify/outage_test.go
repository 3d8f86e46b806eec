package notify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"defib/heal"
)

// TestOutageWords keeps what people read about a receiver that fails.
func TestOutageWords(t *testing.T) {
	at := unhealthy().At
	for name, o := range map[string]outage{
		"shut":     {what: shut, why: "post to hooks.slack.com: it answered 404 Not Found: no_service"},
		"resting":  {what: resting, why: "post to hooks.slack.com: it answered 429 Too Many Requests"},
		"refusing": {what: refusing, why: "post to hooks.slack.com: it answered 400 Bad Request: invalid_blocks"},
		"expired":  {what: expired, why: "it could not be delivered within 1 d"},
		"hostile":  {why: "\x1b[31m<!channel>\nDone: all is well " + strings.Repeat("x", 5000)},
		"over":     {over: true},
	} {
		o.receiver, o.since = "slack (hooks.slack.com)", at.Add(-62*time.Minute)
		m := tellOutage(&o, "host1", at)
		golden(t, "outage-"+name+".txt", []byte(m.title+"\n\n"+m.text+"\n\n"+m.sender+"\n"))
		if strings.Count(m.text, "\nDone: ") != 1 || strings.Contains(m.text, "\x1b") || m.firing() == o.over {
			t.Errorf("%s: %s\n%s", name, m.title, m.text)
		}
	}
	if m := tellOutage(&outage{receiver: "slack (hooks.slack.com)"}, "", at); m.title != "[FIRING] defib cannot reach slack (hooks.slack.com)" {
		t.Errorf("without a host: %s", m.title)
	}
}

// crowd runs a notifier of these receivers in virtual time, without a wait for
// what belongs together.
func crowd(t *testing.T, act func(n *Notifier), all ...receiver) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		_, log := newLog()
		n := newNotifier(all, func() string { return "box" }, none, log)
		for _, w := range n.workers {
			w.together = 0
		}
		start(t, n)
		act(n)
	})
}

const (
	cannot = "[FIRING] defib cannot reach chat (chat.example) on box"
	works  = "[RESOLVED] chat (chat.example) works again on box"
)

var errGone = &closure{errors.New("it answered 410")}

// outages gives what a receiver was told about others.
func outages(h *human) []string {
	return slices.DeleteFunc(h.titles(), func(title string) bool {
		return !strings.Contains(title, "cannot reach") && !strings.Contains(title, "works again")
	})
}

// TestOutageIsToldToTheFirstThatWorks: in their order, and to nobody who cannot
// say it.
func TestOutageIsToldToTheFirstThatWorks(t *testing.T) {
	_, log := newLog()
	refuse := roundTripStatus(500)
	legacy := mustNew(t, Options{
		WebhookURL: NewSecret("http://a.example/x"), AppriseURL: NewSecret("http://b.example/x"), PostRestartScript: "/bin/true", Transport: refuse,
	}, log)
	chat, down, first, second := &human{called: "chat", fails: errGone}, &human{called: "down", fails: errGone}, &human{called: "first"}, &human{called: "second"}
	var all []receiver
	for _, w := range legacy.workers {
		all = append(all, w.receiver)
	}
	crowd(t, func(n *Notifier) {
		for _, w := range n.workers[len(legacy.workers):][:2] { // known to be ill: who fails first is chance
			w.ill.Store(true)
		}
		n.Post(notice("web", heal.GaveUp))
		time.Sleep(time.Minute)
		synctest.Wait()
		got := outages(first)
		slices.Sort(got)
		if want := []string{cannot, strings.ReplaceAll(cannot, "chat", "down")}; !slices.Equal(got, want) || len(outages(second)) != 0 {
			t.Errorf("told %q and %q", got, outages(second))
		}
	}, append(all, chat, down, first, second)...)
}

// roundTripStatus is a transport that always answers so.
func roundTripStatus(code int) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: code, Body: http.NoBody, Header: http.Header{}}, nil
	}
}

// TestOutageIsToldOnceAnHour, also where the receiver works in between.
func TestOutageIsToldOnceAnHour(t *testing.T) {
	chat, mail := &human{called: "chat", fails: &refusal{errors.New("it answered 400")}}, &human{called: "mail"}
	crowd(t, func(n *Notifier) {
		for i := range 24 { // two hours: fails, works, fails, works
			if chat.fail(nil); i%2 == 0 {
				chat.fail(&refusal{errors.New("it answered 400")})
			}
			n.Post(notice(fmt.Sprint("web", i), heal.GaveUp))
			time.Sleep(5 * time.Minute)
		}
		synctest.Wait()
		if got := outages(mail); !slices.Equal(got, []string{cannot, works, cannot, works}) {
			t.Errorf("told %q", got)
		}
	}, chat, mail)
}

// TestEndIsToldOnlyWhereTheBeginningArrived: mail never took it.
func TestEndIsToldOnlyWhereTheBeginningArrived(t *testing.T) {
	chat, mail := &human{called: "chat", fails: errGone}, &human{called: "mail"}
	crowd(t, func(n *Notifier) {
		mail.fail(&refusal{errors.New("it answered 400")})
		n.Post(notice("web", heal.GaveUp))
		time.Sleep(time.Minute)
		mail.fail(nil)
		chat.fail(nil)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if got := outages(mail); len(got) != 0 {
			t.Errorf("told %q", got)
		}
		if got := outages(chat); slices.Contains(got, "[FIRING] defib cannot reach chat (chat.example) on box") {
			t.Errorf("chat was told of itself: %q", got)
		}
	}, chat, mail)
}

// TestWaitingOutageIsWithdrawn: what is over before it was told is not told.
func TestWaitingOutageIsWithdrawn(t *testing.T) {
	chat, mail := &human{called: "chat", fails: errGone}, &human{called: "mail"}
	crowd(t, func(n *Notifier) {
		n.workers[1].receiver.(*human).fail(&setback{err: errors.New("down"), after: 90 * time.Minute})
		n.Post(notice("web", heal.GaveUp))
		time.Sleep(30 * time.Minute)
		chat.fail(nil)
		time.Sleep(40 * time.Minute)
		mail.fail(nil)
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if got := outages(mail); len(got) != 0 {
			t.Errorf("told %q", got)
		}
	}, chat, mail)
}

// TestOutageThatEndsWhileItIsTold is told with its end.
func TestOutageThatEndsWhileItIsTold(t *testing.T) {
	chat := &human{called: "chat", fails: errGone}
	var titles []string
	slow := &slowReader{human: &human{called: "slow"}, takes: func(m message) { time.Sleep(80 * time.Minute); titles = append(titles, m.title) }}
	crowd(t, func(n *Notifier) {
		slow.quick.Store(true)
		n.Post(notice("web", heal.GaveUp))
		slow.quick.Store(false)
		time.Sleep(30 * time.Minute)
		chat.fail(nil) // it is tried again after an hour, when slow still takes the first
		time.Sleep(12 * time.Hour)
		synctest.Wait()
		got := slices.DeleteFunc(titles, func(title string) bool { return strings.Contains(title, "gave up") })
		if !slices.Equal(got, []string{cannot, works}) {
			t.Errorf("told %q", got)
		}
	}, chat, slow)
}

// slowReader takes its time.
type slowReader struct {
	*human

	quick atomic.Bool
	takes func(m message)
}

func (s *slowReader) deliver(_ context.Context, m message) error {
	if strings.Contains(m.title, "gave up") {
		return nil
	}
	s.takes(m)
	return nil
}

// TestTroubleWithAComplaintMakesNoOther: A takes nothing, B refuses to hear of
// it; C hears of A when an hour has passed, and of B never.
func TestTroubleWithAComplaintMakesNoOther(t *testing.T) {
	a, c := &human{called: "chat", fails: errGone}, &human{called: "c"}
	b := &picky{human: &human{called: "b"}}
	crowd(t, func(n *Notifier) {
		n.Post(notice("web", heal.GaveUp))
		time.Sleep(50 * time.Minute)
		synctest.Wait()
		if got := outages(c); len(got) != 0 || b.shut.Load() == 0 {
			t.Errorf("c was told %q; b was asked %d times", got, b.shut.Load())
		}
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		for _, title := range outages(c) {
			if title != cannot {
				t.Errorf("c was told %q", title)
			}
		}
		if len(outages(c)) < 2 || len(a.tries) > 6 || b.shut.Load() > 6 {
			t.Errorf("c was told %d times; %d and %d attempts", len(outages(c)), len(a.tries), b.shut.Load())
		}
	}, a, b, c)
}

// picky takes alerts, and is closed to anything about other receivers.
type picky struct {
	*human

	shut atomic.Int32
}

func (p *picky) deliver(ctx context.Context, m message) error {
	if m.alerts[0].About != nil {
		p.shut.Add(1)
		return errGone
	}
	return p.human.deliver(ctx, m)
}

// TestChangedSecretOpensAReceiver within a minute, and not before it changes.
func TestChangedSecretOpensAReceiver(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hook")
	write(t, file, "http://hooks.example/old")
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		began := time.Now()
		o, log := newLog()
		n := mustNew(t, Options{WebhookURL: SecretFile(file), Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			at = append(at, time.Since(began).Truncate(time.Minute))
			code := 404
			if r.URL.Path == "/new" {
				code = 200
			}
			return &http.Response{StatusCode: code, Body: http.NoBody, Header: http.Header{}}, nil
		})}, log)
		start(t, n)
		n.Post(unhealthy())
		time.Sleep(20*time.Minute + 30*time.Second)
		if err := os.WriteFile(file, []byte("http://hooks.example/old\n"), 0o600); err != nil { // the same
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		write(t, file, "http://hooks.example/new")
		time.Sleep(time.Hour)
		synctest.Wait()
		if want := []time.Duration{0, 31 * time.Minute}; !slices.Equal(at, want) {
			t.Errorf("tried after %v; logged\n%s", at, o)
		}
	})
}

// TestSameHostTwiceIsNumbered: people have to know which of two it is.
func TestSameHostTwiceIsNumbered(t *testing.T) {
	first, second, mail := &human{called: "chat"}, &human{called: "chat", fails: errGone}, &human{called: "mail"}
	crowd(t, func(n *Notifier) {
		n.Post(notice("web", heal.GaveUp))
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := outages(first); !slices.Equal(got, []string{"[FIRING] defib cannot reach chat (chat.example), number 2 on box"}) {
			t.Errorf("told %q", got)
		}
		if n.workers[0].key == n.workers[1].key {
			t.Errorf("both are called %s", n.workers[0].key)
		}
	}, first, second, mail)
}
