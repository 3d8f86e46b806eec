package status

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestOneListForAll: while nothing changes all who ask within two seconds share
// one list.
func TestOneListForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fullStage()
		s.list = func(context.Context) ([]Container, error) {
			time.Sleep(time.Second)
			return []Container{{Name: "x"}}, nil
		}
		h := NewServer(options(s)).Handler()
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if got := ask(h, "GET", "/api/v1/containers"); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), `"name":"x"`) {
					t.Errorf("%d %s", got.Code, got.Body)
				}
			})
		}
		wg.Wait()
		if n := s.asked.Load(); n != 1 {
			t.Errorf("100 at once: asked %d times", n)
		}
		for range 10 {
			time.Sleep(900 * time.Millisecond)
			ask(h, "GET", "/api/v1/containers")
		}
		if n := s.asked.Load(); n < 4 || n > 5 { // each takes one second, and is good for two
			t.Errorf("10 s later: asked %d times", n)
		}
	})
}

// TestListsAreNewerThanTheirReason: whoever was told of a change and asks gets a
// list of after it, even where one is under way; and the engine still has half a
// second of peace between two.
func TestListsAreNewerThanTheirReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fullStage()
		var mu sync.Mutex
		state := 0
		var begun, ended []time.Time
		s.list = func(context.Context) ([]Container, error) {
			mu.Lock()
			seen := state
			begun = append(begun, time.Now())
			mu.Unlock()
			time.Sleep(200 * time.Millisecond)
			mu.Lock()
			ended = append(ended, time.Now())
			mu.Unlock()
			return []Container{{Name: fmt.Sprint("state-", seen)}}, nil
		}
		o := options(s)
		h := NewServer(o).Handler()
		var wg sync.WaitGroup
		for i := 1; i <= 100; i++ {
			mu.Lock()
			state = i
			mu.Unlock()
			o.Changes.Note(TopicContainers)
			wg.Go(func() {
				got := ask(h, "GET", "/api/v1/containers").Body.String()
				_, after, _ := strings.Cut(got, "state-")
				var n int
				if _, err := fmt.Sscan(strings.SplitN(after, `"`, 2)[0], &n); err != nil || n < i {
					t.Errorf("after change %d: state %d, %v in %s", i, n, err, got)
				}
			})
			time.Sleep(70 * time.Millisecond)
		}
		wg.Wait()
		for i := 1; i < len(begun); i++ {
			if gap := begun[i].Sub(ended[i-1]); gap < listGap {
				t.Errorf("list %d began %s after the one before", i, gap)
			}
		}
		if len(begun) < 5 || len(begun) > 12 {
			t.Errorf("%d lists in 7 s", len(begun))
		}
		o.Changes.Note(TopicIncidents) // is not about them
		before := len(begun)
		ask(h, "GET", "/api/v1/containers")
		if len(begun) != before {
			t.Error("asked again though no container changed")
		}
	})
}

// TestListsAreForgotten: ten thousand containers do not stay in memory.
func TestListsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fullStage()
		s.list = func(context.Context) ([]Container, error) { return crowd(10000), nil }
		o := options(s)
		server := NewServer(o)
		h := server.Handler()
		before := heap()
		size := 0
		for range 5 {
			r := newSink()
			h.ServeHTTP(r, request(t, "/api/v1/containers"))
			size = r.n
			o.Changes.Note(TopicContainers)
			time.Sleep(600 * time.Millisecond)
		}
		during := heap()
		time.Sleep(shareFor)
		synctest.Wait()
		after := heap()
		t.Logf("10,000 containers: an answer of %d bytes, %d of heap while it is shared, %d after", size, during-before, after-before)
		if size < 4e6 || during-before > int64(size)*2 || after-before > 100e3 || server.list.last != nil {
			t.Errorf("heap %d, %d, %d", before, during, after)
		}
	})
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// crowd makes containers of a usual size.
func crowd(n int) []Container {
	all := make([]Container, n)
	for i := range all {
		all[i] = Container{
			ID: fmt.Sprintf("%064x", i), Name: fmt.Sprintf("shop-web-%d", i), Image: "registry.example.org/shop/web:1.2.3", Project: fmt.Sprintf("shop-%d", i%50), Service: "web",
			Watched: i%4 != 0, Rule: "label autoheal=true", State: "running", Health: "healthy", Action: "restart", Phase: "steady",
			Outlook: "If it turns unhealthy it is restarted at once.", Would: true, Budget: 5, Dependents: []string{"a"},
		}
	}
	return all
}

