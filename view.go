package main

import (
	"context"
	"time"

	"defib/heal"
	"defib/notify"
	"defib/status"
	"defib/watcher"
)

// view shows people what the parts know: it is the status page's source, and
// takes what the watcher tells on its way to the notifier.
type view struct {
	parts    *parts
	changes  status.Changes
	journal  *status.Journal
	counters status.Counters
}

func newView(p *parts) *view {
	v := &view{parts: p}
	v.journal = status.NewJournal(func(n heal.Notice) (title, text, severity string) {
		return notify.Words(n, p.hostName())
	}, &v.changes)
	return v
}

// Post hands a notice on, and remembers it for the page.
func (v *view) Post(n heal.Notice) {
	v.parts.notifier.Post(n)
	v.journal.Note(n)
	v.counters.Note(n)
}

// Settle waits until what was posted is safe.
func (v *view) Settle(ctx context.Context) { v.parts.notifier.Settle(ctx) }

// changed takes that a list of containers, or the watch itself, looks otherwise.
func (v *view) changed() {
	v.changes.Note(status.TopicContainers)
	v.changes.Note(status.TopicEngine)
}

// recall takes up what the defib before this one has seen.
func (v *view) recall() {
	for _, n := range watcher.PastIncidents(v.parts.c.Watch.StateDir) {
		v.journal.Note(n)
	}
	for _, in := range v.journal.Incidents() {
		if in.Ended == nil {
			v.counters.Resume(in.ID)
		}
	}
}

// page makes the server of the status page.
func (v *view) page() *status.Server {
	p := v.parts
	return newPage(p.c.Page, status.Options{
		Source: v, Changes: &v.changes, Health: p.health, Counters: &v.counters, Tally: v.tally, Log: p.log,
	})
}

// tally counts what the watcher remembers.
func (v *view) tally() status.Tally {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	phases, _ := v.parts.watcher.Phases(ctx) // of a defib that is stopping: none
	return status.Tally{Phases: phases, Watched: v.parts.watcher.Condition().Watched}
}

// Engine tells how the watch itself is doing.
func (v *view) Engine() status.Engine {
	p := v.parts
	c, a := p.watcher.Condition(), p.health()
	e := status.Engine{
		Host: p.hostName(), Version: version, Engine: c.Engine, Endpoint: p.endpoint, OK: a.OK, Why: a.Why,
		Since: c.Since, Stream: c.Stream, LastList: status.Instant(c.LastList), Trouble: c.Trouble,
		Action: p.c.Watch.Action.String(), Pauses: []status.Pause{},
	}
	if !c.Stream {
		e.StreamGone = status.Instant(c.StreamGone)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	pauses, _ := p.watcher.Pauses(ctx) // a defib that is stopping has none to show
	for _, one := range pauses {
		e.Pauses = append(e.Pauses, status.Pause{What: one.What(), Until: one.Until})
	}
	return e
}

// Containers lists all containers with what becomes of them.
func (v *view) Containers(ctx context.Context) ([]status.Container, error) {
	rows, err := v.parts.watcher.Survey(ctx)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what was tried
	}
	open := map[string]string{}
	for _, in := range v.journal.Incidents() {
		if in.Ended == nil && in.Container != "" {
			open[in.Container] = in.ID
		}
	}
	all := make([]status.Container, len(rows))
	now := time.Now()
	for i, r := range rows {
		all[i] = shownRow(r, now)
		if all[i].Incident == "" && r.Watched {
			all[i].Incident = open[r.Container.Name]
		}
	}
	return all, nil
}

// shownRow puts one container into the terms of the API.
func shownRow(r watcher.Row, now time.Time) status.Container {
	c := status.Container{
		ID: r.Container.ID, Name: r.Container.Name, Image: r.Container.Image, Project: r.Container.Project, Service: r.Container.Service,
		Watched: r.Watched, Rule: r.Rule, State: r.Status.String(), Health: r.Health.String(), Phase: heal.Steady.String(),
		Outlook: "It is not watched: nothing is done about it, whatever happens.", Dependents: []string{}, Warnings: []string{},
	}
	c.Warnings = append(c.Warnings, r.Warnings...)
	if r.Health == heal.HealthUnknown {
		c.Health = ""
	}
	if !r.Watched {
		return c
	}
	look := heal.OutlookOf(r.Policy, r.State, r.Status, r.Health, now)
	c.Action, c.Phase, c.Hold = r.Policy.Treatment.String(), r.State.Phase.String(), r.State.Hold.String()
	c.Outlook, c.Would, c.NextAt = look.Text, look.Would, status.Instant(look.Next)
	c.Since, c.Restart, c.Budget = status.Instant(r.State.Since), r.State.Spent(r.Policy, now), r.Policy.MaxRestarts
	c.Incident, c.Paused = r.Incident, status.Instant(r.Paused)
	c.Dependents = append(c.Dependents, r.Dependents...)
	if r.Health == heal.HealthNone && !r.Policy.StartExited {
		c.Warnings = append(c.Warnings, "it has no HEALTHCHECK")
	}
	if !r.Paused.IsZero() {
		c.Outlook, c.Would, c.NextAt = "It is paused with defib pause: watched, and not touched until then.", false, c.Paused
	}
	return c
}

// Incidents gives what is remembered of incidents, newest first.
func (v *view) Incidents() []status.Incident { return v.journal.Incidents() }

// Incident gives one of them in full.
func (v *view) Incident(id string) (status.Incident, bool) { return v.journal.Incident(id) }

// Receivers tells how it stands with those who are told.
func (v *view) Receivers() []status.Receiver {
	all := []status.Receiver{}
	for _, s := range v.parts.notifier.Standings() {
		all = append(all, status.Receiver{
			Name: s.Receiver, Place: s.Place, Waiting: s.Waiting, Oldest: status.Instant(s.Oldest), Delivered: s.Delivered,
			Dropped: s.Dropped, Last: status.Instant(s.Last), Trouble: s.Trouble, Since: status.Instant(s.Since), RetryAt: status.Instant(s.RetryAt),
		})
	}
	return all
}
