package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"defib/heal"

	"github.com/rs/zerolog"
)

// human is a receiver for people that a test drives.
type human struct {
	called string
	mu     sync.Mutex
	fails  error
	said   []message
	tries  []time.Time
}

func (h *human) name() string              { return h.called }
func (h *human) place() string             { return h.called + ".example" }
func (h *human) forPeople()                {}
func (h *human) wants(n heal.Notice) bool  { return n.ForPeople() }
func (h *human) secretMark() string        { return "same" }
func (h *human) titles() (titles []string) { return h.each(func(m message) string { return m.title }) }
func (h *human) fail(err error)            { h.mu.Lock(); h.fails = err; h.mu.Unlock() }
func (h *human) each(f func(message) string) (all []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.said {
		all = append(all, f(m))
	}
	return all
}

func (h *human) deliver(_ context.Context, m message) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tries = append(h.tries, time.Now())
	if h.fails != nil {
		return h.fails
	}
	h.said = append(h.said, m)
	return nil
}

// notice gives one of a container.
func notice(name string, r heal.Reason) heal.Notice {
	n := unhealthy()
	n.Container.Name, n.Container.ID, n.Incident, n.Reason = name, name, "incident of "+name, r
	n.Container.Service, n.Container.Project = "", ""
	n.At = time.Now()
	n.Since = n.At.Add(-time.Minute)
	return n
}

// play runs a notifier of these receivers in virtual time.
func play(t *testing.T, log zerolog.Logger, act func(n *Notifier), all ...*human) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var receivers []receiver
		for _, h := range all {
			receivers = append(receivers, h)
		}
		n := newNotifier(receivers, func() string { return "box" }, none, log)
		start(t, n)
		act(n)
	})
}

func wants(t *testing.T, h *human, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := h.titles(); !slices.Equal(got, want) {
		t.Errorf("%s was told\n%q, not\n%q", h.called, got, want)
	}
}

func TestWhatComesAtOnceIsOneMessage(t *testing.T) {
	h := &human{called: "chat"}
	play(t, zerolog.Nop(), func(n *Notifier) {
		for i := range 12 {
			n.Post(notice(fmt.Sprintf("web-%02d", i), heal.Restarted))
			time.Sleep(200 * time.Millisecond)
		}
		n.Post(notice("bad", heal.GaveUp))
		time.Sleep(10 * time.Second)
		wants(t, h, "[FIRING] 13 incidents on box: 13 open")
		text := h.said[0].text
		if !strings.HasPrefix(text, "[FIRING] bad: gave up after 1 restart") || strings.Count(text, "\n") != 11 || !strings.Contains(text, "\nand 3 more") {
			t.Errorf("said\n%s", text)
		}
	}, h)
}

func TestFewAreToldEachInFull(t *testing.T) {
	h := &human{called: "chat"}
	play(t, zerolog.Nop(), func(n *Notifier) {
		for _, name := range []string{"a", "b", "c"} {
			n.Post(notice(name, heal.GaveUp))
		}
		time.Sleep(time.Minute)
		wants(t, h, "[FIRING] a on box: gave up after 1 restart", "[FIRING] b on box: gave up after 1 restart", "[FIRING] c on box: gave up after 1 restart")
	}, h)
}

func TestResolvedOnlyWhereItWasOpened(t *testing.T) {
	up, down := &human{called: "chat"}, &human{called: "mail", fails: &setback{err: errors.New("down")}}
	play(t, zerolog.Nop(), func(n *Notifier) {
		n.Post(notice("web", heal.Restarted))
		time.Sleep(time.Minute)
		n.Post(notice("web", heal.Recovered))
		time.Sleep(time.Minute)
		down.fail(nil)
		time.Sleep(10 * time.Minute)
		wants(t, up, "[FIRING] web unhealthy on box, restarted", "[RESOLVED] web healthy again on box")
		got := down.titles()
		if len(got) != 1 || !strings.HasPrefix(got[0], "[RESOLVED] web was unhealthy on box from ") ||
			!strings.Contains(down.said[0].text, "This is the first that you hear of it") {
			t.Errorf("the one that was away was told %q", got)
		}
	}, up, down)
}

func TestNewestOfAnIncidentIsEnough(t *testing.T) {
	h := &human{called: "chat", fails: &setback{err: errors.New("down")}}
	play(t, zerolog.Nop(), func(n *Notifier) {
		for _, r := range []heal.Reason{heal.Restarted, heal.StillUnhealthy, heal.GaveUp} {
			n.Post(notice("web", r))
			time.Sleep(time.Minute)
		}
		h.fail(nil)
		time.Sleep(10 * time.Minute)
		wants(t, h, "[FIRING] web on box: gave up after 1 restart")
	}, h)
}

