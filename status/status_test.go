package status

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	now := time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for name, c := range map[string]struct {
		w    Watch
		ok   bool
		want string
	}{
		"watching":          {Watch{Since: ago(time.Hour), Stream: true, LastList: ago(5 * time.Second), Interval: 10 * time.Second}, true, "watching"},
		"just begun":        {Watch{Since: ago(5 * time.Second), Interval: 10 * time.Second}, true, "starting"},
		"start period":      {Watch{Since: ago(4 * time.Minute), Grace: 5 * time.Minute, Interval: 10 * time.Second}, true, "starting"},
		"never connected":   {Watch{Since: ago(time.Minute), Interval: 10 * time.Second, Trouble: "there is no socket"}, false, "no list of containers yet: there is no socket"},
		"list is old":       {Watch{Since: ago(time.Hour), Stream: true, LastList: ago(31 * time.Second), Interval: 10 * time.Second}, false, "no list of containers for 31s"},
		"slow interval":     {Watch{Since: ago(time.Hour), Stream: true, LastList: ago(31 * time.Second), Interval: time.Minute}, true, "watching"},
		"stream just cut":   {Watch{Since: ago(time.Hour), StreamGone: ago(5 * time.Second), LastList: ago(time.Second), Interval: 10 * time.Second}, true, "watching"},
		"stream gone":       {Watch{Since: ago(time.Hour), StreamGone: ago(time.Minute), LastList: ago(time.Second), Interval: 10 * time.Second}, false, "no event stream for 1m0s"},
		"stream never came": {Watch{Since: ago(time.Hour), LastList: ago(time.Second), Interval: 10 * time.Second}, false, "no event stream yet"},
	} {
		if ok, why := Judge(c.w, now); ok != c.ok || why != c.want {
			t.Errorf("%s: %v, %q; want %v, %q", name, ok, why, c.ok, c.want)
		}
	}
}

func TestServeAndAsk(t *testing.T) {
	socket := fmt.Sprintf("@defib-test-%d", os.Getpid())
	want := Answer{OK: false, Why: "no event stream for 1m0s"}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- Serve(ctx, socket, func() Answer { return want }) }()
	got, err := Ask(t.Context(), socket)
	for begun := time.Now(); err != nil && time.Since(begun) < 5*time.Second; got, err = Ask(t.Context(), socket) {
		time.Sleep(time.Millisecond) // until it listens
	}
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if err := Serve(ctx, socket, nil); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a second one on the socket: %v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := Ask(t.Context(), socket); err == nil || !strings.Contains(err.Error(), "no defib answers") {
		t.Errorf("asked nobody: %v", err)
	}
}

func TestSocketName(t *testing.T) {
	if got := SocketName(""); got != "@defib" {
		t.Error(got)
	}
	if got := SocketName("0123456789abcdef"); got != "@defib-0123456789ab" {
		t.Error(got)
	}
}
