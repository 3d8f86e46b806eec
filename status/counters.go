package status

import (
	"sync"

	"defib/heal"
)

// Tally is what is remembered at a moment.
type Tally struct {
	Phases  [heal.GivenUp + 1]int // containers with which something is or was wrong
	Watched int                   // all that are watched; below 0: not known without a list
}

// maxOpen bounds the incidents that Counters knows to be open. Beyond it they
// are all forgotten: some are counted twice then.
const maxOpen = 5000

// Counters counts what happens. The zero Counters is ready for use, by several
// goroutines.
type Counters struct {
	mu   sync.Mutex
	open map[string]bool // incidents
	n    counts
}

// counts is what there is to count since defib's start, by reason.
type counts struct {
	happened      [heal.WatchBegan + 1]uint64
	opened, ended [heal.WatchBegan + 1]uint64 // incidents
	done, failed  uint64                      // restarts and starts
}

// Resume says that an incident is open from before defib's start.
func (c *Counters) Resume(incident string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begin(incident)
}

// begin marks an incident as open, and tells whether it was not.
func (c *Counters) begin(incident string) bool {
	if c.open[incident] {
		return false
	}
	if c.open == nil || len(c.open) >= maxOpen {
		c.open = map[string]bool{}
	}
	c.open[incident] = true
	return true
}

// Note counts a notice. It never waits for long.
func (c *Counters) Note(n heal.Notice) {
	if n.Reminder || n.Reason < heal.Restarted || n.Reason > heal.WatchBegan {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n.happened[n.Reason]++
	switch {
	case n.Reason == heal.Restarted:
		c.n.done++
	case n.Reason == heal.RestartFailed && n.Verb != heal.Stop:
		c.n.failed++
	}
	if n.Incident == "" || n.Reason == heal.WatchBegan {
		return
	}
	if n.Reason.Ends() {
		if !c.open[n.Incident] && n.Reason < heal.Recovered {
			c.n.opened[n.Reason]++ // it begins and ends at once
		}
		delete(c.open, n.Incident)
		c.n.ended[n.Reason]++
	} else if c.begin(n.Incident) {
		c.n.opened[n.Reason]++
	}
}

// now gives what was counted so far.
func (c *Counters) now() counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}
