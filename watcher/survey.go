package watcher

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"defib/heal"
)

// Row is what is to be said of one container of the engine.
type Row struct {
	Container  heal.Container
	Watched    bool
	Rule       string // why, or why not
	Status     heal.Status
	Health     heal.Health // HealthUnknown where the list does not tell
	Policy     heal.Policy
	State      heal.State // the zero State: nothing is remembered
	Incident   string     // the open one; empty: none
	Paused     time.Time  // until when a person has paused it; zero: not
	Dependents []string   // names of those that are restarted after it
	Warnings   []string   // what is odd about its labels
}

// Survey lists all containers of the engine, by name, with what a running
// Watcher remembers of them. One that does not run connects by itself and
// remembers nothing. It makes one full list, and keeps nothing of it.
func (w *Watcher) Survey(ctx context.Context) ([]Row, error) {
	eng := w.engine.Load()
	if eng == nil {
		var err error
		if eng, err = connect(ctx, w.o, func(error) {}); err != nil {
			return nil, err
		}
		defer eng.close()
	}
	call, cancel := context.WithTimeout(ctx, w.o.CallTimeout)
	defer cancel()
	known, err := w.recollect(ctx)
	if err != nil {
		return nil, err
	}
	known.podman = eng.podman()
	ties := newGraph()
	var rows []Row
	err = eng.eachOfAll(call, func(s sighting) {
		var shares []string
		if s.network != "" {
			shares = []string{s.network}
		}
		ties.meet(s, w.watches(s), shares)
		rows = append(rows, w.row(s, known))
	})
	switch {
	case isForbidden(err):
		return nil, errors.New("the endpoint does not allow to list containers: allow GET /containers/json (CONTAINERS=1 in docker-socket-proxy)")
	case err != nil:
		return nil, errors.New(plain(err))
	}
	for i := range rows {
		if rows[i].Watched {
			rows[i].Dependents = ties.watchedDependents(rows[i].Container)
		}
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.Container.Name, b.Container.Name) })
	return rows, nil
}

// row puts together what is known of one entry of a list.
func (w *Watcher) row(s sighting, known recollection) Row {
	seen, _ := s.event.(heal.Observed)
	r := Row{Container: s.container, Status: seen.Status, Health: s.health}
	if known.podman && s.health == heal.HealthNone { // its lists do not tell
		r.Health = heal.HealthUnknown
	}
	r.Watched, r.Rule = w.o.Selection.choose(s.labels)
	if w.isOwn(s.id, s.labels) {
		r.Watched, r.Rule = false, "it is a defib"
	}
	if !r.Watched {
		if _, set := s.labels[labelOptOut]; set {
			r.Warnings = w.o.Selection.misspelt(s.labels)
		}
		return r
	}
	r.Policy, r.Warnings = w.o.Selection.policyFor(w.o.Policy, s.labels)
	now := time.Now()
	if left := known.pauses.Left(s.container, now); left > 0 {
		r.Paused = now.Add(left)
	}
	if e, remembered := known.states[s.id]; remembered {
		r.State, r.Incident = e.state, e.incident
	}
	return r
}

// watchedDependents gives the names of the watched that are restarted after a
// container.
func (g *graph) watchedDependents(owner heal.Container) []string {
	var names []string
	for _, d := range g.dependents(owner) {
		if d.watched {
			names = append(names, d.container.Name)
		}
	}
	return names
}

// recollection is a copy of what the loop remembers.
type recollection struct {
	podman bool // the engine is one
	states map[string]remembered
	pauses heal.Pauses
}

type remembered struct {
	state    heal.State
	incident string
}

// recollect asks the loop for a copy; a watcher that does not run remembers
// nothing.
func (w *Watcher) recollect(ctx context.Context) (recollection, error) {
	if !w.loops.Load() {
		return recollection{}, nil
	}
	q := recollecting{make(chan recollection, 1)}
	select {
	case w.in <- q:
	case <-w.ended:
		return recollection{}, errStopping
	case <-ctx.Done():
		return recollection{}, ctx.Err()
	}
	select {
	case r := <-q.answer:
		return r, nil
	case <-w.ended:
		return recollection{}, errStopping
	case <-ctx.Done():
		return recollection{}, ctx.Err()
	}
}

type recollecting struct{ answer chan recollection } // holds one

func (q recollecting) apply(_ context.Context, w *Watcher) {
	r := recollection{states: make(map[string]remembered, len(w.entries)), pauses: slices.Clone(w.pauses)}
	for id, e := range w.entries {
		s := e.state
		s.Restarts, s.After, s.Wave = slices.Clone(s.Restarts), slices.Clone(s.After), slices.Clone(s.Wave)
		one := remembered{state: s}
		if e.known && !s.Since.IsZero() {
			one.incident = incidentOf(e.container, s.Since)
		}
		r.states[id] = one
	}
	q.answer <- r
}

// healthIn reads the health out of the words of a list's entry, such as "Up 2
// hours (unhealthy)": older engines tell it nowhere else.
func healthIn(words string, status heal.Status) heal.Health {
	switch {
	case strings.HasSuffix(words, "(healthy)"):
		return heal.Healthy
	case strings.HasSuffix(words, "(unhealthy)"):
		return heal.Unhealthy
	case strings.Contains(words, "(health: starting)"), strings.HasSuffix(words, "(starting)"):
		return heal.HealthStarting
	case status == heal.StatusRunning && strings.HasPrefix(words, "Up "):
		return heal.HealthNone
	}
	return heal.HealthUnknown
}

// Phases counts the containers that a running Watcher remembers, by phase.
func (w *Watcher) Phases(ctx context.Context) (count [heal.GivenUp + 1]int, err error) {
	known, err := w.recollect(ctx)
	for _, one := range known.states {
		count[one.state.Phase]++
	}
	return count, err
}
