package notify

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"defib/heal"

	"github.com/rs/zerolog"
)

// receiver is one place where people, or their programs, are told.
type receiver interface {
	// name is the kind of the receiver, such as "slack".
	name() string
	// place says which one it is: the host of a server, never more of its URL,
	// or the path of a program.
	place() string
	// wants tells whether a notice is for this receiver. It must be quick.
	wants(n heal.Notice) bool
	// deliver makes one attempt and bounds its time itself. What its error is
	// says what comes next (see retry.go): a setback, a refusal, a closure, or
	// any other, which is final for this message. It holds no secret.
	deliver(ctx context.Context, m message) error
}

// reader is a receiver that people read: there what happens within seconds is
// one message, and of one incident only the newest is news.
type reader interface{ forPeople() }

// pacer is a receiver that takes fewer messages than one a second.
type pacer interface {
	// pace is the time for one message on average.
	pace() time.Duration
}

// worker serves one receiver: one message after the other, in their order.
type worker struct {
	receiver receiver
	key      string        // names it in files, over restarts; it holds no secret
	number   int           // among those of its kind and host
	together time.Duration // how long to wait for what belongs into one message
	wish     wish
	queue    *queue
	ledger   *ledger
	host     func() string
	random   func(n int64) int64
	log      zerolog.Logger
	tell     func(from *worker, o outage) // on another receiver
	told     func(w *worker, o *outage)   // this receiver took a message about another
	moved    func()                       // alerts have left the line

	ill      atomic.Bool // the last attempt failed by no fault of its message
	standing standing    // for those who ask

	// What follows belongs to the goroutine of run.
	attempts  map[uint64]int  // of those that wait
	refused   map[uint64]bool // of those: the receiver did not take the whole of it
	talked    bool            // of its trouble, on another receiver
	trouble   string          // what was logged last, see sameTrouble; empty when all is well
	since     time.Time       // of that trouble
	notBefore time.Time       // when the receiver may be tried again
	asked     bool            // the receiver itself asked for that pause
	paced     time.Time       // when the messages so far are worked off at its pace
	mark      string          // of its secret when it was closed; empty: it is open
}

// run delivers until the queue is closed and empty, or an attempt fails after
// the queue was closed, or hard ends.
func (w *worker) run(hard context.Context) {
	w.attempts, w.refused = map[uint64]int{}, map[uint64]bool{}
	for w.queue.await() && w.gather(hard) {
		if lost := w.queue.burst(); lost > 0 {
			w.event(zerolog.WarnLevel).Int("dropped", lost).Msg("the queue has drained; alerts were dropped")
		}
		if !w.turn(hard) {
			return
		}
	}
}

// gather waits, for people, until what belongs together has come together.
func (w *worker) gather(hard context.Context) bool {
	if _, people := w.receiver.(reader); !people || w.stopping() {
		return hard.Err() == nil
	}
	waiting := w.queue.look()
	if len(waiting) == 0 || waiting[0].About != nil {
		return hard.Err() == nil
	}
	w.sleep(hard, time.Until(waiting[0].Queued.Add(w.together)))
	return hard.Err() == nil
}

// sleep ends early at the end of the intake.
func (w *worker) sleep(hard context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.queue.stop:
	case <-hard.Done():
	}
}

// turn makes one attempt. It gives false when the shutdown came first.
func (w *worker) turn(hard context.Context) bool {
	w.expire(time.Now())
	waiting := w.queue.look()
	if len(waiting) == 0 {
		return true
	}
	if waiting[0].About != nil && w.stopping() {
		w.forget(waiting[:1]) // the little time is for alerts; the next start meets the same trouble
		return true
	}
	if !w.waitTurn(hard) {
		return false
	}
	now := time.Now()
	w.expire(now)
	picked, covered := w.pick()
	if len(picked) == 0 {
		return true
	}
	if host := hostName(w.host); host != "" { // else what it was called when it was posted
		for i := range picked {
			picked[i].Host = host
		}
	}
	m := w.words(picked, now)
	short := w.short(picked)
	if short {
		m = m.brief()
	}
	err := w.receiver.deliver(hard, m)
	w.pace(now)
	if refused, ok := errors.AsType[*refusal](err); ok && !short && hard.Err() == nil {
		w.shorten(picked, covered, refused)
		return true
	}
	return w.settle(hard, err, picked, covered)
}

