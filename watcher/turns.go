package watcher

import (
	"container/heap"
	"slices"
	"time"
)

// turns lets at most max containers be acted on at a time, first come first
// served.
type turns struct {
	max     int
	taken   map[string]bool
	waiting []string
}

func newTurns(most int) turns { return turns{max: max(1, most), taken: map[string]bool{}} }

// ask takes a turn for a container, or queues it; it tells whether it may go on.
func (t *turns) ask(id string) bool {
	switch {
	case t.taken[id]:
		return true
	case len(t.taken) < t.max:
		t.taken[id] = true
		return true
	case !slices.Contains(t.waiting, id):
		t.waiting = append(t.waiting, id)
	}
	return false
}

// give gives a turn back, or leaves the queue; it names the container whose
// turn it is now, if any.
func (t *turns) give(id string) (next string, ok bool) {
	if !t.taken[id] {
		t.waiting = slices.DeleteFunc(t.waiting, func(w string) bool { return w == id })
		return "", false
	}
	delete(t.taken, id)
	if len(t.waiting) == 0 {
		return "", false
	}
	next = t.waiting[0]
	t.waiting = t.waiting[1:]
	t.taken[next] = true
	return next, true
}

// wakes holds when which container wants to be woken. What is no longer wanted
// stays in it until its time comes: heal ignores a Woke that is too early.
type wakes []wakeUp

type wakeUp struct {
	at time.Time
	id string
}

func (w *wakes) add(at time.Time, id string) { heap.Push(w, wakeUp{at, id}) }

// next gives how long to sleep.
func (w *wakes) next(now time.Time) time.Duration {
	if len(*w) == 0 {
		return time.Hour
	}
	return max(0, (*w)[0].at.Sub(now))
}

// due takes out those whose time has come.
func (w *wakes) due(now time.Time) []string {
	var ids []string
	for len(*w) > 0 && !(*w)[0].at.After(now) {
		u, _ := heap.Pop(w).(wakeUp)
		ids = append(ids, u.id)
	}
	return ids
}

// Len, Less, Swap, Push and Pop satisfy container/heap.

func (w wakes) Len() int           { return len(w) }
func (w wakes) Less(i, j int) bool { return w[i].at.Before(w[j].at) }
func (w wakes) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }

// Push satisfies container/heap; use add.
func (w *wakes) Push(x any) {
	u, _ := x.(wakeUp)
	*w = append(*w, u)
}

// Pop satisfies container/heap; use due.
func (w *wakes) Pop() any {
	old := *w
	last := old[len(old)-1]
	*w = old[:len(old)-1]
	return last
}
