package notify

import "time"

// tellAgain is how long at least nothing more is told of the same receiver.
const tellAgain = time.Hour

// complaint is what people were told, on other receivers, about one.
type complaint struct {
	open  bool      // the trouble lasts
	since time.Time // of the trouble
	at    time.Time // when the newest message was handed over
	sent  *outage   // that message, until its receiver took it
	to    *worker   // that receiver
	home  *worker   // who took the first message: there the end is told
}

// tellElsewhere tells of one receiver's trouble on another one that works, at
// most once an hour, and of its end there where the beginning has arrived.
func (n *Notifier) tellElsewhere(from *worker, o outage) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	c := n.troubles[from]
	if c == nil {
		c = &complaint{}
		n.troubles[from] = c
	}
	switch {
	case o.over && c.open:
		c.end(o, now)
		return
	case o.over:
		return
	case !c.open:
		c.open, c.since, c.home = true, o.since, nil
	}
	if !c.at.IsZero() && now.Sub(c.at) < tellAgain {
		return
	}
	to := n.other(from, c.home)
	if to == nil {
		return // the next complaint tries again
	}
	if c.sent != nil {
		c.to.queue.withdraw(c.sent) // it still waits; the newer one tells more
	}
	o.since = c.since
	c.at, c.to, c.sent = now, to, &o
	to.queue.push(alert{Queued: now, About: &o})
}

// end tells that the trouble is over where its beginning has arrived.
func (c *complaint) end(o outage, now time.Time) {
	c.open, o.since = false, c.since
	if c.sent != nil {
		c.to.queue.withdraw(c.sent)
	}
	if c.home != nil {
		c.sent = nil
		c.home.queue.push(alert{Queued: now, About: &o})
	}
}

// toldElsewhere notes that a receiver took a message about another.
func (n *Notifier) toldElsewhere(w *worker, o *outage) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.troubles {
		if c.sent != o {
			continue
		}
		c.sent = nil
		switch {
		case !c.open: // it ended while this was under way
			w.queue.push(alert{Queued: time.Now(), About: &outage{receiver: o.receiver, since: o.since, over: true}})
		case c.home == nil:
			c.home = w
		}
	}
}

// other gives who is to be told about a receiver: who was told first, else the
// first that works.
func (n *Notifier) other(from, home *worker) *worker {
	if home != nil && !home.ill.Load() {
		return home
	}
	for _, w := range n.workers {
		if w != from && w.speaks() && !w.ill.Load() {
			return w
		}
	}
	return nil
}

// speaks tells whether a receiver can say what is about no container:
// docker-autoheal's can not, and a script is for restarts.
func (w *worker) speaks() bool {
	switch w.receiver.(type) {
	case *script, *webhook, *apprise:
		return false
	}
	return true
}

// named is title for people, who have to know which of several it is.
func (w *worker) named() string {
	if w.number > 1 {
		return w.title() + ", number " + itoa(w.number)
	}
	return w.title()
}