// short tells whether the whole of all this was refused before.
func (w *worker) short(picked []alert) bool {
	return !slices.ContainsFunc(picked, func(a alert) bool { return !w.refused[a.number] })
}

// shorten has the next attempt be a brief one, which is the last.
func (w *worker) shorten(picked, covered []alert, refused error) {
	for _, a := range picked {
		w.refused[a.number] = true
	}
	for _, a := range covered {
		w.attempts[a.number]++
	}
	w.event(zerolog.InfoLevel).AnErr("err", refused).Msg("the receiver does not take this payload; a shorter one is tried")
}

// words turns what was picked to a message.
func (w *worker) words(picked []alert, now time.Time) message {
	if o := picked[0].About; o != nil {
		return tellOutage(o, picked[0].Host, now)
	}
	return tellMany(picked, now)
}

// pick gives what the next message is about, and the alerts that it covers.
func (w *worker) pick() (picked, covered []alert) {
	waiting := w.queue.look()
	if len(waiting) == 0 {
		return nil, nil
	}
	_, people := w.receiver.(reader)
	if !people || waiting[0].About != nil {
		return waiting[:1], waiting[:1]
	}
	for _, a := range waiting {
		if a.About == nil {
			covered = append(covered, a)
		}
	}
	picked = compose(covered, func(incident string) bool {
		_, took, _ := w.ledger.knows(w.key, incident)
		return took
	})
	if len(picked) >= groupFrom {
		return picked, covered
	}
	return picked[:1], slices.DeleteFunc(covered, func(a alert) bool { return a.Notice.Incident != picked[0].Notice.Incident })
}

// waitTurn waits until the receiver may be tried again. A shutdown cuts our own
// back-off short for one last attempt, but neither the pace nor a pause that the
// receiver asked for; for the latter it gives false.
func (w *worker) waitTurn(hard context.Context) bool {
	for hard.Err() == nil {
		pace, rest := time.Until(w.paced.Add(-burstOf*w.rate())), time.Until(w.notBefore)
		switch {
		case rest <= 0 && pace <= 0:
			return true
		case w.stopping() && rest > 0 && w.asked:
			return false
		case w.stopping() && pace <= 0:
			return true
		case w.stopping():
			pause(hard, pace) // at its end the loop ends
			continue
		case w.mark != "" && w.secretMark() != w.mark:
			w.mark, w.notBefore = "", time.Time{}
			w.event(zerolog.InfoLevel).Msg("the receiver's secret has changed: it is tried again")
			continue
		case w.mark != "":
			rest = min(rest, markEvery)
		}
		w.sleep(hard, max(rest, pace))
	}
	return false
}

// rate is the time for one message on average.
func (w *worker) rate() time.Duration {
	if p, ok := w.receiver.(pacer); ok {
		return p.pace()
	}
	if _, program := w.receiver.(checker); program {
		return 0
	}
	return time.Second
}

// pace takes that a message was sent.
func (w *worker) pace(now time.Time) {
	if w.paced.Before(now) {
		w.paced = now
	}
	w.paced = w.paced.Add(w.rate())
}

func (w *worker) stopping() bool {
	select {
	case <-w.queue.stop:
		return true
	default:
		return false
	}
}

// title names the receiver to people.
func (w *worker) title() string { return w.receiver.name() + " (" + w.receiver.place() + ")" }

// event begins a log line about the receiver.
func (w *worker) event(level zerolog.Level) *zerolog.Event {
	return w.log.WithLevel(level).Str("receiver", w.receiver.name()).Str("host", w.receiver.place())
}

// about begins a log line about one alert.
func (w *worker) about(level zerolog.Level, a alert) *zerolog.Event {
	return w.event(level).Str("incident", clean(a.Notice.Incident, maxName)).
		Str("container", clean(a.Notice.Container.Name, maxName))
}

// overflows says that something had to be dropped.
func (w *worker) overflows(a alert) {
	w.about(zerolog.WarnLevel, a).Int("waiting", maxWaiting).Msg("the queue is full; what people miss least is dropped")
}

func itoa(n int) string { return strconv.Itoa(n) }
