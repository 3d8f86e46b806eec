package dockertest

import "time"

// jump is a change of the engine's clock.
type jump struct {
	at time.Time
	by time.Duration
}

// Jump sets the engine's clock ahead, or back where by is below 0, as a person
// or NTP does. What was noted before keeps its time; what the engine waits for
// is not affected, since it counts as a stopwatch does.
func (e *Engine) Jump(by time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.jumps = append(e.jumps, jump{time.Now(), by})
}

// wall is what the engine's clock showed at t. Called with the lock held.
func (e *Engine) wall(t time.Time) time.Time {
	shown := utc(t)
	for _, j := range e.jumps {
		if !t.Before(j.at) {
			shown = shown.Add(j.by)
		}
	}
	return shown
}

// clock is what the engine's clock shows now.
func (e *Engine) clock() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.wall(time.Now())
}
