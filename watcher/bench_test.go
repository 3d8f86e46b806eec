package watcher

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"defib/internal/dockertest"
)

// bench is a watcher in real time on an engine behind a unix socket.
type bench struct {
	eng   *dockertest.Engine
	calls chan string // names, as their restart is asked for
}

func newBench(b *testing.B, interval time.Duration) *bench {
	b.Helper()
	socket := filepath.Join(b.TempDir(), "docker.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		b.Fatal(err)
	}
	eng := dockertest.New(dockertest.Options{})
	eng.Serve(l)
	s := &bench{eng: eng, calls: make(chan string, 100_000)}
	eng.OnCall(func(c dockertest.Call) {
		if c.Kind == "restart" && c.ID != "" {
			s.calls <- c.Name
		}
	})
	w := New(Options{
		Endpoint: Endpoint{Host: "unix://" + socket}, Selection: Selection{Key: "autoheal"}, Policy: testPolicy(),
		Interval: interval, CallTimeout: 30 * time.Second, Parallel: 8, Log: zerolog.Nop(), Notifier: &told{},
	})
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	wg.Go(func() { w.Run(ctx) })
	b.Cleanup(func() {
		cancel()
		wg.Wait()
		eng.Close()
	})
	for !w.Condition().Stream {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(settle)
	return s
}

func (s *bench) run(name string, restartTakes time.Duration) {
	s.eng.Run(dockertest.Spec{
		Name: name, Labels: map[string]string{"autoheal": "true"}, StopTakes: restartTakes,
		Health: &dockertest.Health{Interval: 0},
	})
}

// sicken makes a container unhealthy at once.
func (s *bench) sicken(b *testing.B, name string) {
	if err := s.eng.SetHealth(name, "unhealthy", "no answer"); err != nil {
		b.Fatal(err)
	}
}

// quantiles reports p50 and p99 in microseconds.
func quantiles(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkEventToRestart is the time from the engine's event to the restart
// call, one container after the other.
func BenchmarkEventToRestart(b *testing.B) {
	s := newBench(b, time.Minute)
	var took []time.Duration
	for i := range b.N {
		name := fmt.Sprintf("web-%d", i)
		s.run(name, 0)
		time.Sleep(5 * time.Millisecond) // what its creation caused is over
		started := time.Now()
		s.sicken(b, name)
		<-s.calls
		took = append(took, time.Since(started))
		_ = s.eng.Remove(name, true)
	}
	quantiles(b, took)
}

// BenchmarkBareLoop is the least that the same could cost: an event, an
// inspection and a restart by nothing but net/http.
func BenchmarkBareLoop(b *testing.B) {
	socket := filepath.Join(b.TempDir(), "docker.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		b.Fatal(err)
	}
	eng := dockertest.New(dockertest.Options{})
	eng.Serve(l)
	b.Cleanup(eng.Close)
	calls := make(chan string, 10)
	eng.OnCall(func(c dockertest.Call) {
		if c.Kind == "restart" {
			calls <- c.Name
		}
	})
	c := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	ask := func(method, path string) (*http.Response, error) {
		req, err := http.NewRequestWithContext(b.Context(), method, "http://docker"+path, nil)
		if err != nil {
			return nil, err
		}
		return c.Do(req)
	}
	events, err := ask(http.MethodGet, "/events?filters=%7B%22event%22%3A%5B%22health_status%22%5D%7D")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = events.Body.Close() })
	buffer := make([]byte, 1<<16)
	var took []time.Duration
	for i := range b.N {
		name := fmt.Sprintf("web-%d", i)
		eng.Run(dockertest.Spec{Name: name, Health: &dockertest.Health{}})
		time.Sleep(5 * time.Millisecond)
		started := time.Now()
		go func() { _ = eng.SetHealth(name, "unhealthy", "no answer") }()
		if _, err := events.Body.Read(buffer); err != nil {
			b.Fatal(err)
		}
		if resp, err := ask(http.MethodGet, "/containers/"+name+"/json"); err == nil {
			_, _ = resp.Body.Read(buffer)
			_ = resp.Body.Close()
		}
		go func() {
			if resp, err := ask(http.MethodPost, "/containers/"+name+"/restart"); err == nil {
				_ = resp.Body.Close()
			}
		}()
		<-calls
		took = append(took, time.Since(started))
		_ = eng.Remove(name, true)
	}
	quantiles(b, took)
}

// BenchmarkCutStream is the time from a cut of the stream to the restart of a
// container whose event was lost in the gap.
func BenchmarkCutStream(b *testing.B) {
	s := newBench(b, time.Minute)
	var took []time.Duration
	for i := range b.N {
		name := fmt.Sprintf("web-%d", i)
		s.run(name, 0)
		time.Sleep(steadyStream + 50*time.Millisecond) // a stream that has lived is reopened at once
		s.eng.DropEvents(true)
		s.sicken(b, name)
		started := time.Now()
		s.eng.CutStreams(true)
		<-s.calls
		took = append(took, time.Since(started))
		s.eng.DropEvents(false)
		_ = s.eng.Remove(name, true)
	}
	quantiles(b, took)
}

// BenchmarkAllAtOnce is a host on which everything turns unhealthy at once,
// with restarts of 200 ms after which a container is healthy: a storm, in which
// one canary is healed first and then eight at a time.
func BenchmarkAllAtOnce(b *testing.B) {
	for _, n := range []int{100, 500} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for range b.N {
				allAtOnce(b, n)
			}
		})
	}
}

func allAtOnce(b *testing.B, n int) {
	const takes = 200 * time.Millisecond
	s := newBench(b, time.Minute)
	for i := range n {
		s.run(fmt.Sprintf("web-%d", i), takes)
	}
	time.Sleep(stops(10*time.Second) + time.Second) // by then no stop can be under way that began before the stream
	started := time.Now()
	for i := range n {
		s.sicken(b, fmt.Sprintf("web-%d", i))
	}
	var first time.Duration
	for i := range n {
		name := <-s.calls
		if i == 0 {
			first = time.Since(started)
		}
		time.AfterFunc(takes+50*time.Millisecond, func() { _ = s.eng.SetHealth(name, "healthy", "") })
	}
	b.ReportMetric(float64(first.Microseconds())/1000, "first-ms")
	b.ReportMetric(float64(time.Since(started).Milliseconds()), "last-ms")
	b.ReportMetric(0, "ns/op")
}
