package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"defib/internal/dockertest"
	"defib/watcher"
)

// ward is an engine with containers that fall ill one after the other. So many
// others are watched that this is no storm, in which defib would restart one
// first: more than half of them within a minute are one (heal/storm.go).
type ward struct {
	eng *dockertest.Engine

	mu   sync.Mutex
	ill  map[string]time.Time
	took map[string]time.Duration // from the event to the call that restarts
}

const patients = 50

func newWard() *ward {
	w := &ward{eng: dockertest.New(dockertest.Options{}), ill: map[string]time.Time{}, took: map[string]time.Duration{}}
	w.eng.OnCall(w.onCall)
	for i := range 2*patients + 10 {
		// 0 s to the engine's clients: nobody waits longer than 1 s for a stop that was not heard of.
		w.eng.Run(dockertest.Spec{Name: fmt.Sprint("web-", i), StopTimeout: 900 * time.Millisecond, Health: &dockertest.Health{}})
	}
	return w
}

func (w *ward) onCall(c dockertest.Call) {
	if c.Kind != "restart" || c.ID == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, twice := w.took[c.Name]; !twice {
		w.took[c.Name] = time.Since(w.ill[c.Name])
	}
}

// round has each patient turn unhealthy, so long after the one before, and gives
// how long each has waited for its restart, shortest first. They stay without a
// verdict: nothing else is told.
func (w *ward) round(t testing.TB, every time.Duration) []time.Duration {
	t.Helper()
	for i := range patients {
		name := fmt.Sprint("web-", i)
		w.mu.Lock()
		w.ill[name] = time.Now()
		w.mu.Unlock()
		if err := w.eng.SetHealth(name, "unhealthy", "no answer"); err != nil {
			t.Error(err)
		}
		time.Sleep(every)
	}
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until) && w.restarted() < patients; {
		time.Sleep(10 * time.Millisecond)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var took []time.Duration
	for _, d := range w.took {
		took = append(took, d)
	}
	slices.Sort(took)
	if len(took) != patients {
		t.Errorf("%d of %d were restarted", len(took), patients)
	}
	return took
}

func (w *ward) restarted() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.took)
}

// receivers are the variables of two that are dead and of one that answers
// after 5 s.
func receivers(refused, silent, slow string) []string {
	return []string{
		"SLACK_WEBHOOK_URL=http://" + silent + "/hook",
		"AUTOHEAL_ALERT_URLS=json+http://" + refused + "/hook json+http://" + silent + "/hook json+http://" + slow + "/hook",
	}
}

const slowly = 5 * time.Second

// deaf is a transport to those receivers.
type deaf struct {
	mu       sync.Mutex
	tried    map[string]int
	answered time.Time // by the slow one, first
}

func (d *deaf) RoundTrip(r *http.Request) (*http.Response, error) {
	d.mu.Lock()
	d.tried[r.URL.Hostname()]++
	d.mu.Unlock()
	switch r.URL.Hostname() {
	case "refused.example":
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case "silent.example":
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	time.Sleep(slowly)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.answered.IsZero() {
		d.answered = time.Now()
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("ok")), Request: r}, nil
}

// TestHealingWaitsForNoReceiver: in virtual time, in which only waiting takes
// any, each of 50 containers waits as long for its restart beside dead receivers
// as without any; and all are restarted before the slow one has answered once.
func TestHealingWaitsForNoReceiver(t *testing.T) {
	alone, _, _ := inVirtualTime(t, nil)
	beside, d, last := inVirtualTime(t, receivers("refused.example", "silent.example", "slow.example"))
	if !slices.Equal(alone, beside) {
		t.Fatalf("without receivers the waits are\n%v, beside dead ones\n%v", alone, beside)
	}
	if d.tried["refused.example"] == 0 || d.tried["silent.example"] < 2 || d.answered.IsZero() || !last.Before(d.answered) {
		t.Errorf("tried %v; the slow one answered at %s, the last was restarted before %s", d.tried, d.answered, last)
	}
	t.Logf("%d restarts, each %s to %s after its event", len(beside), beside[0], beside[len(beside)-1])
}

