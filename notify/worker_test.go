package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"defib/heal"
)

// lines gives the log lines whose message contains text.
func lines(o *output, text string) []map[string]any {
	var found []map[string]any
	for line := range strings.Lines(o.String()) {
		var l map[string]any
		if json.Unmarshal([]byte(line), &l) == nil && strings.Contains(fmt.Sprint(l["message"]), text) {
			found = append(found, l)
		}
	}
	return found
}

func TestSlowReceiverDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &fake{did: func(ctx context.Context, _ alert) error { <-ctx.Done(); return ctx.Err() }}
		quick := &fake{}
		_, log := newLog()
		n := newNotifier([]receiver{slow, quick}, nil, all, log)
		start(t, n)
		began := time.Now()
		for i := range 1000 {
			n.Post(numbered(i, heal.GaveUp).Notice)
			synctest.Wait()
		}
		if time.Since(began) != 0 || len(quick.attempts()) != 1000 || len(slow.attempts()) != 1 {
			t.Errorf("after %s %d and %d attempts", time.Since(began), len(quick.attempts()), len(slow.attempts()))
		}
	})
}

func TestAttemptIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, handle := range map[string]http.HandlerFunc{
			// A server notices that the client went away once it read the body.
			"silent": func(_ http.ResponseWriter, r *http.Request) { readAll(t, r.Body); <-r.Context().Done() },
			"dripping": func(w http.ResponseWriter, r *http.Request) {
				readAll(t, r.Body)
				w.WriteHeader(500)
				for r.Context().Err() == nil {
					_, _ = io.WriteString(w, ".")
					w.(http.Flusher).Flush()
					select {
					case <-time.After(time.Second):
					case <-r.Context().Done():
					}
				}
			},
		} {
			_, log := newLog()
			n := mustNew(t, Options{WebhookURL: NewSecret("http://example.org/x"), Transport: serve(t, handle)}, log)
			began := time.Now()
			err := n.workers[0].receiver.deliver(t.Context(), say(unhealthy()))
			if took := time.Since(began); took > 15*time.Second || outcome(err) != "again" {
				t.Errorf("%s: %v after %s", name, err, took)
			}
		}
	})
}

func TestFailureIsLoggedOnceAndRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []string{"reset by peer on port 4001", "reset by peer on port 4002", "reset by peer on port 4003", "no route", "no route", "no route"}
		f := &fake{}
		f.did = func(context.Context, alert) error {
			if i := len(f.attempts()); i <= len(answers) {
				return &setback{err: errors.New(answers[i-1])}
			}
			return nil
		}
		o, log := newLog()
		n := newNotifier([]receiver{f}, nil, all, log)
		start(t, n)
		began := time.Now()
		n.Post(unhealthy())
		n.Post(numbered(2, heal.GaveUp).Notice)
		time.Sleep(time.Hour)
		synctest.Wait()
		var waits []time.Duration
		for _, at := range f.at {
			waits = append(waits, at.Sub(began)/time.Second)
		}
		if want := []time.Duration{0, 1, 3, 7, 15, 31, 63, 63}; !slices.Equal(waits, want) {
			t.Errorf("attempts after %d s", waits)
		}
		if got := lines(o, "not delivered yet"); len(got) != 2 || got[0]["err"] != answers[0] || got[1]["err"] != "no route" ||
			got[0]["receiver"] != "fake" || got[0]["host"] != "example.org" || got[0]["container"] != "shop-web-1" || got[0]["incident"] != "web-1764000000" {
			t.Errorf("logged %v", got)
		}
		if got := lines(o, "alert delivered"); len(got) != 2 || got[0]["attempts"] != 7.0 || got[0]["level"] != "info" || got[1]["level"] != "debug" {
			t.Errorf("logged %v", got)
		}
	})
}

func TestPermanentFailureDropsOneAlert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{did: func(_ context.Context, a alert) error {
			if a.Notice.Incident == "1" {
				return errors.New("it answered 400")
			}
			return nil
		}}
		o, log := newLog()
		n := newNotifier([]receiver{f}, nil, all, log)
		start(t, n)
		n.Post(numbered(1, heal.GaveUp).Notice)
		n.Post(numbered(2, heal.GaveUp).Notice)
		synctest.Wait()
		if got := f.attempts(); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("attempts %v", got)
		}
		if got := lines(o, "alert not delivered"); len(got) != 1 || got[0]["incident"] != "1" || got[0]["err"] != "it answered 400" {
			t.Errorf("logged %v", got)
		}
	})
}

func TestAlertIsGivenUpAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := &fake{did: func(context.Context, alert) error { return &setback{err: errors.New("down")} }}
		o, log := newLog()
		n := newNotifier([]receiver{down}, nil, all, log)
		start(t, n)
		n.Post(numbered(1, heal.GaveUp).Notice)
		time.Sleep(23 * time.Hour)
		synctest.Wait()
		if len(lines(o, "alert not delivered")) != 1 {
			t.Errorf("given up early:\n%s", o)
		}
		n.Post(numbered(2, heal.GaveUp).Notice)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		got := lines(o, "alert not delivered")
		if last := got[len(got)-1]; last["message"] != "alert not delivered" || last["incident"] != "1" {
			t.Errorf("logged %v", got)
		}
		if tried := down.attempts(); tried[len(tried)-1] != "2" || len(tried) > 400 {
			t.Errorf("%d attempts, the last for %s", len(tried), tried[len(tried)-1])
		}
	})
}

// TestPauseHoldsForTheWholeReceiver: a 429 is about the receiver, so the next
// alert waits too, and a shutdown does not press on.
func TestPauseHoldsForTheWholeReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		began := time.Now()
		transport := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if at = append(at, time.Since(began)/time.Second); len(at)%2 == 1 {
				w.Header().Set("Retry-After", "40")
				w.WriteHeader(429)
			}
		})
		o, log := newLog()
		n := mustNew(t, Options{WebhookURL: NewSecret("http://example.org/x"), Transport: transport}, log)
		stop := start(t, n)
		n.Post(unhealthy())
		second := unhealthy()
		second.Attempt = 2
		n.Post(second)
		time.Sleep(time.Minute)
		synctest.Wait()
		if want := []time.Duration{0, 40, 40}; !slices.Equal(at, want) {
			t.Errorf("requests after %d s", at)
		}
		before := time.Now()
		stop()
		if took := time.Since(before); took != 0 || len(at) != 3 {
			t.Errorf("the shutdown took %s and made %d requests", took, len(at)-3)
		}
		if got := lines(o, "before the shutdown"); len(got) != 1 || got[0]["undelivered"] != 1.0 {
			t.Errorf("logged %v", got)
		}
	})
}

func TestPartialAppriseIsTriedOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests, began := []time.Duration(nil), time.Now()
		transport := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			requests = append(requests, time.Since(began)/time.Second)
			w.WriteHeader(424)
		})
		o, log := newLog()
		n := mustNew(t, Options{AppriseURL: NewSecret("http://example.org/notify/x"), Transport: transport}, log)
		start(t, n)
		n.Post(unhealthy())
		time.Sleep(time.Hour)
		synctest.Wait()
		if want := []time.Duration{0, 60}; !slices.Equal(requests, want) {
			t.Errorf("requests after %d s", requests)
		}
		if got := lines(o, "alert not delivered"); len(got) != 2 || got[1]["attempts"] != 2.0 {
			t.Errorf("logged %v", got)
		}
	})
}

func TestShutdownFlushesForThreeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := &fake{did: func(ctx context.Context, _ alert) error { <-ctx.Done(); return &setback{err: ctx.Err()} }}
		second := &fake{did: func(ctx context.Context, _ alert) error {
			select {
			case <-time.After(time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		down := &fake{did: func(context.Context, alert) error { return &setback{err: errors.New("down")} }}
		o, log := newLog()
		n := newNotifier([]receiver{hung, second, down}, nil, all, log)
		stop := start(t, n)
		for i := range 5 {
			n.Post(numbered(i, heal.GaveUp).Notice)
		}
		synctest.Wait()
		tried := len(down.attempts())
		began := time.Now()
		stop()
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("took %s", took)
		}
		left := map[any]bool{}
		for _, l := range lines(o, "before the shutdown") {
			left[l["undelivered"]] = true
		}
		if !left[5.0] || !left[2.0] && !left[3.0] || len(second.attempts()) < 3 || len(down.attempts()) != tried+1 {
			t.Errorf("left %v; %d attempts of the slow one, %d of the dead one after %d:\n%s", left, len(second.attempts()), len(down.attempts()), tried, o)
		}
		n.Post(numbered(9, heal.GaveUp).Notice)
		if got := lines(o, "the notifier has stopped"); len(got) != 3 || got[0]["incident"] != "9" {
			t.Errorf("logged %v", got)
		}
	})
}

func TestPostBeforeRunIsDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		_, log := newLog()
		n := newNotifier([]receiver{f}, func() string { return "host1" }, all, log)
		n.Post(numbered(1, heal.GaveUp).Notice)
		stop := start(t, n)
		n.Post(numbered(2, heal.GaveUp).Notice)
		stop() // at once: what was posted is still flushed
		if got := f.attempts(); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("attempts %v", got)
		}
	})
}

func TestRunWithoutReceiversWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, log := newLog()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		if err := mustNew(t, Options{}, log).Run(ctx); err != nil || time.Since(began) != time.Hour {
			t.Errorf("Run gave %v after %s", err, time.Since(began))
		}
	})
}

func TestHostIsAskedForEachMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hosts []string
		f := &fake{did: func(_ context.Context, a alert) error { hosts = append(hosts, a.Host); return nil }}
		_, log := newLog()
		name := "unknown yet"
		n := newNotifier([]receiver{f}, func() string { return name }, all, log)
		start(t, n)
		n.Post(numbered(1, heal.GaveUp).Notice)
		synctest.Wait()
		name = "host1"
		n.Post(numbered(2, heal.GaveUp).Notice)
		synctest.Wait()
		if !slices.Equal(hosts, []string{"unknown yet", "host1"}) {
			t.Errorf("hosts %v", hosts)
		}
	})
}

func TestBurstIsLoggedAtItsBeginningAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		f := &fake{did: func(context.Context, alert) error { <-release; return nil }}
		o, log := newLog()
		n := newNotifier([]receiver{f}, nil, all, log)
		start(t, n)
		for i := range maxWaiting + 8 { // one is under way
			n.Post(numbered(i, heal.GaveUp).Notice)
			synctest.Wait()
		}
		close(release)
		synctest.Wait()
		begin, end := lines(o, "the queue is full"), lines(o, "the queue has drained")
		if len(begin) != 1 || len(end) != 1 || end[0]["dropped"] != 8.0 {
			t.Errorf("logged %v and %v", begin, end)
		}
	})
}

func TestTestTriesEveryReceiverOnceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bodies := map[string]string{}
		var mu sync.Mutex
		slow := func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(2 * time.Second)
			mu.Lock()
			defer mu.Unlock()
			bodies[r.URL.Path] += readAll(t, r.Body)
			if r.URL.Path == "/apprise" {
				w.WriteHeader(503)
			}
		}
		_, log := newLog()
		n := mustNew(t, Options{
			SlackWebhookURL: NewSecret("http://a.example/slack"), WebhookURL: NewSecret("http://b.example/webhook"),
			AppriseURL: NewSecret("http://c.example/apprise"), PostRestartScript: "/bin/sh /hook",
			Host: func() string { return "host1" }, Transport: serve(t, slow),
		}, log)
		results := n.Test(t.Context())
		var got []string
		for _, r := range results {
			got = append(got, fmt.Sprintf("%s %s %s %v %q", r.Receiver, r.Host, r.Took.Round(time.Second), r.Err, r.Skipped))
		}
		want := []string{
			`slack a.example 2s <nil> ""`,
			`webhook b.example 2s <nil> ""`,
			`apprise c.example 2s post to c.example: it answered 503 Service Unavailable ""`,
			`script /bin/sh 0s <nil> "it is not run for a test, only looked for"`,
		}
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s", strings.Join(got, "\n"))
		}
		for path, body := range bodies {
			if strings.Count(body, "[TEST]") < 1 || !strings.Contains(body, "host1") || strings.Count(body, "{") > 3 {
				t.Errorf("%s got %s", path, body)
			}
		}
	})
}
