package watcher

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestPool: all jobs are done, in order, a few at a time, and no goroutine stays.
func TestPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool{most: 3}
		var now, most atomic.Int32
		var mu sync.Mutex
		var done []int
		for range 2 { // the second time it starts from nothing again
			done = nil
			began := time.Now()
			for i := range 10 {
				p.do(func() {
					most.Store(max(most.Load(), now.Add(1)))
					time.Sleep(time.Duration(10+i) * time.Millisecond)
					now.Add(-1)
					mu.Lock()
					defer mu.Unlock()
					done = append(done, i)
				})
			}
			if took := time.Since(began); took > 0 {
				t.Errorf("do waited for %s", took)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if !slices.Equal(done, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) || most.Load() != 3 || p.running != 0 {
				t.Errorf("done: %v, at most %d at a time, %d running", done, most.Load(), p.running)
			}
		}
	})
}
