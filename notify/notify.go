package notify

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"defib/heal"

	"github.com/rs/zerolog"
)

// flushTimeout is how long Run goes on delivering after its context is done:
// Docker kills the container 10 s after it asked it to stop.
const flushTimeout = 3 * time.Second

// Notifier tells all receivers. It is safe for use by several goroutines.
type Notifier struct {
	workers []*worker
	host    func() string
	release func() // lets go of idle connections
}

// New checks the options and builds a Notifier, which delivers nothing before
// Run. No receiver at all is legal. The error lists all problems, a line each,
// with the variable, what is allowed and an example, and without the values. A
// script that cannot be run is only warned of in log, since it may be mounted
// later.
func New(o Options, log zerolog.Logger) (*Notifier, error) {
	all, c, err := receivers(o, log)
	if err != nil {
		return nil, err
	}
	n := newNotifier(all, o.Host, rand.Int64N, log)
	n.release = c.http.CloseIdleConnections
	return n, nil
}

// newNotifier builds a Notifier for these receivers. random(n) gives a number
// from 0 to n-1.
func newNotifier(all []receiver, host func() string, random func(n int64) int64, log zerolog.Logger) *Notifier {
	n := &Notifier{host: host, release: func() {}}
	for _, r := range all {
		n.workers = append(n.workers, &worker{receiver: r, queue: newQueue(), host: host, random: random, log: log})
	}
	return n
}

// Post hands a notice to all receivers that want it. It never waits for one:
// it only puts it into queues, before Run too. After Run has ended the notice
// is dropped and logged.
func (n *Notifier) Post(notice heal.Notice) {
	trim(&notice)
	a := alert{Notice: notice, Queued: time.Now()}
	for _, w := range n.workers {
		if !w.receiver.wants(notice) {
			continue
		}
		switch w.queue.push(a) {
		case overflow:
			w.about(zerolog.WarnLevel, a).Int("waiting", maxWaiting).
				Msg("the queue is full; what people miss least is dropped")
		case refused:
			w.about(zerolog.WarnLevel, a).Msg("alert dropped, because the notifier has stopped")
		case taken, dropped:
		}
	}
}

// Run delivers until ctx is done, with one goroutine for each receiver. Then it
// takes nothing more, goes on delivering for at most 3 s, logs for each
// receiver what was left, and returns nil. It is to be called once.
func (n *Notifier) Run(ctx context.Context) error {
	defer n.release()
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var running sync.WaitGroup
	for _, w := range n.workers {
		running.Go(func() { w.run(hard) })
	}
	<-ctx.Done()
	for _, w := range n.workers {
		w.queue.close()
	}
	timer := time.AfterFunc(flushTimeout, cancel)
	defer timer.Stop()
	running.Wait()
	return nil
}

// Receivers names all receivers for the log, such as "slack (hooks.slack.com)"
// or "script (/hook)". Of a URL it gives the host and port only.
func (n *Notifier) Receivers() []string {
	var names []string
	for _, w := range n.workers {
		names = append(names, w.receiver.name()+" ("+w.receiver.place()+")")
	}
	return names
}

// Result is what became of a test message to one receiver.
type Result struct {
	Receiver string        // its kind, such as "slack"
	Host     string        // of the server; of a script its path
	Took     time.Duration // until the outcome was known
	Err      error         // nil: delivered, or skipped; holds no secret
	Skipped  string        // why nothing was sent; empty when it was
}

// checker is a receiver that cannot be tested without doing what it does. Its
// check tells whether it could.
type checker interface{ check() error }

// Test sends a message that is marked as a test to all receivers at once, each
// one time, and gives the results in the order of Receivers. Scripts are not
// run; they are only looked for.
func (n *Notifier) Test(ctx context.Context) []Result {
	defer n.release()
	results := make([]Result, len(n.workers))
	var running sync.WaitGroup
	for i, w := range n.workers {
		running.Go(func() { results[i] = try(ctx, w.receiver, hostName(n.host)) })
	}
	running.Wait()
	return results
}

func try(ctx context.Context, r receiver, host string) Result {
	began := time.Now()
	result := Result{Receiver: r.name()}
	if c, ok := r.(checker); ok {
		result.Err = c.check()
		result.Skipped = "it is not run for a test, only looked for"
	} else {
		result.Err = r.deliver(ctx, tell(alert{Host: host, Queued: began, Test: true}, began))
	}
	result.Host, result.Took = r.place(), time.Since(began)
	return result
}

func hostName(host func() string) string {
	if host == nil {
		return ""
	}
	return host()
}
