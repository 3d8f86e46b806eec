package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The waits between two attempts.
const (
	firstBackoff = time.Second
	maxBackoff   = 5 * time.Minute
	maxAsked     = time.Hour        // the longest Retry-After that is honoured
	unnamedPause = 30 * time.Second // after a 429 that names no time
	closedFor    = time.Hour        // after an answer that shows that the receiver takes nothing
	markEvery    = time.Minute      // how often its secret is looked at meanwhile
	burstOf      = 2                // messages that need not wait for the pace, beside the first
)

// maxAge is how long after it was posted an alert is given up.
const maxAge = 24 * time.Hour

// setback is the error of an attempt that is worth another one. Any other
// error of a receiver is final for that alert.
type setback struct {
	err   error
	after time.Duration // wait at least so long
	asked bool          // the receiver itself asked for that: even a shutdown respects it
	long  bool          // it asked for more than maxAsked
	wrong bool          // a setting is wrong: waiting alone does not mend it
	last  int           // the number of the last attempt; 0: until maxAge
}

// Error gives the words of what went wrong.
func (s *setback) Error() string { return s.err.Error() }

// Unwrap gives what went wrong.
func (s *setback) Unwrap() error { return s.err }

// refusal is the error of an attempt whose payload the receiver does not take:
// another one, a brief message, may be taken.
type refusal struct{ err error }

// Error gives the words of what went wrong.
func (r *refusal) Error() string { return r.err.Error() }

// Unwrap gives what went wrong.
func (r *refusal) Unwrap() error { return r.err }

// closure is the error of an attempt that shows that the receiver takes
// nothing at all: its address is wrong, or its secret is no longer good.
type closure struct{ err error }

// Error gives the words of what went wrong.
func (c *closure) Error() string { return c.err.Error() }

// Unwrap gives what went wrong.
func (c *closure) Unwrap() error { return c.err }

// verdict judges an answer by its status alone: nil for a 2xx, a setback for
// what may pass, a refusal where the payload is to blame, a closure where the
// receiver is, another error for what is final for this message.
func (a answer) verdict(host string) error {
	switch {
	case a.status >= 200 && a.status < 300:
		return nil
	case a.status >= 300 && a.status < 400:
		return &closure{a.redirected(host)}
	case a.status == http.StatusTooManyRequests:
		s := a.setback(host)
		if !s.asked {
			s.after, s.asked = unnamedPause, true
		}
		return s
	case a.status == http.StatusRequestTimeout, a.status == http.StatusTooEarly:
		return a.setback(host)
	case a.status == http.StatusBadRequest, a.status == http.StatusRequestEntityTooLarge, a.status == http.StatusUnsupportedMediaType,
		a.status == http.StatusUnprocessableEntity, a.status == http.StatusRequestHeaderFieldsTooLarge:
		return &refusal{a.failed(host)}
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden, a.status == http.StatusNotFound,
		a.status == http.StatusMethodNotAllowed, a.status == http.StatusGone:
		return &closure{a.failed(host)}
	case a.status == http.StatusNotImplemented, a.status == http.StatusHTTPVersionNotSupported:
		return a.failed(host)
	case a.status >= 500:
		return a.setback(host)
	}
	return a.failed(host)
}

// failed gives the words for an answer that is not wanted.
func (a answer) failed(host string) error {
	status := strings.TrimSpace(strconv.Itoa(a.status) + " " + http.StatusText(a.status))
	if a.said == "" {
		return fmt.Errorf("post to %s: it answered %s", host, status)
	}
	return fmt.Errorf("post to %s: it answered %s: %s", host, status, a.said)
}

// setback is failed for an answer that may be another one next time.
func (a answer) setback(host string) *setback {
	wish := a.wish(time.Now())
	return &setback{err: a.failed(host), after: min(wish, maxAsked), asked: wish > 0, long: wish > maxAsked}
}

// redirected names only the host of the place that was not gone to.
func (a answer) redirected(host string) error {
	where := "elsewhere"
	if u, err := url.Parse(a.header.Get("Location")); err == nil && u.Host != "" {
		where = "to " + clean(u.Host, maxName)
	}
	return fmt.Errorf("post to %s: it answered %d, a redirect %s, which is never followed: set the final URL",
		host, a.status, where)
}

// retryAfter gives how long the receiver is left alone because it wants that, at
// most maxAsked; 0 when it does not say.
func (a answer) retryAfter(now time.Time) time.Duration { return min(a.wish(now), maxAsked) }

// wish gives how long the receiver wants to be left alone. The time stands in
// the header, as seconds or as a date, or in the body, as Slack and Discord
// (retry_after) and Telegram (parameters.retry_after) have it; the longest counts.
func (a answer) wish(now time.Time) time.Duration {
	var body struct {
		RetryAfter float64 `json:"retry_after"`
		Parameters struct {
			RetryAfter float64 `json:"retry_after"`
		} `json:"parameters"`
	}
	// What does not fit stays 0: most bodies are no JSON at all.
	_ = json.Unmarshal(a.body, &body)
	asked := max(seconds(body.RetryAfter), seconds(body.Parameters.RetryAfter))
	header := strings.TrimSpace(a.header.Get("Retry-After"))
	if number, err := strconv.ParseFloat(header, 64); err == nil {
		return max(asked, seconds(number))
	}
	if date, err := http.ParseTime(header); err == nil {
		return max(asked, date.Sub(now))
	}
	return asked
}

// seconds gives a duration between 0 and twice maxAsked, since what is more is
// the same; it takes NaN for 0.
func seconds(number float64) time.Duration {
	if !(number > 0) {
		return 0
	}
	return time.Duration(math.Min(number, 2*maxAsked.Seconds()) * float64(time.Second))
}

// backoff gives how long to wait after the attempt of that number, which
// counts from 1: anything up to a bound that doubles from 1 s to 5 min ("full
// jitter"), so that many senders do not come back at once. random(n) gives a
// number from 0 to n-1.
func backoff(attempt int, random func(n int64) int64) time.Duration {
	bound := maxBackoff
	if attempt <= 9 { // 2^8 s is the last below 5 min
		bound = firstBackoff << (attempt - 1)
	}
	return time.Duration(random(int64(bound) + 1))
}

// asSetback tells whether the attempt of that number may be followed by another.
func asSetback(err error, attempt int) (*setback, bool) {
	s, ok := errors.AsType[*setback](err)
	return s, ok && (s.last == 0 || attempt < s.last)
}
