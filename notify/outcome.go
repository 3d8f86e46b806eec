package notify

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/rs/zerolog"
)

// What a worker does about the outcome of an attempt.

// settle judges the outcome of an attempt. It gives false when the shutdown
// came first.
func (w *worker) settle(hard context.Context, err error, picked, covered []alert) bool {
	if err == nil {
		w.delivered(picked, covered)
		return true
	}
	if hard.Err() != nil {
		return false
	}
	attempt := 1
	w.ill.Store(true)
	for _, a := range covered {
		w.attempts[a.number]++
		attempt = max(attempt, w.attempts[a.number])
	}
	_, closed := errors.AsType[*closure](err)
	s, again := asSetback(err, attempt)
	switch {
	case closed:
		w.close(covered, err)
	case again:
		wait := max(s.after, backoff(attempt, w.random))
		w.notBefore, w.asked = time.Now().Add(wait), s.asked
		w.failed(covered[0], wait, err)
		if s.long {
			w.complain(err)
		}
	default:
		w.dropped(covered, err)
	}
	return !w.stopping()
}

// close leaves a receiver alone that takes nothing, for closedFor or until its
// secret is another.
func (w *worker) close(covered []alert, err error) {
	w.notBefore, w.asked = time.Now().Add(closedFor), true
	w.mark = w.secretMark()
	w.trouble, w.since = sameTrouble(err), firstSet(w.since, time.Now())
	w.about(zerolog.WarnLevel, covered[0]).AnErr("err", err).Dur("retry_in", closedFor).Int("waiting", len(w.queue.look())).
		Msg("the receiver takes no alerts: its address or its permission is wrong; what is for it is kept")
	w.complain(err)
}

// complain has another receiver tell of the trouble of this one.
func (w *worker) complain(err error) {
	if w.tell != nil {
		w.tell(w, outage{receiver: w.title(), why: err.Error(), since: firstSet(w.since, time.Now())})
	}
}

func firstSet(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}

// marked is a receiver that can tell that its secret has changed.
type marked interface{ secretMark() string }

func (w *worker) secretMark() string {
	if r, ok := w.receiver.(marked); ok {
		return r.secretMark()
	}
	return ""
}

// delivered takes the alerts out of the line. It logs only what follows a
// trouble: success is the rule.
func (w *worker) delivered(picked, covered []alert) {
	level := zerolog.DebugLevel
	attempts := 1
	for _, a := range covered {
		attempts = max(attempts, w.attempts[a.number]+1)
		if !a.Notice.Reason.Resolves() {
			w.ledger.told(w.key, a.Notice.Incident, time.Now())
		}
	}
	if w.trouble != "" || attempts > 1 {
		level = zerolog.InfoLevel
	}
	if w.trouble != "" && w.tell != nil {
		w.tell(w, outage{receiver: w.title(), since: w.since, over: true})
	}
	w.trouble, w.since, w.notBefore, w.asked, w.mark = "", time.Time{}, time.Time{}, false, ""
	w.ill.Store(false)
	w.forget(covered)
	if picked[0].About == nil {
		w.about(level, picked[0]).Int("attempts", attempts).Int("alerts", len(covered)).Msg("alert delivered")
	}
}

// forget takes alerts out of the line for good.
func (w *worker) forget(covered []alert) {
	numbers := map[uint64]bool{}
	for _, a := range covered {
		numbers[a.number] = true
		delete(w.attempts, a.number)
	}
	w.queue.remove(numbers)
	w.moved()
}

// expire drops what is too old to be tried again.
func (w *worker) expire(now time.Time) {
	var old []alert
	for _, a := range w.queue.look() {
		if now.Sub(a.Queued) > maxAge {
			old = append(old, a)
		}
	}
	if len(old) > 0 {
		w.dropped(old, errors.New("it could not be delivered within "+inWords(maxAge)))
	}
}

// failed logs a failure when it is another than before.
func (w *worker) failed(a alert, wait time.Duration, err error) {
	if trouble := sameTrouble(err); trouble != w.trouble {
		w.trouble, w.since = trouble, firstSet(w.since, time.Now())
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

// dropped logs every alert that is lost, and has another receiver say so.
func (w *worker) dropped(covered []alert, err error) {
	for _, a := range covered {
		if a.About == nil {
			w.about(zerolog.WarnLevel, a).AnErr("err", err).Int("attempts", w.attempts[a.number]).Msg("alert not delivered")
		}
	}
	if covered[0].About == nil {
		w.complain(err)
	}
	w.forget(covered)
}

// maxNamed is how many of the alerts that are left at shutdown are named.
const maxNamed = 10

// reportLeft logs what could not be delivered before the shutdown.
func (w *worker) reportLeft() {
	rest, lost := w.queue.drain()
	var names []string
	kept, left := 0, 0
	for _, a := range rest {
		switch {
		case a.About != nil:
		case a.file != "":
			kept++
		default:
			if left++; left <= maxNamed {
				names = append(names, clean(a.Notice.Container.Name, maxName)+" "+a.Notice.Reason.String())
			}
		}
	}
	if kept > 0 {
		w.event(zerolog.WarnLevel).Int("waiting", kept).Msg("alerts could not be delivered before the shutdown; the next start delivers them")
	}
	if left+lost > 0 {
		w.event(zerolog.ErrorLevel).Int("undelivered", left).Int("dropped", lost).Strs("alerts", names).
			Msg("alerts were not delivered before the shutdown")
	}
}
