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
	for _, a := range covered {
		w.attempts[a.number]++
		attempt = max(attempt, w.attempts[a.number])
	}
	_, closed := errors.AsType[*closure](err)
	s, again := asSetback(err, attempt)
	switch {
	case closed:
		w.shut(covered, closedFor, shut, err)
	case again && s.long:
		w.shut(covered, max(s.after, backoff(attempt, w.random)), resting, err)
	case again:
		wait := max(s.after, backoff(attempt, w.random))
		w.notBefore, w.asked, w.mark = time.Now().Add(wait), s.asked, ""
		w.ill.Store(true)
		w.failed(covered[0], wait, s)
	default:
		w.dropped(covered, err)
		return true
	}
	w.standing.refused(err, time.Now(), w.notBefore)
	return !w.stopping()
}

// shut leaves a receiver alone that takes nothing, for so long or until its
// secret is another.
func (w *worker) shut(covered []alert, wait time.Duration, what trouble, err error) {
	w.notBefore, w.asked = time.Now().Add(wait), true
	w.mark = w.secretMark()
	w.ill.Store(true)
	w.trouble, w.since = sameTrouble(err), firstSet(w.since, time.Now())
	text := "the receiver takes no alerts: its address or its permission is wrong; what is for it is kept"
	if what == resting {
		text = "the receiver wants to be left alone for long; what is for it is kept"
	}
	w.about(zerolog.WarnLevel, covered[0]).AnErr("err", err).Dur("retry_in", wait).Int("waiting", len(w.queue.look())).Msg(text)
	w.complain(covered, what, err)
}

// complain has another receiver tell of the trouble of this one; never of one
// with a message about another: that would go round in a circle.
func (w *worker) complain(covered []alert, what trouble, err error) {
	if w.tell == nil || covered[0].About != nil {
		return
	}
	w.talked = true
	w.tell(w, outage{receiver: w.named(), what: what, why: err.Error(), since: firstSet(w.since, time.Now())})
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
		if a.Notice.Reason.Ends() {
			w.ledger.done(w.key, a.Notice.Incident)
		} else {
			w.ledger.told(w.key, a.Notice.Incident)
		}
	}
	if w.trouble != "" || attempts > 1 {
		level = zerolog.InfoLevel
	}
	if w.talked && w.tell != nil {
		w.tell(w, outage{receiver: w.named(), over: true})
	}
	w.talked = false
	w.standing.took(counted(covered), time.Now())
	w.trouble, w.since, w.notBefore, w.asked, w.mark = "", time.Time{}, time.Time{}, false, ""
	w.ill.Store(false)
	w.forget(covered)
	if o := picked[0].About; o != nil && w.told != nil {
		w.told(w, o)
	}
	if picked[0].About == nil {
		w.about(level, picked[0]).Int("attempts", attempts).Int("alerts", len(covered)).Msg("alert delivered")
	}
}

// counted is how many of these are about containers.
func counted(alerts []alert) int {
	n := 0
	for _, a := range alerts {
		if a.About == nil {
			n++
		}
	}
	return n
}

// forget takes alerts out of the line for good.
func (w *worker) forget(covered []alert) {
	numbers := map[uint64]bool{}
	for _, a := range covered {
		numbers[a.number] = true
		delete(w.attempts, a.number)
		delete(w.refused, a.number)
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
		w.dropped(old, &expiry{errors.New("it could not be delivered within " + inWords(maxAge))})
	}
}

// expiry is the error of an alert that is given up for its age.
type expiry struct{ err error }

// Error gives the words of what went wrong.
func (e *expiry) Error() string { return e.err.Error() }

// Unwrap gives what went wrong.
func (e *expiry) Unwrap() error { return e.err }

// failed logs a failure when it is another than before.
func (w *worker) failed(a alert, wait time.Duration, s *setback) {
	trouble := sameTrouble(s)
	if trouble == w.trouble {
		return
	}
	w.trouble, w.since = trouble, firstSet(w.since, time.Now())
	text := "alert not delivered yet"
	if s.wrong {
		text = "alert not delivered yet: a setting is wrong, see what to do; it is tried again all the same"
	}
	w.about(zerolog.WarnLevel, a).AnErr("err", s).Dur("retry_in", wait).Msg(text)
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

// dropped logs every alert that is lost. That a receiver refuses what it is told,
// or takes nothing for a day, is told on another one.
func (w *worker) dropped(covered []alert, err error) {
	for _, a := range covered {
		if a.About == nil {
			w.about(zerolog.WarnLevel, a).AnErr("err", err).Int("attempts", w.attempts[a.number]).Msg("alert not delivered")
		}
	}
	w.standing.lost(counted(covered))
	if refused, ok := errors.AsType[*refusal](err); ok {
		w.complain(covered, refusing, refused)
	}
	if late, ok := errors.AsType[*expiry](err); ok {
		w.complain(covered, expired, late)
	}
	w.forget(covered)
}

// maxNamed is how many of the alerts that are left at shutdown are named.
const maxNamed = 10

// reportLeft logs what could not be delivered before the shutdown, when no more
// of it can be written either.
func (w *worker) reportLeft() {
	var names []string
	kept, left := 0, 0
	for _, a := range w.queue.look() {
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
		w.event(zerolog.WarnLevel).Int("alerts", kept).Msg("alerts are kept for the next start: they could not be delivered before the shutdown")
	}
	if lost := w.queue.left(); left+lost > 0 {
		w.event(zerolog.ErrorLevel).Int("undelivered", left).Int("dropped", lost).Strs("alerts", names).
			Msg("alerts were not delivered before the shutdown")
	}
}
