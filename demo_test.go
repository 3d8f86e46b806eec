package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"defib/heal"
	"defib/internal/dockertest"
	"defib/watcher"
)

// audience is who watches a demo in a test: it reads the terminal and hears
// what the watcher posts.
type audience struct {
	t     *testing.T
	began time.Time
	eng   *dockertest.Engine
	page  *http.Client
	next  watcher.Notifier

	mu      sync.Mutex
	lines   []string    // of the terminal
	moments []time.Time // of whatever somebody could notice
	notices []heal.Notice
}

// Write takes lines of the terminal.
func (a *audience) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for line := range strings.Lines(string(p)) {
		if len(line) < len(time.DateTime) {
			continue
		}
		line = strings.TrimSpace(line[len(time.DateTime):])
		a.lines = append(a.lines, fmt.Sprintf("%9s %s", clock(time.Since(a.began)), line))
		if strings.HasPrefix(line, "demo:") || strings.HasPrefix(line, "alert:") {
			a.moments = append(a.moments, time.Now())
		}
	}
	return len(p), nil
}

// Post takes a notice on its way to the notifier.
func (a *audience) Post(n heal.Notice) {
	a.mu.Lock()
	a.notices = append(a.notices, n)
	a.moments = append(a.moments, time.Now())
	a.mu.Unlock()
	a.next.Post(n)
}

func (a *audience) Settle(ctx context.Context) { a.next.Settle(ctx) }

// get asks a server in a pipe, as often as it takes: the engine may be away.
func (a *audience) get(url string, into any) {
	a.t.Helper()
	err := fetch(a.t.Context(), a.page, url, into)
	for range 60 {
		if err == nil {
			return
		}
		time.Sleep(time.Second)
		err = fetch(a.t.Context(), a.page, url, into)
	}
	a.t.Fatalf("%s: %v", url, err)
}

// fetch gets JSON.
func fetch(ctx context.Context, c *http.Client, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

// containers counts those of the engine.
func (a *audience) containers() int {
	var all []struct{ ID string }
	a.get("http://engine/v1.51/containers/json?all=1", &all)
	return len(all)
}

// watch plays a demo in virtual time, without the sockets that a bubble cannot
// have, while somebody looks on.
func watch(t *testing.T, seed uint64, look func(a *audience)) *audience {
	t.Helper()
	a := &audience{t: t, began: time.Now()}
	d, err := newDemo("", seed, newTerminal(a, a), func(o *watcher.Options) { a.next, o.Notifier = o.Notifier, a })
	if err != nil {
		t.Fatal(err)
	}
	a.eng = d.eng
	page, engine := dockertest.NewPipe(), dockertest.NewPipe()
	d.eng.Serve(engine)
	transport := &http.Transport{}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == "engine:80" {
			return engine.DialContext(ctx, network, address)
		}
		return page.DialContext(ctx, network, address)
	}
	a.page = &http.Client{Transport: transport}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		d.run(ctx, page, func(ctx context.Context) {
			voice, hush := context.WithCancel(context.WithoutCancel(ctx))
			var told sync.WaitGroup
			told.Go(func() { _ = d.parts.notifier.Run(voice) })
			d.parts.watcher.Run(ctx)
			hush()
			told.Wait()
		})
	})
	look(a)
	transport.CloseIdleConnections()
	cancel()
	all.Wait()
	return a
}

// TestTwoHoursOfDemo: it begins at once, never becomes dull, shows all that it
// promises, and everything but the hopeless one is well again.
func TestTwoHoursOfDemo(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3}[:seeds(3)] {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { twoHours(t, seed) }) })
	}
}

// seeds is how many of so many are enough.
func seeds(all int) int {
	if testing.Short() {
		return 1
	}
	return all
}

func twoHours(t *testing.T, seed uint64) {
	const long = 2 * time.Hour
	var goroutines int
	var heap uint64
	var end time.Time
	a := watch(t, seed, func(a *audience) {
		containers := a.containers()
		time.Sleep(30 * time.Minute)
		goroutines, heap = runtime.NumGoroutine(), living()
		time.Sleep(long - 30*time.Minute)
		end = time.Now()
		if now := runtime.NumGoroutine(); now > goroutines+100 {
			t.Errorf("%d goroutines after 30 min, %d after two hours", goroutines, now)
		}
		if now := living(); now > heap+3<<20 {
			t.Errorf("%d kB after 30 min, %d after two hours", heap>>10, now>>10)
		}
		a.judgeAlerts()
		for range 60 { // one may just be made anew
			if a.containers() == containers {
				return
			}
			time.Sleep(time.Second)
		}
		t.Errorf("%d containers became %d", containers, a.containers())
	})
	a.judgeNotices(end)
	a.judgePace(end)
	for _, line := range a.lines {
		if strings.Contains(line, "in vain") || strings.Contains(line, "panic") {
			t.Errorf("a scene stalled: %s", line)
		}
	}
	if t.Failed() {
		t.Logf("all of it:\n%s", strings.Join(a.lines, "\n"))
	}
}

