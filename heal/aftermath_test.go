package heal

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

var bootEpoch = time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)

// probed gives an inspection whose newest probe began at a time.
func probed(probe time.Time) Sighting {
	return Sighting{
		Status: StatusRunning, Health: Healthy, StartedAt: bootEpoch, Probe: Probe{Start: probe},
		Timing: Timing{Interval: 30 * time.Second, Timeout: 30 * time.Second, Retries: 3},
	}
}

// within is what probed gets for one probe: 30 s + 2 x 30 s + 1 min.
const within = 150 * time.Second

func reasons(a *Aftermath, now time.Time) []string {
	a.Conclude(now)
	var all []string
	for _, n := range a.News() {
		all = append(all, fmt.Sprintf("%s of %d %v ended %s", n.Reason, n.Count, n.Names, n.Ended))
	}
	return all
}

func TestProbesThatStopped(t *testing.T) {
	web := Container{ID: "1", Name: "web"}
	at := func(d time.Duration) time.Time { return bootEpoch.Add(d) }
	old := at(0)
	for name, c := range map[string]struct {
		change func(a *Aftermath, second *Sighting) // between two looks
		after  time.Duration
		want   []string
	}{
		"the same old probe": {nil, within, []string{"probes-stopped of 1 [web] ended none"}},
		"looked too soon":    {nil, within - 1, nil},
		"a new probe":        {func(_ *Aftermath, s *Sighting) { s.Probe.Start = at(within + time.Minute) }, within, nil},
		"started anew":       {func(_ *Aftermath, s *Sighting) { s.StartedAt = at(within + time.Minute) }, within, nil},
		"paused now":         {func(_ *Aftermath, s *Sighting) { s.Status = StatusPaused }, within, nil},
		"was paused":         {func(a *Aftermath, _ *Sighting) { a.Heard("1", Unpaused{}) }, within, nil},
		"its probes spoke":   {func(a *Aftermath, _ *Sighting) { a.Heard("1", Observed{Health: Healthy}) }, within, nil},
		"Podman's word":      {func(a *Aftermath, _ *Sighting) { a.Heard("1", Observed{}) }, within, []string{"probes-stopped of 1 [web] ended none"}},
		"has no probes":      {func(_ *Aftermath, s *Sighting) { s.Health = HealthNone }, within, nil},
	} {
		var a Aftermath
		first := at(within + 1)
		a.Probed(web, probed(old), first, first)
		if got := reasons(&a, first); got != nil {
			t.Errorf("%s: one look is enough for %v", name, got)
		}
		second := probed(old)
		if c.change != nil {
			c.change(&a, &second)
		}
		now := first.Add(c.after)
		a.Probed(web, second, now, now)
		if got := reasons(&a, now); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestFreshProbesAreNoSuspects(t *testing.T) {
	var a Aftermath
	now := bootEpoch.Add(within)
	a.Probed(Container{ID: "1"}, probed(bootEpoch), now, now)
	if ids, _ := a.Suspects(); len(ids) > 0 {
		t.Error("a probe is late only when its time is over")
	}
	now = now.Add(1)
	a.Probed(Container{ID: "1"}, probed(bootEpoch), now, now)
	if ids, until := a.Suspects(); len(ids) != 1 || !until.Equal(now.Add(within)) {
		t.Errorf("%v are to be looked at again at %s", ids, until)
	}
}

// TestFindingIsToldOnce follows one through its life, and a restart of defib.
func TestFindingIsToldOnce(t *testing.T) {
	var a Aftermath
	now := bootEpoch
	expect := func(want ...string) {
		t.Helper()
		now = now.Add(time.Minute)
		if got := reasons(&a, now); !slices.Equal(got, want) {
			t.Errorf("got %v, not %v", got, want)
		}
	}
	for i := range 12 {
		a.LeftDown(Container{ID: fmt.Sprint(i), Name: fmt.Sprintf("c%02d", i)}, now)
	}
	expect("left-down of 12 [c00 c01 c02 c03 c04 c05 c06 c07 c08 c09] ended none")
	a.LeftDown(Container{ID: "3", Name: "c03"}, now)
	expect()
	a.Up("3")
	expect()
	a = Aftermath{Frozen: a.Frozen, Down: a.Down}.Restored(now)
	for i := range 12 {
		a.Heard(fmt.Sprint(i), Started{})
	}
	expect("recovered of 12 [c00 c01 c02 c03 c04 c05 c06 c07 c08 c09] ended left-down")
	a.LeftDown(Container{ID: "1", Name: "c1"}, now)
	a.Heard("1", Destroyed{})
	expect()
}

// TestEventsEndAndRoundsBegin: an event in the midst of a round of looks tells
// nothing of what the round has found so far, and at once of what it ended.
func TestEventsEndAndRoundsBegin(t *testing.T) {
	var a Aftermath
	tell := func(changed bool, want int) {
		t.Helper()
		if got := len(a.News()); got != want || changed != (want > 0) {
			t.Errorf("%d told (%v), not %d", got, changed, want)
		}
	}
	a.LeftDown(Container{ID: "1", Name: "a"}, bootEpoch)
	a.Heard("9", Started{})
	tell(a.Over(bootEpoch), 0)
	a.LeftDown(Container{ID: "2", Name: "b"}, bootEpoch)
	tell(a.Conclude(bootEpoch), 1)
	a.Heard("1", Started{})
	tell(a.Over(bootEpoch), 0)
	a.Heard("2", Started{})
	tell(a.Over(bootEpoch), 1)
	tell(a.Over(bootEpoch), 0)
}

func TestAftermathIsBounded(t *testing.T) {
	var a Aftermath
	for i := range 5000 {
		c := Container{ID: fmt.Sprint(i)}
		a.LeftDown(c, bootEpoch)
		now := bootEpoch.Add(within + 1)
		a.Probed(c, probed(bootEpoch), now, now)
	}
	ids, _ := a.Suspects()
	if len(a.Down.Names) > maxAftermath || len(ids) > maxAftermath {
		t.Errorf("%d down, %d suspects", len(a.Down.Names), len(ids))
	}
	future := Aftermath{Down: Finding{Since: bootEpoch.Add(time.Hour), Names: map[string]string{"1": "a"}, Most: -3}}.Restored(bootEpoch)
	if !future.Down.Since.Equal(bootEpoch) || future.Down.Most != 0 {
		t.Errorf("%+v", future)
	}
}

func TestStoppedAtBoot(t *testing.T) {
	past := func(words ...string) (all []Boot) {
		for _, w := range words {
			var b Boot
			var after int
			var what string
			if _, err := fmt.Sscanf(w, "%d,%1s,%s", &after, &b.ID, &what); err != nil {
				t.Fatal(err)
			}
			b.At, b.Died, b.Started = bootEpoch.Add(time.Duration(after)*time.Second), what == "die", what == "start"
			all = append(all, b)
		}
		return all
	}
	for name, c := range map[string]struct {
		past []Boot
		want []string
	}{
		"an empty memory":                    {nil, nil},
		"stopped at once":                    {past("0,a,kill", "0,b,kill", "1,a,die", "10,b,die"), []string{"a", "b"}},
		"a policy starts it":                 {past("0,a,kill", "1,a,die", "2,a,start"), nil},
		"a policy starts, and it dies again": {past("0,a,die", "2,a,start", "3,a,die"), nil},
		"started by this engine":             {past("0,a,start", "5,a,kill", "6,a,die"), nil},
		"a person stops it later":            {past("0,b,start", "31,a,kill", "31,a,die"), nil},
	} {
		if got := StoppedAtBoot(c.past); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}
