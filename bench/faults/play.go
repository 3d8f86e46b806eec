package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"
)

// Times of the play, beside those of the faults.
const (
	startTime     = 30 * time.Second        // for defib to watch
	blindTime     = 1200 * time.Millisecond // after a start, beside what the container may take to stop: nothing is acted on
	newsTime      = 10 * time.Second        // for alerts to come after the healing
	calmTime      = 1500 * time.Millisecond
	extraTime     = 30 * time.Second // for what misses its goal, so that the table can tell by how much
	nextList      = 9 * time.Second  // what only a list finds: AUTOHEAL_INTERVAL, 5 s, what the stop may take, 1 s, and some
	lastAnswer    = 13 * time.Second // what hangs when the fault ends is given up after 10 s; then the stop, 1 s, and some
	usualGoal     = 10 * time.Second
	defaultEngine = "29.1.3"
)

// settings is what all faults are played with.
type settings struct {
	program string
	jumping func(context.Context) (string, error) // builds the defib whose clock jumps, once
	lives   int                                   // of the faults that kill defib again and again
}

// newSettings builds nothing yet.
func newSettings(program, source, scratch string, lives int) settings {
	var once sync.Once
	var built string
	var err error
	return settings{program: program, lives: lives, jumping: func(ctx context.Context) (string, error) {
		once.Do(func() { built, err = buildJumping(ctx, source, scratch) })
		return built, err
	}}
}

// perform plays a fault and gives its row. An error means that the play
// itself did not come about.
func perform(ctx context.Context, f fault, o settings) (row, error) {
	if f.goal.within == 0 {
		f.goal.within = usualGoal
	}
	if f.root && os.Geteuid() != 0 {
		return row{fault: f, untried: "needs root"}, nil
	}
	if f.play != nil {
		return f.play(ctx, f, o)
	}
	return story(ctx, f, o)
}

// story is the usual play.
func story(ctx context.Context, f fault, o settings) (row, error) {
	s, err := newStage(f, o)
	if err != nil {
		return row{}, err
	}
	defer s.close()
	asking, hush := context.WithCancel(ctx)
	var asked sync.WaitGroup
	asked.Go(func() { s.askHealth(asking) })
	defer asked.Wait()
	defer hush()

	v := newVigil(s)
	if err := s.tell(ctx, v); err != nil {
		if s.process != nil {
			err = fmt.Errorf("%w\n%s", err, s.process.Log().End())
		}
		return row{}, fmt.Errorf("play %q: %w", f.name, err)
	}
	r := s.judge(ctx, v)
	return r, s.trouble()
}

// tell plays the story up to the moment in which all that is left is to heal.
func (s *stage) tell(ctx context.Context, v *vigil) error {
	f := s.fault
	if f.arrange != nil {
		if err := f.arrange(ctx, s); err != nil {
			return err
		}
	}
	if !f.late {
		starting, cancel := context.WithTimeout(ctx, startTime)
		defer cancel()
		if err := all(startDefib, watched, v.wellYet, wait(s.stop+blindTime))(starting, s); err != nil {
			return err
		}
	}
	v.begin(ctx)
	if err := f.breaks(ctx, s); err != nil {
		return err
	}
	if f.mend != nil {
		if err := f.mend(ctx, s); err != nil {
			return err
		}
	}
	v.mended = time.Now()
	return nil
}

// vigil watches the container.
type vigil struct {
	s      *stage
	mended time.Time

	mu   sync.Mutex
	sick time.Time // when the engine first said so
	well time.Time // when it said that it was healthy again; zero: not yet
}

func newVigil(s *stage) *vigil { return &vigil{s: s} }

// wellYet waits until the container has been healthy once.
func (v *vigil) wellYet(ctx context.Context, s *stage) error {
	return s.await(ctx, "the container to be healthy", startTime, func() bool { return s.Engine.State(web).Health == healthy })
}

// begin begins to watch, until ctx is over or the container is healthy again.
func (v *vigil) begin(ctx context.Context) {
	go func() {
		for ctx.Err() == nil {
			state, acted := v.s.Engine.State(web), v.s.firstAct()
			v.mu.Lock()
			if v.sick.IsZero() && state.Health != unhealthy {
				v.sick = acted // it was unhealthy for less than between two looks
			}
			switch {
			case state.Health == unhealthy:
				if v.sick.IsZero() {
					v.sick = time.Now()
				}
				v.well = time.Time{}
			case state.Health == healthy && !v.sick.IsZero() && v.well.IsZero():
				v.well = time.Now()
			}
			v.mu.Unlock()
			_ = wait(2*time.Millisecond)(ctx, v.s) // it ends with ctx
		}
	}()
}

// healed tells whether it is healthy again.
func (v *vigil) healed() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return !v.well.IsZero() && v.s.Engine.State(web).Health == healthy
}

// after is how long it took, counted from when the fault says.
func (v *vigil) after() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	from := v.sick
	if v.s.fault.byEngine && v.mended.After(from) {
		from = v.mended
	}
	return v.well.Sub(from)
}

// judge waits for the healing and for the news of it, and reckons.
func (s *stage) judge(ctx context.Context, v *vigil) row {
	f := s.fault
	r := row{fault: f, engine: s.fault.on.Version}
	if f.goal.unheal {
		begun := time.Now()
		_ = s.await(ctx, "the news", f.goal.within, func() bool { return s.unheard().beginnings == 0 })
		r.after = time.Since(begun)
	} else if err := s.await(ctx, "the healing", f.goal.within+extraTime, func() bool { return v.healed() || !s.alive() }); err == nil && v.healed() {
		r.healed, r.after = true, v.after()
		if f.bystander {
			_ = callsWork(ctx, s) // it cannot fail
		}
		_ = s.await(ctx, "the news", newsTime, func() bool { return s.unheard() == missing{} || !s.alive() })
	}
	_ = wait(calmTime)(ctx, s) // for what comes too much
	r.restarts, r.done = s.asked(web, "restart")+s.asked(web, "start"), s.Engine.State(web).Restarts
	r.needless = s.needless()
	lost := s.unheard()
	r.lost, r.doubled = lost.beginnings+lost.ends, s.doubled()
	r.bad, r.exited = s.wasBad(), !s.alive()
	if s.process != nil {
		r.log = s.process.Log().String()
	}
	return r
}

// missing is what people were not told of.
type missing struct{ beginnings, ends int }

// unheard compares what was to be told with what was.
func (s *stage) unheard() missing {
	alerts, err := s.Inbox.Alerts()
	if err != nil {
		s.note(err)
	}
	wanted := map[string]bool{}
	for _, reason := range s.fault.goal.told {
		wanted[reason] = true
	}
	began, open := false, map[string]bool{}
	for _, a := range alerts {
		delete(wanted, a.Reason)
		if a.Container.Name != web {
			continue
		}
		began = true
		open[a.Incident] = a.Status != "resolved"
	}
	m := missing{beginnings: len(wanted)}
	if s.fault.goal.unheal || s.fault.goal.well {
		return m
	}
	if !began {
		m.beginnings++
	}
	for _, still := range open {
		if still {
			m.ends++
		}
	}
	if len(open) == 0 {
		m.ends++
	}
	return m
}

// doubled counts what was told again of the container.
func (s *stage) doubled() int {
	alerts, err := s.Inbox.Alerts()
	if err != nil {
		s.note(err)
	}
	n, seen := 0, map[string]bool{}
	for _, a := range alerts {
		what := a.Incident + " " + a.Reason
		if seen[a.ID] || seen[what] {
			n++
		}
		seen[a.ID], seen[what] = true, true
	}
	return n
}
