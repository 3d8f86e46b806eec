package notify

import (
	"context"
	"strings"
	"time"
	"unicode"

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

// worker serves one receiver: one alert after the other, in their order.
type worker struct {
	receiver receiver
	queue    *queue
	host     func() string
	random   func(n int64) int64
	log      zerolog.Logger

	// What follows belongs to the goroutine of run.
	trouble   string    // what was logged last, see sameTrouble; empty when all is well
	notBefore time.Time // when the receiver may be tried again
	asked     bool      // the receiver itself asked for that pause
}

// run delivers until the queue is closed and empty. Then, or when an attempt
// fails after the queue was closed, or when hard ends, it reports what is left.
func (w *worker) run(hard context.Context) {
	for {
		a, ok := w.queue.take()
		if !ok {
			w.reportLeft(nil)
			return
		}
		if lost := w.queue.burst(); lost > 0 {
			w.event(zerolog.WarnLevel).Int("dropped", lost).Msg("the queue has drained; alerts were dropped")
		}
		if !w.send(hard, a) {
			w.reportLeft([]alert{a})
			return
		}
	}
}

// send makes attempts until the alert is delivered, refused or too old. It
// gives false when the shutdown came first.
func (w *worker) send(hard context.Context, a alert) bool {
	a.Host = hostName(w.host)
	for attempt := 1; ; attempt++ {
		if !w.waitTurn(hard) {
			return false
		}
		err := w.receiver.deliver(hard, tell(a, time.Now()))
		if err == nil {
			w.delivered(a, attempt)
			return true
		}
		if hard.Err() != nil {
			return false
		}
		s, again := asSetback(err, attempt)
		if !again {
			w.dropped(a, attempt, err)
			return true
		}
		wait := max(s.after, backoff(attempt, w.random))
		w.notBefore, w.asked = time.Now().Add(wait), s.asked
		if time.Since(a.Queued)+wait > maxAge {
			w.dropped(a, attempt, err)
			return true
		}
		w.failed(a, wait, err)
		if w.stopping() {
			return false
		}
	}
}

// waitTurn waits until the receiver may be tried again. A shutdown cuts our own
// back-off short for one last attempt, but no pause that the receiver asked
// for; then it gives false.
func (w *worker) waitTurn(hard context.Context) bool {
	wait := time.Until(w.notBefore)
	if wait <= 0 {
		return hard.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.queue.stop:
		return !w.asked && hard.Err() == nil
	}
}

func (w *worker) stopping() bool {
	select {
	case <-w.queue.stop:
		return true
	default:
		return false
	}
}

// delivered logs only what follows a trouble: success is the rule.
func (w *worker) delivered(a alert, attempt int) {
	level := zerolog.DebugLevel
	if w.trouble != "" || attempt > 1 {
		level = zerolog.InfoLevel
	}
	w.trouble = ""
	w.about(level, a).Int("attempts", attempt).Msg("alert delivered")
}

// failed logs a failure when it is another than before.
func (w *worker) failed(a alert, wait time.Duration, err error) {
	if trouble := sameTrouble(err); trouble != w.trouble {
		w.trouble = trouble
		w.about(zerolog.WarnLevel, a).AnErr("err", err).Dur("retry_in", wait).Msg("alert not delivered yet")
	}
}

// sameTrouble gives what two errors of the same kind have in common: their
// numbers, such as our port in "read tcp 10.0.0.2:40312->…", differ every time.
func sameTrouble(err error) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, err.Error())
}

// dropped logs every alert that is lost.
func (w *worker) dropped(a alert, attempts int, err error) {
	w.about(zerolog.WarnLevel, a).AnErr("err", err).Int("attempts", attempts).Msg("alert not delivered")
}

// maxNamed is how many of the alerts that are left at shutdown are named.
const maxNamed = 10

// reportLeft logs what could not be delivered before the shutdown; first comes
// before what is still in the queue.
func (w *worker) reportLeft(first []alert) {
	rest, lost := w.queue.drain()
	rest = append(first, rest...)
	if len(rest)+lost == 0 {
		return
	}
	var names []string
	for _, a := range rest[:min(len(rest), maxNamed)] {
		names = append(names, clean(a.Notice.Container.Name, maxName)+" "+a.Notice.Reason.String())
	}
	w.event(zerolog.ErrorLevel).Int("undelivered", len(rest)).Int("dropped", lost).Strs("alerts", names).
		Msg("alerts were not delivered before the shutdown")
}

// event begins a log line about the receiver.
func (w *worker) event(level zerolog.Level) *zerolog.Event {
	return w.log.WithLevel(level).Str("receiver", w.receiver.name()).Str("host", w.receiver.place())
}

// about begins a log line about one alert.
func (w *worker) about(level zerolog.Level, a alert) *zerolog.Event {
	return w.event(level).Str("incident", clean(a.Notice.Incident, maxName)).
		Str("container", clean(a.Notice.Container.Name, maxName))
}