// living is how much memory is in use.
func living() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// judgeNotices: the first failure comes at once, there is one of everything, and
// what began has ended.
func (a *audience) judgeNotices(end time.Time) {
	kinds, open := map[heal.Reason]int{}, map[string]heal.Notice{}
	first, byPerson := time.Duration(0), 0
	for _, n := range a.notices {
		kinds[n.Reason]++
		if n.Reason == heal.Restarted && first == 0 {
			first = n.At.Sub(a.began)
		}
		if hopeless := n.Container.Name == "shop-legacy-import-1"; !hopeless && n.Reason == heal.GaveUp {
			a.t.Errorf("gave up on %s", n.Container.Name)
		} else if hopeless && n.ByPerson && n.Reason == heal.Recovered {
			byPerson++
		}
		if n.Reason.Ends() {
			delete(open, n.Incident)
		} else {
			open[n.Incident] = n
		}
	}
	if first <= 0 || first > 10*time.Second {
		a.t.Errorf("the first failure comes after %s", first)
	}
	for _, r := range []heal.Reason{
		heal.WatchBegan, heal.Restarted, heal.RestartFailed, heal.StillUnhealthy, heal.Recovered, heal.GaveUp, heal.OnlyTold, heal.Quarantined,
		heal.Followed, heal.OwnerReplaced, heal.Stormed, heal.StormOver, heal.CrashLooping, heal.OutOfMemory, heal.StoppedByOther, heal.Removed,
	} {
		if kinds[r] == 0 {
			a.t.Errorf("there is no %s in it", r)
		}
	}
	for _, r := range []heal.Reason{heal.StuckStarting, heal.ProbesStopped, heal.LeftDown} { // these would be false
		if kinds[r] > 0 {
			a.t.Errorf("%d are told of as %s", kinds[r], r)
		}
	}
	if byPerson == 0 {
		a.t.Error("nobody mends the hopeless one")
	}
	for _, n := range open {
		if n.Container.Name != "shop-legacy-import-1" && end.Sub(n.Since) > 15*time.Minute {
			a.t.Errorf("%s is still %s, since %s", n.Container.Name, n.Reason, clock(n.Since.Sub(a.began)))
		}
	}
}

// judgePace: something happens every minute, and about half of the time somebody
// has something to be worried about.
func (a *audience) judgePace(end time.Time) {
	last := a.began
	slices.SortFunc(a.moments, time.Time.Compare)
	for _, m := range a.moments {
		if quiet := m.Sub(last); quiet >= time.Minute {
			a.t.Errorf("for %s after %s nothing happens", quiet, clock(last.Sub(a.began)))
		}
		last = m
	}
	open := map[string]bool{}
	var since time.Time
	var worried time.Duration
	for _, n := range a.notices {
		if n.OfTrouble() || n.Container.Name == "shop-legacy-import-1" {
			continue // these last
		}
		if n.Reason.Ends() {
			delete(open, n.Incident)
		} else {
			open[n.Incident] = true
		}
		if len(open) > 0 && since.IsZero() {
			since = n.At
		} else if len(open) == 0 && !since.IsZero() {
			worried, since = worried+n.At.Sub(since), time.Time{}
		}
	}
	share := worried.Seconds() / end.Sub(a.began).Seconds()
	a.t.Logf("an incident is open for %.0f %% of the time; %d notices", 100*share, len(a.notices))
	if share < 0.3 || share > 0.7 {
		a.t.Errorf("an incident is open for %.0f %% of the time", 100*share)
	}
}

// judgeAlerts: the messages of the chat, as the page has them.
func (a *audience) judgeAlerts() {
	var alerts []chatAlert
	a.get("http://page"+chatPath, &alerts)
	if len(alerts) != chatKept {
		a.t.Errorf("%d messages are kept", len(alerts))
	}
	seen := map[string]int{}
	for i, m := range alerts {
		seen[m.Status]++
		if i > 0 && m.At.After(alerts[i-1].At) {
			a.t.Errorf("message %d is newer than the one before", i)
		}
		if m.Receiver != "slack" || m.Title == "" || m.Text == "" || len(m.Color) != 7 || strings.Contains(m.Title+m.Text, "&") {
			a.t.Errorf("message %d: %+v", i, m)
		}
	}
	if seen["firing"] == 0 || seen["resolved"] == 0 || seen["firing"]+seen["resolved"] != len(alerts) {
		a.t.Errorf("they are %v", seen)
	}
	began := a.began
	a.mu.Lock()
	defer a.mu.Unlock()
	flaps := slices.ContainsFunc(a.lines, func(line string) bool { return strings.Contains(line, " flaps on demo-host: unhealthy 4 times") })
	if time.Since(began) > 90*time.Minute && !flaps {
		a.t.Error("nobody is told that a container flaps")
	}
}
