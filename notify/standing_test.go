package notify

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"defib/heal"

	"github.com/rs/zerolog"
)

// TestStandings: those who ask see what waits, what went wrong, when it is
// tried again, and that it is over.
func TestStandings(t *testing.T) {
	h := &human{called: "chat", fails: &setback{err: errors.New("it answered \x1b[31m503")}}
	synctest.Test(t, func(t *testing.T) {
		n := newNotifier([]receiver{h}, func() string { return "box" }, none, zerolog.Nop())
		var changed atomic.Int64
		n.workers[0].standing.changed = func() { changed.Add(1) } // before the worker runs
		start(t, n)
		began := time.Now()
		n.Post(notice("web", heal.GaveUp))
		time.Sleep(10 * time.Second)
		s := n.Standings()[0]
		if s.Receiver != "chat" || s.Place != "chat.example" || s.Waiting != 1 || !s.Oldest.Equal(began) || s.Trouble != "it answered 503" ||
			s.Since.IsZero() || !s.RetryAt.After(s.Since) || s.Delivered != 0 || changed.Load() == 0 {
			t.Errorf("in trouble: %+v", s)
		}
		h.fail(nil)
		time.Sleep(10 * time.Minute)
		if s = n.Standings()[0]; s.Waiting != 0 || s.Delivered != 1 || s.Trouble != "" || !s.RetryAt.IsZero() || s.Last.IsZero() {
			t.Errorf("well again: %+v", s)
		}
		h.fail(errors.New("it answered 499"))
		n.Post(notice("db", heal.GaveUp))
		time.Sleep(time.Minute)
		if s = n.Standings()[0]; s.Dropped != 1 || s.Waiting != 0 {
			t.Errorf("refused for good: %+v", s)
		}
	})
}

func TestWords(t *testing.T) {
	title, text, severity := Words(notice("web\x1b[31m", heal.GaveUp), "box")
	if title != "web on box: gave up after 1 restart" || severity != "critical" || text == "" {
		t.Errorf("%q %q %q", title, text, severity)
	}
}
