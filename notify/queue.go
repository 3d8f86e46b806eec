package notify

import (
	"strings"
	"sync"
	"time"

	"defib/heal"
)

// maxWaiting is how many alerts wait for one receiver.
const maxWaiting = 200

// alert is a notice on its way to one receiver.
type alert struct {
	Notice heal.Notice
	Host   string    // of the host, for people; empty when unknown
	Queued time.Time // when it entered the queue
	Test   bool      // says only that alerts arrive; Notice is empty
}

// intake is what became of an alert that was pushed.
type intake uint8

const (
	taken    intake = iota
	overflow        // the queue is full since now: something was dropped for the first time
	dropped         // as before: something was dropped
	refused         // the queue is closed
)

// queue is a bounded first-in first-out line before one receiver. A full one
// drops what people miss least, see leastMissed. It never blocks the pusher.
type queue struct {
	mu      sync.Mutex
	waiting []alert
	closed  bool
	lost    int // alerts dropped since the queue became full

	ready chan struct{} // holds a token when something changed
	stop  chan struct{} // closed when the intake ends
}

func newQueue() *queue {
	return &queue{ready: make(chan struct{}, 1), stop: make(chan struct{})}
}

// push appends an alert.
func (q *queue) push(a alert) intake {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return refused
	}
	q.waiting = append(q.waiting, a)
	result := taken
	if len(q.waiting) > maxWaiting {
		i := leastMissed(q.waiting)
		copy(q.waiting[i:], q.waiting[i+1:])
		q.shrink(len(q.waiting) - 1)
		result = dropped
		if q.lost++; q.lost == 1 {
			result = overflow
		}
	}
	select {
	case q.ready <- struct{}{}:
	default:
	}
	return result
}

// leastMissed gives the index of the alert to drop: the oldest that people
// know already, else the oldest good news, else the oldest. The newest firing
// one is never dropped, because the one before it tells less.
func leastMissed(alerts []alert) int {
	resolved := -1
	for i := range alerts {
		n := &alerts[i].Notice
		if n.Repeat || n.Silent {
			return i
		}
		if resolved < 0 && n.Reason.Resolves() {
			resolved = i
		}
	}
	return max(0, resolved)
}

// take waits for the oldest alert and removes it. It gives false when the
// intake has ended and nothing is left.
func (q *queue) take() (alert, bool) {
	for {
		if a, ok, ended := q.pop(); ok || ended {
			return a, ok
		}
		select {
		case <-q.ready:
		case <-q.stop:
		}
	}
}

func (q *queue) pop() (a alert, ok, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return alert{}, false, q.closed
	}
	a = q.waiting[0]
	copy(q.waiting, q.waiting[1:])
	q.shrink(len(q.waiting) - 1)
	return a, true, false
}

// shrink cuts the line and lets go of the texts behind its end.
func (q *queue) shrink(n int) {
	clear(q.waiting[n:])
	q.waiting = q.waiting[:n]
}

// burst gives how many alerts were dropped once the queue has half drained,
// which ends the burst, and 0 before.
func (q *queue) burst() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lost == 0 || len(q.waiting) > maxWaiting/2 {
		return 0
	}
	lost := q.lost
	q.lost = 0
	return lost
}

// close ends the intake; what waits can still be taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		close(q.stop)
	}
}

// drain removes and gives all that waits, and how many were dropped before.
func (q *queue) drain() ([]alert, int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	rest, lost := q.waiting, q.lost
	q.waiting, q.lost = nil, 0
	return rest, lost
}

// trim bounds the memory of a waiting notice: its texts may be of any length,
// and a short piece of a long string would keep all of it.
func trim(n *heal.Notice) {
	n.Evidence = brief(n.Evidence)
	for _, text := range []*string{
		&n.Container.ID, &n.Container.Name, &n.Container.Image, &n.Container.Project, &n.Container.Service,
		&n.Incident, &n.Probe.Output, &n.Err, &n.Detail,
	} {
		if len(*text) > maxHeld {
			*text = strings.Clone((*text)[:maxHeld])
		}
	}
}
