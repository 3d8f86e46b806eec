package watcher

import (
	"sync"
	"time"
)

// Condition is how the watch itself is doing.
type Condition struct {
	Since      time.Time // when the watch began
	Grace      time.Duration
	Engine     string    // what it is, once connected
	Host       string    // its name; empty where the endpoint does not tell
	Stream     bool      // the event stream is open
	StreamGone time.Time // since when it is not
	LastList   time.Time // when a list last worked
	Trouble    string    // the last thing that did not work
	Remembered int       // containers with which something is or was wrong
	Watched    int       // containers that ran and were watched, when they were last counted; below 0: they were not yet
}

// condition is the part of a Watcher that others may read at any time.
type condition struct {
	mu    sync.Mutex
	now   Condition
	since time.Time
	grace time.Duration
	last  time.Time // of an event

	opened    time.Time // the newest stream
	forbidden bool      // the endpoint lets no stream through
}

// sight is what the event stream can tell.
type sight uint8

const (
	sightNever sight = iota // the endpoint lets no events through
	sightAway               // the stream is away
	sightOpen
)

// settle is how long a new stream gets to tell what happened before it: tens of
// milliseconds are the rule on a busy engine.
const settle = 300 * time.Millisecond

func (c *condition) sight() sight {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.now.Stream:
		return sightOpen
	case c.forbidden:
		return sightNever
	}
	return sightAway
}

// settles gives for how long a new stream may still be telling of the past.
func (c *condition) settles() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Until(c.opened.Add(settle))
}

// caughtUp tells whether the stream is open for so long that it has told of the
// past, however busy engine and host are.
func (c *condition) caughtUp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now.Stream && time.Since(c.opened) > overlap
}

func (c *condition) forbid(yes bool) { c.change(func(*Condition) { c.forbidden = yes }) }

func (c *condition) change(f func(*Condition)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.now)
}

func (c *condition) streamOpened(engine string) {
	c.change(func(now *Condition) {
		now.Engine, now.Stream, now.Trouble = engine, true, ""
		c.last, c.opened, c.forbidden = time.Now(), time.Now(), false
	})
}

func (c *condition) streamEnded() {
	c.change(func(now *Condition) { now.Stream, now.StreamGone = false, time.Now() })
}

func (c *condition) listed()          { c.change(func(now *Condition) { now.LastList = time.Now() }) }
func (c *condition) fail(text string) { c.change(func(now *Condition) { now.Trouble = text }) }
func (c *condition) count(n int)      { c.change(func(now *Condition) { now.Remembered = n }) }
func (c *condition) watched(n int)    { c.change(func(now *Condition) { now.Watched = n }) }
func (c *condition) event()           { c.change(func(*Condition) { c.last = time.Now() }) }

// silent tells whether an open stream has said nothing for so long.
func (c *condition) silent(d time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now.Stream && time.Since(c.last) > d
}

// Condition tells how the watch is doing, from any goroutine.
func (w *Watcher) Condition() Condition {
	w.cond.mu.Lock()
	defer w.cond.mu.Unlock()
	now := w.cond.now
	now.Since, now.Grace = w.cond.since, w.cond.grace
	return now
}