// TestEngineAway: what the engine does becomes an answer that says what to do.
func TestEngineAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			list func(ctx context.Context) ([]Container, error)
			code int
			text string
			took time.Duration
		}{
			"refused": {func(context.Context) ([]Container, error) { return nil, errors.New("dial /run/x: connection refused") }, 502, "connection refused; see /api/v1/engine", 0},
			"hangs":   {func(ctx context.Context) ([]Container, error) { <-ctx.Done(); return nil, ctx.Err() }, 503, "did not list its containers in time", engineTimeout},
			"late":    {func(context.Context) ([]Container, error) { time.Sleep(time.Hour); return nil, nil }, 503, "in time", engineTimeout},
			"wrong":   {func(context.Context) ([]Container, error) { panic("index out of range") }, 502, "index out of range", 0},
			"long":    {func(context.Context) ([]Container, error) { return nil, errors.New(strings.Repeat("x", 1e6)) }, 502, "xxx", 0},
		} {
			s := fullStage()
			s.list = c.list
			begun := time.Now()
			got := ask(NewServer(options(s)).Handler(), "GET", "/api/v1/containers")
			if got.Code != c.code || !strings.Contains(got.Body.String(), c.text) || got.Body.Len() > 1000 || time.Since(begun) != c.took || hardened(got.Header()) != nil {
				t.Errorf("%s: %d %.200s after %s", name, got.Code, got.Body, time.Since(begun))
			}
		}
		time.Sleep(time.Hour) // for the late one
	})
}

// TestNobodyWaits: a list that nobody waits for any more is called off, and the
// next who asks has one of their own.
func TestNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fullStage()
		ended := 0
		s.list = func(ctx context.Context) ([]Container, error) {
			select {
			case <-ctx.Done():
				ended++
				return nil, ctx.Err()
			case <-time.After(3 * time.Second):
				return []Container{{Name: "x"}}, nil
			}
		}
		l := &listing{source: s, changes: &Changes{}}
		impatient, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if _, err := l.get(impatient); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		stays := func() {
			if v, err := l.get(t.Context()); err != nil || len(v.items) != 1 {
				t.Errorf("%v, %v", v, err)
			}
		}
		wg.Go(stays)
		time.Sleep(time.Second)
		leave()
		wg.Wait()
		if ended != 0 || s.asked.Load() != 1 {
			t.Errorf("one who left ended it for others: %d of %d", ended, s.asked.Load())
		}
		time.Sleep(time.Minute)
		alone, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		if _, err := l.get(alone); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		synctest.Wait()
		if ended != 1 {
			t.Error("it goes on for nobody")
		}
		stays()
	})
}

// TestHungList: those who come later do not keep a list alive that hangs.
func TestHungList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fullStage()
		s.list = func(ctx context.Context) ([]Container, error) { <-ctx.Done(); return nil, ctx.Err() }
		h := NewServer(options(s)).Handler()
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				if got := ask(h, "GET", "/api/v1/containers"); got.Code != http.StatusServiceUnavailable {
					t.Errorf("%d %s", got.Code, got.Body)
				}
			})
			time.Sleep(10 * time.Second)
		}
		wg.Wait()
		if n := s.asked.Load(); n < 3 {
			t.Errorf("asked %d times in two minutes", n)
		}
	})
}
