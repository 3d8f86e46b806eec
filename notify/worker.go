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
	key      string        // names it in files, over restarts
	together time.Duration // how long to wait for what belongs into one message
	wish     wish
	queue    *queue
	ledger   *ledger
	host     func() string
	random   func(n int64) int64
	log      zerolog.Logger
	tell     func(from *worker, o outage) // on another receiver
	moved    func()                       // alerts have left the line

	ill atomic.Bool // the last attempt failed

	// What follows belongs to the goroutine of run.
	attempts  map[uint64]int // of those that wait
	trouble   string         // what was logged last, see sameTrouble; empty when all is well
	since     time.Time      // of that trouble
	notBefore time.Time      // when the receiver may be tried again
	asked     bool           // the receiver itself asked for that pause
	paced     time.Time      // when the messages so far are worked off at its pace
	mark      string         // of its secret when it was closed; empty: it is open
}

// run delivers until the queue is closed and empty. Then, or when an attempt
// fails after the queue was closed, or when hard ends, it reports what is left.
func (w *worker) run(hard context.Context) {
	w.attempts = map[uint64]int{}
	for w.queue.await() && w.gather(hard) {
		if lost := w.queue.burst(); lost > 0 {
			w.event(zerolog.WarnLevel).Int("dropped", lost).Msg("the queue has drained; alerts were dropped")
		}
		if !w.turn(hard) {
			break
		}
	}
	w.reportLeft()
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
	if len(w.queue.look()) == 0 {
		return true
	}
	if !w.waitTurn(hard) {
		return false
	}
	now := time.Now()
	picked, covered := w.pick()
	if len(picked) == 0 {
		return true
	}
	host := hostName(w.host)
	for i := range picked {
		picked[i].Host = host
	}
	m := w.words(picked, now)
	err := w.receiver.deliver(hard, m)
	if refused, ok := errors.AsType[*refusal](err); ok && hard.Err() == nil {
		w.event(zerolog.InfoLevel).AnErr("err", refused).Msg("the receiver does not take this payload; a shorter one is tried")
		err = w.receiver.deliver(hard, m.brief())
	}
	w.pace(now)
	return w.settle(hard, err, picked, covered)
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
// back-off short for one last attempt, but no pause that the receiver asked
// for; then it gives false.
func (w *worker) waitTurn(hard context.Context) bool {
	for {
		until := w.notBefore
		if slack := w.paced.Add(-burstOf * w.rate()); slack.After(until) {
			until = slack
		}
		wait := time.Until(until)
		if wait <= 0 {
			return hard.Err() == nil
		}
		if w.stopping() {
			return !w.asked && hard.Err() == nil
		}
		if w.mark != "" {
			if w.secretMark() != w.mark {
				w.mark, w.notBefore = "", time.Time{}
				continue
			}
			wait = min(wait, markEvery)
		}
		w.sleep(hard, wait)
	}
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

// speaks tells whether people, or a program made for it, read free text there.
func (w *worker) speaks() bool {
	_, people := w.receiver.(reader)
	return people
}

func itoa(n int) string { return strconv.Itoa(n) }
