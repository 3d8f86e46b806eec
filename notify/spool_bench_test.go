package notify

import (
	"fmt"
	"testing"

	"github.com/rs/zerolog"
)

// BenchmarkSettle makes alerts durable on a real disk: each is a synced file, and
// the folder is synced once.
func BenchmarkSettle(b *testing.B) {
	for _, alerts := range []int{1, 100} {
		b.Run(fmt.Sprint(alerts), func(b *testing.B) {
			n := newNotifier([]receiver{&fake{}}, nil, all, zerolog.Nop())
			n.spool = newSpool(b.TempDir(), zerolog.Nop())
			q := n.workers[0].queue
			number := 0
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				done := map[uint64]bool{}
				for _, a := range q.look() {
					done[a.number] = true
				}
				q.remove(done)
				settle(n) // removes the files of the round before
				for range alerts {
					number++
					n.Post(step(fmt.Sprint("i", number%50), number))
				}
				b.StartTimer()
				settle(n)
			}
			n.spool.end()
		})
	}
}

// BenchmarkPostToSpool is Post while the spool is written beside it, for one
// receiver whose queue is not full.
func BenchmarkPostToSpool(b *testing.B) {
	n := newNotifier([]receiver{&fake{}}, nil, all, zerolog.Nop())
	n.spool = newSpool(b.TempDir(), zerolog.Nop())
	q, number := n.workers[0].queue, 0
	b.ReportAllocs()
	for b.Loop() {
		if number++; number%100 == 0 {
			b.StopTimer()
			done := map[uint64]bool{}
			for _, a := range q.look() {
				done[a.number] = true
			}
			q.remove(done)
			q.removals()
			b.StartTimer()
		}
		n.Post(step("i", number))
	}
}
