package heal

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkHost shows what a container costs that falls ill, is judged and gets
// well, beside n others that are ill; go test -run xxx -bench Host ./heal.
func BenchmarkHost(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			now := time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)
			h := NewHost()
			for i := range n {
				id := fmt.Sprint("id", i)
				h.Note(Container{ID: id, Name: id, Project: "p", Service: id}, []string{ServiceKey("p", "db")}, State{Phase: GivenUp}, now)
			}
			c := Container{ID: "one", Name: "one", Project: "p", Service: "web"}
			needs := []string{ServiceKey("p", "db"), IDKey("vpn")}
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(2 * time.Minute) // no storm
				h.Note(c, needs, State{Phase: Failing}, now)
				h.Judge(c.ID, time.Second, now)
				h.Note(c, needs, State{Phase: Steady, HealthySince: now}, now)
				h.Ready(now)
			}
		})
	}
}
