package status

import "sync"

// Topic is a part of what is shown.
type Topic string

// The topics, as the event stream of the API names them.
const (
	TopicContainers Topic = "containers"
	TopicIncidents  Topic = "incidents"
	TopicReceivers  Topic = "receivers"
	TopicEngine     Topic = "engine"
)

// topics lists them.
func topics() []Topic {
	return []Topic{TopicEngine, TopicContainers, TopicIncidents, TopicReceivers}
}

// Changes tells any number of readers what has changed. The zero Changes is
// ready for use, by several goroutines.
type Changes struct {
	mu     sync.Mutex
	counts map[Topic]uint64
	wake   chan struct{} // closed at the next change
}

// Note says that something of a topic has changed. It never waits.
func (c *Changes) Note(t Topic) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[Topic]uint64{}
	}
	c.counts[t]++
	if c.wake != nil {
		close(c.wake)
		c.wake = nil
	}
}

// Since gives the topics that have changed since seen, which it brings up to
// date, and a channel that is closed at the next change.
func (c *Changes) Since(seen map[Topic]uint64) (changed []Topic, next <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range topics() {
		if c.counts[t] != seen[t] {
			seen[t] = c.counts[t]
			changed = append(changed, t)
		}
	}
	if c.wake == nil {
		c.wake = make(chan struct{})
	}
	return changed, c.wake
}
