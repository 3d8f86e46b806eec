package status

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// engineTimeout is how long a list of all containers may take.
	engineTimeout = 20 * time.Second
	// shareFor is how long a list is good for others who ask, while nothing is
	// known to have changed. It is kept no longer: it may be of megabytes.
	shareFor = 2 * time.Second
	// listGap is how long the engine is left alone after a list.
	listGap = 500 * time.Millisecond
)

// listing shares one list of the containers among all who ask: the engine gets
// one question at a time. Whoever was told of a change and asks gets a list that
// was asked for after it.
type listing struct {
	source  Source
	changes *Changes

	mu   sync.Mutex
	last *asked        // the newest question; nil: its answer is forgotten
	idle chan struct{} // closed when the newest question was answered long enough ago; nil: none was asked
	drop *time.Timer   // forgets last
}

// asked is a question to the engine and, once done is closed, its answer.
type asked struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiting int              // who wait for it
	seen    map[Topic]uint64 // what had changed when it was asked; nil: it is to be
	found   *inventory
	err     error
}

// get gives a list.
func (l *listing) get(ctx context.Context) (*inventory, error) {
	a := l.join(ctx)
	defer l.leave(a)
	select {
	case <-a.done:
		return a.found, a.err
	case <-ctx.Done():
		return nil, ctx.Err() //nolint:wrapcheck // the caller's own
	}
}

// join gives the question that answers whoever asks now.
func (l *listing) join(who context.Context) *asked {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil || l.stale(l.last) {
		if l.drop != nil {
			l.drop.Stop()
		}
		ctx, cancel := context.WithCancel(context.WithoutCancel(who)) // others may join
		a := &asked{done: make(chan struct{}), cancel: cancel}
		before := l.idle
		l.last, l.idle = a, make(chan struct{})
		go l.ask(ctx, a, before, l.idle)
	}
	l.last.waiting++
	return l.last
}

// leave ends the question when nobody waits for its answer.
func (l *listing) leave(a *asked) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a.waiting--
	select {
	case <-a.done:
	default:
		if a.waiting == 0 {
			a.cancel()
			if l.last == a {
				l.last = nil
			}
		}
	}
}

// stale tells whether the containers have changed since a question was asked.
func (l *listing) stale(a *asked) bool {
	if a.seen == nil {
		return false
	}
	changed, _ := l.changes.Since(maps.Clone(a.seen))
	return slices.Contains(changed, TopicContainers)
}

// ask asks when the one before was long enough ago.
func (l *listing) ask(ctx context.Context, a *asked, before, idle chan struct{}) {
	defer a.cancel()
	if before != nil {
		<-before
	}
	l.mu.Lock()
	a.seen = map[Topic]uint64{}
	l.changes.Since(a.seen)
	l.mu.Unlock()
	if a.err = ctx.Err(); a.err == nil { // else nobody waits any more
		a.found, a.err = l.question(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	close(a.done)
	time.AfterFunc(listGap, func() { close(idle) })
	if l.last == a {
		l.drop = time.AfterFunc(shareFor, func() { l.forget(a) })
	}
}

// question asks the engine. No mistake in an answer may end the program.
func (l *listing) question(ctx context.Context) (found *inventory, err error) {
	defer func() {
		if p := recover(); p != nil {
			found, err = nil, fmt.Errorf("put the list together: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	all, err := l.source.Containers(ctx)
	if err != nil {
		return nil, err //nolint:wrapcheck // the answer says what was asked
	}
	return newInventory(all)
}

// forget lets an answer go that is too old to be shared.
func (l *listing) forget(a *asked) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == a {
		l.last, l.drop = nil, nil // both hold it
	}
}
