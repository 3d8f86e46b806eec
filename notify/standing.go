package notify

import (
	"sync"
	"time"

	"defib/heal"
)

// Standing is how it stands with one receiver. It holds no secret.
type Standing struct {
	Receiver  string    // its kind, such as "slack"
	Place     string    // its host and port, or the path of a script
	Waiting   int       // alerts in its queue
	Oldest    time.Time // since when the oldest of them waits; zero: none does
	Delivered uint64    // alerts that it took, since the start
	Dropped   uint64    // alerts that were given up, since the start
	Last      time.Time // when it last took one; zero: it did not yet
	Trouble   string    // why it takes none now; empty when it does, or was not tried
	Since     time.Time // of that trouble
	RetryAt   time.Time // when it is tried again
}

// standing is the part of a worker that others may read at any time.
type standing struct {
	mu      sync.Mutex
	now     Standing
	changed func() // nil: nobody wants to know
}

func (s *standing) change(f func(now *Standing)) {
	s.mu.Lock()
	f(&s.now)
	s.mu.Unlock()
	if s.changed != nil {
		s.changed()
	}
}

func (s *standing) took(alerts int, now time.Time) {
	s.change(func(n *Standing) {
		n.Delivered += uint64(alerts)
		n.Last, n.Trouble, n.Since, n.RetryAt = now, "", time.Time{}, time.Time{}
	})
}

func (s *standing) refused(err error, now, retry time.Time) {
	s.change(func(n *Standing) {
		n.Trouble, n.Since, n.RetryAt = clean(err.Error(), maxOutput), firstSet(n.Since, now), retry
	})
}

func (s *standing) lost(alerts int) {
	s.change(func(n *Standing) { n.Dropped += uint64(alerts) })
}

// Standings gives how it stands with all receivers, in the order of Receivers.
func (n *Notifier) Standings() []Standing {
	all := make([]Standing, len(n.workers))
	for i, w := range n.workers {
		w.standing.mu.Lock()
		all[i] = w.standing.now
		w.standing.mu.Unlock()
		all[i].Receiver, all[i].Place = w.receiver.name(), w.receiver.place()
		all[i].Waiting, all[i].Oldest = w.queue.length()
	}
	return all
}

// Words gives a notice in the words that people are told: a title without the
// status, sentences a line each (those of a probe begin with "| "), and how bad
// it is: critical, warning or info. They are clean, and hostile to whatever
// shows them.
func Words(n heal.Notice, host string) (title, text, severity string) {
	m := tell(alert{Notice: n, Host: host, Queued: n.At}, n.At)
	return m.summary(), m.text, severityOf(m.mood)
}
