package watcher

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"defib/heal"
	"defib/internal/dockertest"
)

// told records notices.
type told struct {
	w   *Watcher
	mu  sync.Mutex
	all []heal.Notice
}

func (t *told) Settle(context.Context) {}

func (t *told) Post(n heal.Notice) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, n)
}

func (t *told) reasons() []heal.Reason {
	t.mu.Lock()
	defer t.mu.Unlock()
	var rs []heal.Reason
	for _, n := range t.all {
		rs = append(rs, n.Reason)
	}
	return rs
}

func testPolicy() heal.Policy {
	return heal.Policy{
		Backoff: 10 * time.Second, BackoffMax: 5 * time.Minute, MaxRestarts: 5, Window: 30 * time.Minute,
		RetryAfter: 30 * time.Minute, RetryAfterMax: 6 * time.Hour, Forget: 10 * time.Minute, StopTimeout: -1,
	}
}

// inBubble runs a watcher against an engine in the process, in virtual time.
func inBubble(t *testing.T, o Options, eo dockertest.Options, story func(*dockertest.Engine, *told)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		eng, pipe, said := dockertest.New(eo), dockertest.NewPipe(), &told{}
		eng.Serve(pipe)
		o.Endpoint = Endpoint{Host: "tcp://engine:2375", Dial: pipe.DialContext}
		if o.Selection == (Selection{}) {
			o.Selection = Selection{Key: "autoheal"}
		}
		if o.Policy == (heal.Policy{}) {
			o.Policy = testPolicy()
		}
		if o.Interval == 0 {
			o.Interval = 10 * time.Second
		}
		if o.Parallel == 0 {
			o.Parallel = 8
		}
		o.CallTimeout, o.Notifier = 30*time.Second, said
		o.Log = zerolog.Nop()
		if testing.Verbose() {
			o.Log = zerolog.New(zerolog.ConsoleWriter{Out: os.Stderr, NoColor: true, TimeFormat: time.TimeOnly}).With().Timestamp().Logger()
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		said.w = New(o)
		wg.Go(func() { said.w.Run(ctx) })
		time.Sleep(time.Second)
		story(eng, said)
		cancel()
		wg.Wait()
		eng.Close()
	})
}

func TestHealsAndConfirms(t *testing.T) {
	inBubble(t, Options{}, dockertest.Options{}, func(eng *dockertest.Engine, said *told) {
		eng.Run(dockertest.Spec{Name: "web", Labels: map[string]string{"autoheal": "true"}, Health: &dockertest.Health{
			Interval: 5 * time.Second, Timeout: time.Second, Retries: 3, HealedByRestart: true,
		}})
		time.Sleep(20 * time.Second)
		if err := eng.Sicken("web", "connection refused"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		got := said.reasons()
		if len(got) != 2 || got[0] != heal.Restarted || got[1] != heal.Recovered {
			t.Errorf("told %v; want restarted, recovered", got)
		}
	})
}

// TestHugeLabels: labels of 200 KB neither keep a container from being healed
// nor stay in memory or reach a notice.
func TestHugeLabels(t *testing.T) {
	huge := strings.Repeat("x", 200<<10)
	inBubble(t, Options{}, dockertest.Options{}, func(eng *dockertest.Engine, said *told) {
		eng.Run(dockertest.Spec{
			Name: "web", Labels: map[string]string{
				"autoheal": "true", "note": huge, "autoheal.action": huge, "com.docker.compose.project": huge,
			},
			Health: &dockertest.Health{Interval: 5 * time.Second, Retries: 1, HealedByRestart: true},
		})
		if err := eng.Sicken("web", huge); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := said.reasons(); len(got) != 2 || got[0] != heal.Restarted || got[1] != heal.Recovered {
			t.Fatalf("told %v; want restarted, recovered", got)
		}
		for _, n := range said.all {
			if size := len(n.Container.Project) + len(n.Container.Name) + len(n.Probe.Output) + len(n.Container.Image); size > 2000 {
				t.Errorf("a notice of %d bytes", size)
			}
		}
	})
}

// TestNothingIsKeptOfTheHealthy: when the budget's window has passed nothing is
// left of a container, and of those that were never ill nothing ever is.
func TestNothingIsKeptOfTheHealthy(t *testing.T) {
	inBubble(t, Options{}, dockertest.Options{ExecNoise: true}, func(eng *dockertest.Engine, said *told) {
		for i := range 50 {
			eng.Run(dockertest.Spec{
				Name: fmt.Sprintf("web-%d", i), Labels: map[string]string{"autoheal": "true"},
				Health: &dockertest.Health{Interval: 5 * time.Second, Retries: 3, HealedByRestart: true},
			})
		}
		for i := range 5 {
			if err := eng.Sicken(fmt.Sprintf("web-%d", i), "no answer"); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		if got := said.w.Condition().Remembered; got != 5 {
			t.Errorf("a minute after: %d containers are remembered; want the 5 that were ill", got)
		}
		time.Sleep(30 * time.Minute)
		if got := said.w.Condition().Remembered; got != 0 {
			t.Errorf("after the budget's window: %d containers are remembered; want none", got)
		}
	})
}
