package status

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// sink takes an answer and keeps its size only.
type sink struct {
	header http.Header
	code   int
	n      int
}

func newSink() *sink { return &sink{header: http.Header{}, code: http.StatusOK} }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(code int)        { s.code = code }
func (s *sink) Write(p []byte) (int, error) { s.n += len(p); return len(p), nil }

func request(t testing.TB, path string) *http.Request {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.Host = "localhost"
	return r
}

// BenchmarkContainers: an answer that is shared, and one that is written anew,
// of 1,000 and of 10,000 containers.
func BenchmarkContainers(b *testing.B) {
	for name, n := range map[string]int{"1000": 1000, "10000": 10000} {
		all := crowd(n)
		s := fullStage()
		s.list = func(context.Context) ([]Container, error) { return all, nil }
		h := NewServer(options(s)).Handler()
		b.Run(name+"/shared", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := newSink()
				h.ServeHTTP(w, request(b, "/api/v1/containers"))
				b.ReportMetric(float64(w.n), "bytes")
			}
		})
		b.Run(name+"/anew", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if v, err := newInventory(all); err != nil || len(v.items) != n {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMetrics: a scrape, with 200 incidents that are remembered.
func BenchmarkMetrics(b *testing.B) {
	s := fullStage()
	s.past = make([]Incident, 200)
	h := NewServer(options(s)).Handler()
	b.ReportAllocs()
	for b.Loop() {
		w := newSink()
		h.ServeHTTP(w, request(b, "/metrics"))
		b.ReportMetric(float64(w.n), "bytes")
	}
}

// BenchmarkThreeStreams: what three pages that follow cost in memory, their end
// of the connections included; then with a list of 1,000 containers shared among
// them, and without it again.
func BenchmarkThreeStreams(b *testing.B) {
	s := fullStage()
	s.list = func(context.Context) ([]Container, error) { return crowd(1000), nil }
	server := NewServer(options(s))
	l := httptest.NewServer(server.Handler())
	defer l.Close()
	if _, err := http.Get(l.URL + "/metrics"); err != nil { //nolint:noctx,bodyclose // so that all has been used once
		b.Fatal(err)
	}
	before := heap()
	for range 3 {
		resp, err := http.Get(l.URL + "/api/v1/events") //nolint:noctx // ended below
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close() //nolint:errcheck // only read from
	}
	for b.Loop() {
		streams := heap()
		for range 3 {
			server.Handler().ServeHTTP(newSink(), request(b, "/api/v1/containers"))
		}
		shared := heap()
		time.Sleep(shareFor + 100*time.Millisecond)
		b.ReportMetric(float64(streams-before), "B-streams")
		b.ReportMetric(float64(shared-before), "B-with-list")
		b.ReportMetric(float64(heap()-before), "B-after-list")
	}
	l.CloseClientConnections()
}
