package notify

import (
	"slices"
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
	Missed bool      // the end of an incident whose beginning the receiver never took
	About  *outage   // it is about another receiver; Notice is empty

	number   uint64 // in its queue
	order    int64  // grows along the queue, also over restarts; about Queued in Unix ns
	recalled bool   // a defib before this one was handed it
	file     string // its name in the spool; empty: it is in memory only
}

// same tells whether two alerts say the same: a notice that a killed defib has
// told is judged once more by the next one.
func (a *alert) same(b *alert) bool {
	n, m := &a.Notice, &b.Notice
	return a.About == nil && b.About == nil && n.Incident == m.Incident && n.Container.ID == m.Container.ID && n.Reason == m.Reason &&
		n.At.Equal(m.At) && n.Attempt == m.Attempt && n.Reminder == m.Reminder && n.Incident != ""
}

// intake is what became of an alert that was pushed.
type intake uint8

const (
	taken    intake = iota
	overflow        // the queue is full since now: something was dropped for the first time
	dropped         // as before: something was dropped
	doubled         // the same waits already
	refused         // the queue is closed
)

// queue is a bounded first-in first-out line before one receiver. A full one
// drops what people miss least, see leastMissed. It never blocks the pusher.
type queue struct {
	mu      sync.Mutex
	waiting []alert
	last    uint64 // number of the newest
	order   int64  // of the newest
	closed  bool
	lost    int      // alerts dropped since the queue became full
	gone    []string // files of the spool that are to be removed

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
	for i := range q.waiting {
		if q.waiting[i].same(&a) {
			return doubled
		}
	}
	// A clock that was set back must not let it overtake what is in the spool.
	q.order = max(q.order+1, a.Queued.UnixNano())
	a.order = q.order
	q.insert(len(q.waiting), a)
	return q.full()
}

// restore puts an alert of the defib before this one where it belongs: before
// all that this one was handed, by its order. Where the same was posted again
// meanwhile, the older takes its place.
func (q *queue) restore(a alert) intake {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return refused
	}
	for i := range q.waiting {
		if !q.waiting[i].same(&a) {
			continue
		}
		if q.waiting[i].recalled {
			q.gone = append(q.gone, a.file)
			return doubled
		}
		q.cut(i)
		break
	}
	at := 0
	for at < len(q.waiting) && q.waiting[at].recalled && q.waiting[at].order <= a.order {
		at++
	}
	a.recalled = true
	q.insertOrdered(at, a)
	return q.full()
}

// insertOrdered has those behind it come later by their order too: one that was
// posted under a clock that was set back gets another, and another file.
func (q *queue) insertOrdered(at int, a alert) {
	q.insert(at, a)
	newest := a.order
	for i := at + 1; i < len(q.waiting); i++ {
		if b := &q.waiting[i]; b.order <= newest {
			b.order = newest + 1
			if b.file != "" {
				q.gone, b.file = append(q.gone, b.file), ""
			}
		}
		newest = q.waiting[i].order
	}
	q.order = max(q.order, newest)
}

// insert puts an alert into the line.
func (q *queue) insert(at int, a alert) {
	q.last++
	a.number = q.last
	q.waiting = slices.Insert(q.waiting, at, a)
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// full drops one where there are too many.
func (q *queue) full() intake {
	if len(q.waiting) <= maxWaiting {
		return taken
	}
	q.cut(leastMissed(q.waiting))
	if q.lost++; q.lost == 1 {
		return overflow
	}
	return dropped
}

// cut removes one alert, and has its file removed.
func (q *queue) cut(i int) {
	if file := q.waiting[i].file; file != "" {
		q.gone = append(q.gone, file)
	}
	copy(q.waiting[i:], q.waiting[i+1:])
	q.waiting[len(q.waiting)-1] = alert{} // lets go of its texts
	q.waiting = q.waiting[:len(q.waiting)-1]
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

// await waits until something is in the line. It gives false when the intake
// has ended and nothing is left.
func (q *queue) await() bool {
	for {
		q.mu.Lock()
		some, ended := len(q.waiting) > 0, q.closed
		q.mu.Unlock()
		if some || ended {
			return some
		}
		select {
		case <-q.ready:
		case <-q.stop:
		}
	}
}

// length gives how many wait, and since when the first does.
func (q *queue) length() (n int, oldest time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) > 0 {
		oldest = q.waiting[0].Queued
	}
	return len(q.waiting), oldest
}

// look gives all that waits, oldest first.
func (q *queue) look() []alert {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append([]alert(nil), q.waiting...)
}

// remove takes those with these numbers out of the line; some may be gone. The
// oldest is the first: a kill while their files are removed leaves the news.
func (q *queue) remove(numbers map[uint64]bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := 0; i < len(q.waiting); {
		if numbers[q.waiting[i].number] {
			q.cut(i)
		} else {
			i++
		}
	}
}

// holds tells whether something of an incident waits.
func (q *queue) holds(incident string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.ContainsFunc(q.waiting, func(a alert) bool { return a.Notice.Incident == incident })
}

// withdraw removes what waits about another receiver, if it is still there.
func (q *queue) withdraw(about *outage) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.waiting {
		if q.waiting[i].About == about {
			q.cut(i)
			return
		}
	}
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

// left gives how many alerts were dropped and not told of by burst.
func (q *queue) left() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lost
}

// unsaved gives those that have no file.
func (q *queue) unsaved() []alert {
	q.mu.Lock()
	defer q.mu.Unlock()
	var all []alert
	for i := range q.waiting {
		if a := &q.waiting[i]; a.file == "" && a.About == nil {
			all = append(all, *a)
		}
	}
	return all
}

// saved notes the file of an alert; one that has left the line meanwhile needs
// none.
func (q *queue) saved(number uint64, file string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.waiting {
		if q.waiting[i].number == number {
			q.waiting[i].file = file
			return
		}
	}
	q.gone = append(q.gone, file)
}

// removals gives the files that are to be removed, once.
func (q *queue) removals() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	gone := q.gone
	q.gone = nil
	return gone
}

// trim bounds the memory of a waiting notice: its texts may be of any length,
// and a short piece of a long string would keep all of it.
func trim(n *heal.Notice) {
	n.Evidence = brief(n.Evidence)
	for _, text := range []*string{
		&n.Container.ID, &n.Container.Name, &n.Container.Image, &n.Container.Project, &n.Container.Service,
		&n.Incident, &n.Probe.Output, &n.Err, &n.Detail, &n.Owner,
	} {
		if len(*text) > maxHeld {
			*text = strings.Clone((*text)[:maxHeld])
		}
	}
	n.Names = slices.Clone(n.Names[:min(len(n.Names), 2*maxGrouped)])
	for i, name := range n.Names {
		n.Names[i] = strings.Clone(name[:min(len(name), maxHeld/8)])
	}
}
