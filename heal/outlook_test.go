package heal

import (
	"strings"
	"testing"
	"time"
)

// TestOutlook: what is said of a container in each state, and whether it would
// be acted on.
func TestOutlook(t *testing.T) {
	now := time.Date(2026, 11, 25, 18, 0, 0, 0, time.UTC)
	soon := now.Add(time.Minute)
	restarts := Policy{MaxRestarts: 2, Window: time.Hour}
	with := func(change func(p *Policy)) Policy {
		p := restarts
		change(&p)
		return p
	}
	spent := State{Restarts: []time.Time{now.Add(-time.Minute), now.Add(-2 * time.Minute)}}
	for name, c := range map[string]struct {
		p      Policy
		s      State
		status Status
		health Health
		want   string // begins, or ends after "…"
		next   time.Time
		would  bool
	}{
		"well":               {restarts, State{}, StatusRunning, Healthy, "If it turns unhealthy defib restarts it at once", time.Time{}, true},
		"unhealthy, unknown": {restarts, State{}, StatusRunning, Unhealthy, "It is unhealthy: defib restarts it at once", time.Time{}, true},
		"unhealthy for":      {with(func(p *Policy) { p.UnhealthyFor = time.Minute }), State{}, StatusRunning, Healthy, "…when it has been so for 1m0s.", time.Time{}, true},
		"no healthcheck":     {restarts, State{}, StatusRunning, HealthNone, "It has no HEALTHCHECK", time.Time{}, false},
		"started on exit":    {with(func(p *Policy) { p.StartExited = true }), State{}, StatusRunning, HealthNone, "…If it exits by itself it is started.", time.Time{}, true},
		"down":               {restarts, State{}, StatusExited, HealthUnknown, "It is down. defib does not start", time.Time{}, false},
		"paused":             {restarts, State{}, StatusPaused, HealthUnknown, "It is paused", time.Time{}, false},
		"its policy":         {restarts, State{}, StatusRestarting, HealthUnknown, "Docker's restart policy", time.Time{}, false},
		"none":               {with(func(p *Policy) { p.Treatment = TreatNone }), State{}, StatusRunning, Unhealthy, "Nothing is done", time.Time{}, false},
		"notify":             {with(func(p *Policy) { p.Treatment, p.Detail = TreatNotify, "It is a task." }), State{}, StatusRunning, Healthy, "…nothing is done. It is a task.", time.Time{}, false},
		"stop":               {with(func(p *Policy) { p.Treatment = TreatStop }), State{}, StatusRunning, Healthy, "If it turns unhealthy defib stops it", time.Time{}, true},
		"budget spent":       {restarts, spent, StatusRunning, Healthy, "If it turns unhealthy defib gives up", time.Time{}, false},
		"back-off":           {restarts, State{NotBefore: soon}, StatusRunning, Healthy, "…after the back-off of its last restart.", soon, true},
		"failing":            {restarts, State{Phase: Failing, WakeAt: soon}, StatusRunning, Unhealthy, "defib is going to restart it.", soon, true},
		"held":               {restarts, State{Phase: Failing, Hold: HoldStopping}, StatusRunning, Unhealthy, "It is left alone for now: being stopped", time.Time{}, false},
		"half done":          {restarts, State{Phase: BackingOff, HalfDone: true, WakeAt: soon}, StatusExited, HealthUnknown, "defib is going to start it.", soon, true},
		"restarting":         {restarts, State{Phase: Restarting, InFlight: Restart}, StatusRunning, Unhealthy, "The engine is working on the restart", time.Time{}, true},
		"verdict":            {restarts, State{Phase: Recovering, Deadline: soon}, StatusRunning, HealthStarting, "defib waits for it", soon, true},
		"confirming":         {restarts, State{Phase: Recovering, HealthySince: now}, StatusRunning, Healthy, "It is healthy again", time.Time{}, true},
		"gave up":            {restarts, State{Phase: GivenUp, RetryAt: soon}, StatusRunning, Unhealthy, "defib has given up", soon, false},
		"gave up for good":   {restarts, State{Phase: GivenUp}, StatusRunning, Unhealthy, "…or a person restarts it.", time.Time{}, false},
	} {
		got := OutlookOf(c.p, c.s, c.status, c.health, now)
		fits := strings.HasPrefix(got.Text, c.want)
		if end, cut := strings.CutPrefix(c.want, "…"); cut {
			fits = strings.HasSuffix(got.Text, end)
		}
		if !fits || !got.Next.Equal(c.next) || got.Would != c.would {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestSpent(t *testing.T) {
	now := time.Date(2026, 11, 25, 18, 0, 0, 0, time.UTC)
	p := Policy{Window: time.Hour}
	s := State{Restarts: []time.Time{now.Add(-2 * time.Hour), now.Add(-time.Minute)}}
	if n := s.Spent(p, now); n != 1 {
		t.Errorf("%d restarts count", n)
	}
	s.Since = now.Add(-3 * time.Hour)
	if n := s.Spent(p, now); n != 2 {
		t.Errorf("in one incident %d restarts count", n)
	}
}
