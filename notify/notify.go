package notify

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"defib/heal"

	"github.com/rs/zerolog"
)

// flushTimeout is how long Run goes on delivering after its context is done.
// Docker kills the container 10 s after it asked it to stop. Of these acts under
// way get 5 s (watcher), the file of what is remembered 1 s, this 3 s and the
// last look at the spool 0.5 s (settleAtEnd): 5 s for this would not fit, and
// what is left is in the spool.
const flushTimeout = 3 * time.Second

// Notifier tells all receivers. It is safe for use by several goroutines.
type Notifier struct {
	workers []*worker
	ledger  *ledger
	spool   *spool
	host    func() string
	log     zerolog.Logger
	beat    func(ctx context.Context)
	release func()        // lets go of idle connections
	posted  chan struct{} // holds a token when something was posted
	left    chan struct{} // holds a token when something has left a queue

	mu       sync.Mutex
	troubles map[*worker]*complaint // of receivers that do not take alerts
}

// New checks the options and builds a Notifier, which delivers nothing before
// Run. No receiver at all is legal. The error lists all problems, a line each,
// with the variable, what is allowed and an example, and without the values. A
// script that cannot be run is only warned of in log, since it may be mounted
// later.
func New(o Options, log zerolog.Logger) (*Notifier, error) {
	all, c, err := receivers(o, log)
	beat, wrong := newHeartbeat(o, c, log)
	if err := errors.Join(err, wrong); err != nil {
		return nil, err
	}
	n := newNotifier(all, o.Host, rand.Int64N, log)
	n.release, n.beat = c.http.CloseIdleConnections, beat.run
	for _, w := range n.workers {
		w.wish = wish{level: o.AlertOn}
		if r, ok := w.receiver.(interface{ options() address }); ok {
			w.wish = wishOf(r.options(), o.AlertOn)
		}
		if _, script := w.receiver.(*script); script {
			w.wish = wish{level: heal.LevelAll} // it is a hook and no alert
		}
	}
	for _, w := range n.workers {
		w.standing.changed = o.Changed
	}
	n.spool = newSpool(o.StateDir, log)
	return n, nil
}

// newNotifier builds a Notifier for these receivers, without a spool. random(n)
// gives a number from 0 to n-1.
func newNotifier(all []receiver, host func() string, random func(n int64) int64, log zerolog.Logger) *Notifier {
	n := &Notifier{
		ledger: newLedger(), spool: newSpool("", log), host: host, log: log, release: func() {}, beat: func(context.Context) {},
		posted: make(chan struct{}, 1), left: make(chan struct{}, 1), troubles: map[*worker]*complaint{},
	}
	count := map[string]int{}
	for _, r := range all {
		// The number is always there: two keys can never be the same.
		key := fileName(r.name() + "-" + r.place())
		count[key]++
		n.workers = append(n.workers, &worker{
			receiver: r, key: key + "-" + itoa(count[key]), number: count[key], together: groupWait, queue: newQueue(), ledger: n.ledger,
			host: host, random: random, log: log, tell: n.tellElsewhere, told: n.toldElsewhere, moved: func() { signal(n.left) },
		})
	}
	return n
}

// Post hands a notice to all receivers that want it. It never waits for one,
// nor for a disk: it only puts it into queues, before Run too. After Run has
// ended the notice is dropped and logged.
func (n *Notifier) Post(notice heal.Notice) {
	trim(&notice)
	now := time.Now()
	for _, one := range n.ledger.note(notice, now) {
		n.push(one, now)
	}
	signal(n.posted)
}

// signal leaves a token, unless there is one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// push puts a notice into the queues of those who want it.
func (n *Notifier) push(notice heal.Notice, now time.Time) {
	a := alert{Notice: notice, Host: hostName(n.host), Queued: now}
	for _, w := range n.workers {
		queued, _, known := n.ledger.knows(w.key, notice.Incident)
		if notice.Reminder && w.queue.holds(notice.Incident) {
			continue // it was not even told yet
		}
		if !w.receiver.wants(notice) || !w.wish.grants(notice, queued, known) {
			if queued && notice.Reason.Ends() {
				n.ledger.done(w.key, notice.Incident)
			}
			continue
		}
		if !notice.Reason.Resolves() {
			n.ledger.queued(w.key, notice.Incident)
		}
		switch w.queue.push(a) {
		case overflow:
			w.overflows(a)
			w.standing.lost(1)
		case dropped:
			w.standing.lost(1)
		case refused:
			w.about(zerolog.WarnLevel, a).Msg("alert dropped, because the notifier has stopped")
		case taken, doubled:
		}
	}
}

// Run delivers until ctx is done, with one goroutine for each receiver. Then it
// takes nothing more, keeps on disk what waits, goes on delivering for at most
// 3 s, logs for each receiver what was left, and returns nil. It is to be called
// once.
func (n *Notifier) Run(ctx context.Context) error {
	defer n.release()
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	keeping, enough := context.WithCancel(hard)
	defer enough()
	n.recall(ctx)
	var running, beside, keeper sync.WaitGroup
	for _, w := range n.workers {
		running.Go(func() { w.run(hard) })
	}
	keeper.Go(func() { n.keep(keeping) })
	beside.Go(func() { n.remind(ctx) })
	beside.Go(func() { n.beat(ctx) })
	<-ctx.Done()
	for _, w := range n.workers {
		w.queue.close()
	}
	signal(n.posted) // Docker's patience may end before this does
	timer := time.AfterFunc(flushTimeout, cancel)
	defer timer.Stop()
	beside.Wait()
	running.Wait()
	enough() // the keeper removes the files of what was delivered meanwhile
	keeper.Wait()
	for _, w := range n.workers {
		w.reportLeft()
	}
	n.spool.end()
	return nil
}

// remind posts what the ledger has to say when time has passed.
func (n *Notifier) remind(ctx context.Context) {
	timer := time.NewTicker(time.Minute)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := time.Now()
		for _, one := range n.ledger.due(now) {
			n.push(one, now)
			signal(n.posted)
		}
	}
}

// Receivers names all receivers for the log, such as "slack (hooks.slack.com)"
// or "script (/hook)". Of a URL it gives the host and port only.
func (n *Notifier) Receivers() []string {
	var names []string
	for _, w := range n.workers {
		names = append(names, w.title())
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
