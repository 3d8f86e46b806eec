package watcher

import (
	"time"

	"defib/heal"
)

// How long a Compose project is left alone after somebody changed it, and how
// long a stop that nothing is heard of any more keeps it so. Compose stops,
// creates and renames one container after the other with seconds in between,
// and each of them makes its neighbours unhealthy.
const (
	quietFor  = 10 * time.Second
	quietStop = 2 * time.Minute
)

// quietMost is for how long a project that is changed without a break is left
// alone: a loop of "compose up" must not keep it from being healed.
const quietMost = 2 * time.Minute

// quiet knows the Compose projects that somebody is changing.
type quiet map[string]*change

// change is what is going on in one project.
type change struct {
	since    time.Time
	until    time.Time
	stopping map[string]time.Time // containers that are being stopped, since when
}

// note takes what happened to a container of a project, watched or not, and
// not by defib.
func (q quiet) note(s sighting, now time.Time) {
	project := s.container.Project
	if project == "" || s.labels[labelOneOff] == "True" {
		return // "compose run" changes nothing for the others
	}
	c := q[project]
	switch e := s.event.(type) {
	case heal.Killed:
		if heal.AsksToEnd(e.Signal) {
			q.change(project, now).stopping[s.id] = now
		}
	case heal.Died, heal.Started:
		if c != nil && !c.stopping[s.id].IsZero() {
			delete(c.stopping, s.id)
			c.until = now.Add(quietFor)
		}
	case nil, heal.Destroyed: // created, renamed, removed
		c = q.change(project, now)
		delete(c.stopping, s.id)
		c.until = now.Add(quietFor)
	}
}

func (q quiet) change(project string, now time.Time) *change {
	if q[project] == nil {
		q[project] = &change{since: now, stopping: map[string]time.Time{}}
	}
	return q[project]
}

// left gives how long a project is still to be left alone.
func (q quiet) left(project string, now time.Time) time.Duration {
	c := q[project]
	if c == nil {
		return 0
	}
	left := c.until.Sub(now)
	for id, since := range c.stopping {
		if now.Sub(since) > quietStop {
			delete(c.stopping, id)
			continue
		}
		left = max(left, quietFor)
	}
	switch {
	case left <= 0:
		delete(q, project)
		return 0
	case now.Sub(c.since) > quietMost:
		return 0
	}
	return left
}

// sweep forgets the projects that are quiet again.
func (q quiet) sweep(now time.Time) {
	for project := range q {
		q.left(project, now)
	}
}