// inVirtualTime plays a round; it gives when the last restart was over.
func inVirtualTime(t *testing.T, env []string) (took []time.Duration, d *deaf, last time.Time) {
	dir := t.TempDir()
	d = &deaf{tried: map[string]int{}}
	synctest.Test(t, func(t *testing.T) {
		w, pipe := newWard(), dockertest.NewPipe()
		w.eng.Serve(pipe)
		c, _, wrong := load(append(env, "AUTOHEAL_CONTAINER_LABEL=all", "AUTOHEAL_STATE_DIR="+dir))
		if len(wrong) > 0 {
			t.Fatal(wrong)
		}
		c.Notify.Transport = d
		p, err := assemble(c, zerolog.Nop(), func(o *watcher.Options) {
			o.Endpoint = watcher.Endpoint{Host: "tcp://engine:2375", Dial: pipe.DialContext}
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { p.watcher.Run(ctx) })
		running.Go(func() { _ = p.notifier.Run(ctx) })
		time.Sleep(time.Minute)
		took = w.round(t, 50*time.Millisecond)
		last = time.Now()
		time.Sleep(time.Minute)
		stop()
		running.Wait()
		w.eng.Close()
	})
	return took, d, last
}

// BenchmarkHealingBesideDeadReceivers is the time from the event that a container
// is unhealthy to its restart call, of the whole program over real sockets, for
// 50 containers that fall ill 100 ms after each other: without receivers, and
// with one that refuses connections, two that accept them and never answer, and
// one that answers after 5 s. It is measured with a folder for what is
// remembered, which each restart waits for, and without.
func BenchmarkHealingBesideDeadReceivers(b *testing.B) {
	for _, folder := range []bool{true, false} {
		name := "memory"
		if folder {
			name = "disk"
		}
		b.Run(name, func(b *testing.B) {
			var alone, beside []time.Duration
			for range b.N {
				alone = append(alone, inRealTime(b, folder, nil)...)
				beside = append(beside, inRealTime(b, folder, deadReceivers(b))...)
			}
			slices.Sort(alone)
			slices.Sort(beside)
			for _, q := range []struct {
				name string
				of   func(all []time.Duration) time.Duration
			}{
				{"p50", func(all []time.Duration) time.Duration { return all[len(all)/2] }},
				{"p99", func(all []time.Duration) time.Duration { return all[len(all)*99/100] }},
				{"max", func(all []time.Duration) time.Duration { return all[len(all)-1] }},
			} {
				b.ReportMetric(float64(q.of(alone).Microseconds()), q.name+"-alone-µs")
				b.ReportMetric(float64(q.of(beside).Microseconds()), q.name+"-beside-µs")
				b.ReportMetric(float64((q.of(beside) - q.of(alone)).Microseconds()), q.name+"-added-µs")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// deadReceivers gives the variables of receivers on the loopback.
func deadReceivers(b *testing.B) []string {
	b.Helper()
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	_ = refused.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts, and nobody answers
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = silent.Close() })
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(slowly):
		case <-r.Context().Done():
		}
	}))
	b.Cleanup(slow.Close)
	return receivers(refused.Addr().String(), silent.Addr().String(), slow.Listener.Addr().String())
}

// inRealTime plays a round.
func inRealTime(b *testing.B, folder bool, env []string) []time.Duration {
	b.Helper()
	w, dir := newWard(), b.TempDir()
	defer w.eng.Close()
	socket := filepath.Join(dir, "docker.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		b.Fatal(err)
	}
	w.eng.Serve(l)
	watched := make(chan struct{}, 1)
	w.eng.OnCall(func(c dockertest.Call) {
		if c.Kind == "events" {
			select {
			case watched <- struct{}{}:
			default:
			}
		}
	})
	env = append(env, "DOCKER_HOST=unix://"+socket, "AUTOHEAL_CONTAINER_LABEL=all", "AUTOHEAL_HOST_NAME=box")
	if folder {
		env = append(env, "AUTOHEAL_STATE_DIR="+dir)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() {
		var failed error
		if code := command(ctx, []string{"run"}, env, io.Discard, io.Discard); code != exitOK {
			failed = errors.New("the program ended with " + fmt.Sprint(code))
		}
		ended <- failed
	}()
	<-watched
	time.Sleep(1500 * time.Millisecond) // by then no stop can be under way that began before the stream
	took := w.round(b, 100*time.Millisecond)
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	return took
}