func TestRefusedPayloadIsTriedOnceInBrief(t *testing.T) {
	h, other := &human{called: "chat", fails: &refusal{errors.New("it answered 400")}}, &human{called: "mail"}
	o, log := newLog()
	play(t, log, func(n *Notifier) {
		n.Post(notice("web", heal.GaveUp))
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(h.tries) != 2 || len(lines(o, "alert not delivered")) != 1 {
			t.Errorf("%d attempts, logged\n%s", len(h.tries), o)
		}
		wants(t, other, "[FIRING] web on box: gave up after 1 restart", "[FIRING] defib cannot reach chat (chat.example) on box")
		h.fail(nil)
		n.Post(notice("db", heal.GaveUp))
		time.Sleep(time.Minute)
		wants(t, h, "[FIRING] db on box: gave up after 1 restart")
	}, h, other)
}

func TestClosedReceiverIsLeftAloneForAnHour(t *testing.T) {
	shut, first, second := &human{called: "chat", fails: &closure{errors.New("it answered 404")}}, &human{called: "mail"}, &human{called: "push"}
	o, log := newLog()
	play(t, log, func(n *Notifier) {
		began := time.Now()
		for i := range 3 {
			n.Post(notice(fmt.Sprint("web", i), heal.GaveUp))
		}
		time.Sleep(3*time.Hour + 10*time.Minute)
		synctest.Wait()
		var hours []time.Duration
		for _, at := range shut.tries {
			hours = append(hours, at.Sub(began).Truncate(time.Minute))
		}
		if want := []time.Duration{0, time.Hour, 2 * time.Hour, 3 * time.Hour}; !slices.Equal(hours, want) {
			t.Errorf("tried after %v", hours)
		}
		if a, b := len(about(first, "cannot reach chat (chat.example)")), len(about(second, "cannot reach")); a < 3 || a > 4 || b != 0 {
			t.Errorf("told %d times on the first and %d on the second", a, b)
		}
		if got := lines(o, "takes no alerts"); len(got) != 4 {
			t.Errorf("logged %d times", len(got))
		}
		shut.fail(nil)
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(shut.said) != 3 || len(about(first, "chat (chat.example) works again")) != 1 {
			t.Errorf("then it got %q, and the other heard %q", shut.titles(), first.titles())
		}
	}, shut, first, second)
}

func TestTwoClosedReceiversMakeNoCircle(t *testing.T) {
	a, b := &human{called: "chat", fails: &closure{errors.New("404")}}, &human{called: "mail", fails: &closure{errors.New("403")}}
	play(t, zerolog.Nop(), func(n *Notifier) {
		n.Post(notice("web", heal.GaveUp))
		time.Sleep(48 * time.Hour)
		synctest.Wait()
		if len(a.tries) > 60 || len(b.tries) > 60 {
			t.Errorf("%d and %d attempts", len(a.tries), len(b.tries))
		}
		a.fail(nil)
		b.fail(nil)
		n.Post(notice("db", heal.GaveUp))
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		for _, h := range []*human{a, b} {
			if !slices.Contains(h.titles(), "[FIRING] db on box: gave up after 1 restart") {
				t.Errorf("%s: %q", h.called, h.titles())
			}
		}
	}, a, b)
}

func TestPaceOfAReceiver(t *testing.T) {
	h := &human{called: "chat", fails: nil}
	play(t, zerolog.Nop(), func(n *Notifier) {
		for i := range 6 {
			n.Post(notice(fmt.Sprint(i), heal.GaveUp))
			time.Sleep(3*time.Second + 100*time.Millisecond)
		}
		synctest.Wait()
		if len(h.said) < 5 {
			t.Errorf("only %d were sent", len(h.said))
		}
	}, h)
	one := &fakeProgram{}
	synctest.Test(t, func(t *testing.T) {
		n := newNotifier([]receiver{one}, nil, none, zerolog.Nop())
		start(t, n)
		began := time.Now()
		for i := range 6 {
			n.Post(notice(fmt.Sprint(i), heal.GaveUp))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		var at []time.Duration
		for _, t := range one.at {
			at = append(at, t.Sub(began)/time.Second)
		}
		if want := []time.Duration{0, 0, 0, 1, 2, 3}; !slices.Equal(at, want) {
			t.Errorf("sent after %d s", at)
		}
	})
}

// fakeProgram is a receiver that takes one after the other at the usual pace.
type fakeProgram struct {
	mu sync.Mutex
	at []time.Time
}

func (*fakeProgram) name() string           { return "program" }
func (*fakeProgram) place() string          { return "program.example" }
func (*fakeProgram) wants(heal.Notice) bool { return true }
func (f *fakeProgram) deliver(context.Context, message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = append(f.at, time.Now())
	return nil
}
