package dockertest

import (
	"container/heap"
	"time"
)

// alarm is something that happens at a time. All alarms of an engine share one
// timer and ring in the order of their times, then of their making: containers
// that are probed at the same instant are always probed in the same order.
type alarm struct {
	at    time.Time
	made  int
	world bool   // happens even while the engine hangs or is away
	do    func() // called with the engine's lock held; nil once stopped
}

// stop keeps the alarm from ringing. A nil alarm needs no stopping.
func (a *alarm) stop() {
	if a != nil {
		a.do = nil
	}
}

// alarms is a heap, the earliest first.
type alarms []*alarm

func (q alarms) Len() int      { return len(q) }
func (q alarms) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *alarms) Push(x any)   { *q = append(*q, x.(*alarm)) }
func (q alarms) Less(i, j int) bool {
	if q[i].at.Equal(q[j].at) {
		return q[i].made < q[j].made
	}
	return q[i].at.Before(q[j].at)
}

func (q *alarms) Pop() any {
	last := len(*q) - 1
	a := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return a
}

// after has the engine do something once d has passed. While it hangs or is
// away it does nothing: such alarms ring, in their order, when it goes on.
// Called with the lock held.
func (e *Engine) after(d time.Duration, do func()) *alarm {
	return e.setAlarm(&alarm{at: time.Now().Add(d), do: do})
}

func (e *Engine) setAlarm(a *alarm) *alarm {
	e.alarmsMade++
	a.made = e.alarmsMade
	heap.Push(&e.alarms, a)
	if e.alarms[0] == a {
		e.resetTimer()
	}
	return a
}

// resetTimer makes the timer ring at the earliest alarm.
func (e *Engine) resetTimer() {
	if len(e.alarms) == 0 || e.closed {
		return
	}
	d := time.Until(e.alarms[0].at)
	if e.timer == nil {
		e.timer = time.AfterFunc(d, e.ringAlarms)
		return
	}
	e.timer.Reset(d)
}

// ringAlarms does what is due.
func (e *Engine) ringAlarms() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	for len(e.alarms) > 0 && !e.alarms[0].at.After(time.Now()) {
		a := heap.Pop(&e.alarms).(*alarm)
		switch {
		case a.do == nil:
		case !a.world && (e.away || e.hung != nil):
			e.frozen = append(e.frozen, a)
		default:
			a.do()
		}
	}
	e.resetTimer()
}

// thaw rings what became due while the engine hung or was away.
func (e *Engine) thaw() {
	frozen := e.frozen
	e.frozen = nil
	for _, a := range frozen {
		if a.do != nil {
			a.do()
		}
	}
}
