package heal

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// gale is a host on which containers of as many services turn unhealthy.
type gale struct {
	*Host
	now time.Time
}

func newGale() *gale {
	return &gale{Host: NewHost(), now: time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)}
}

func (g *gale) is(i int, s State) {
	id := fmt.Sprint("id", i)
	g.Note(Container{ID: id, Name: fmt.Sprint("c", i), Project: "p", Service: fmt.Sprint("s", i)}, nil, s, g.now)
}

func (g *gale) failing(from, to int) {
	for i := from; i < to; i++ {
		g.is(i, State{Phase: Failing})
	}
}

func (g *gale) free() []string {
	var free []string
	for i := range 50 {
		id := fmt.Sprint("id", i)
		if hold, _ := g.Judge(id, 0, g.now); hold == NotHeld && g.patients[id] != nil {
			free = append(free, id)
		}
	}
	return free
}

func (g *gale) reasons() []Reason {
	var all []Reason
	for _, n := range g.News() {
		all = append(all, n.Reason)
	}
	return all
}

// TestStormBegins: more than 3 services and more than half of the watched,
// within a minute; one of these is not enough.
func TestStormBegins(t *testing.T) {
	for name, c := range map[string]struct {
		watched, first, then int
		pause                time.Duration
		storm                bool
	}{
		"four of seven":                    {watched: 7, first: 4, storm: true},
		"four of eight":                    {watched: 8, first: 4},
		"four of eight, and then a fifth":  {watched: 8, first: 4, then: 1, storm: true},
		"three of three":                   {watched: 3, first: 3},
		"five of nine within two minutes":  {watched: 9, first: 3, then: 2, pause: 2 * time.Minute},
		"five of nine within half of that": {watched: 9, first: 3, then: 2, pause: 50 * time.Second, storm: true},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGale()
			count := func() {
				if g.WantsCount() {
					if free := g.free(); len(free) > 0 {
						t.Errorf("while the watched are counted %v may go", free)
					}
					g.Counted(c.watched, g.now)
				}
			}
			g.failing(0, c.first)
			count()
			g.now = g.now.Add(c.pause)
			g.failing(c.first, c.first+c.then)
			count()
			news, free := g.reasons(), g.free()
			if got := slices.Equal(news, []Reason{Stormed}); got != c.storm {
				t.Errorf("told %v", news)
			}
			if want := c.first + c.then; (len(free) == 1) != c.storm || (!c.storm && len(free) != want) {
				t.Errorf("%v may go", free)
			}
		})
	}
}

// TestUncounted: where the watched cannot be counted healing goes on.
func TestUncounted(t *testing.T) {
	g := newGale()
	g.failing(0, 6)
	if !g.WantsCount() || len(g.free()) != 0 {
		t.Fatal("six at once are no reason to count")
	}
	g.now = g.now.Add(suspectFor)
	g.Ready(g.now)
	if got := len(g.free()); got != 6 || len(g.News()) != 0 {
		t.Errorf("%d of 6 may go", got)
	}
}

// TestCanaries: one after the other, round after round, until one is healthy;
// then all at full width, and one message at the end.
func TestCanaries(t *testing.T) {
	g := newGale()
	g.failing(0, 6)
	g.Counted(6, g.now)
	g.News()
	var order []string
	for range 8 {
		free := g.free()
		if len(free) == 0 { // between two rounds
			g.now = g.WakeAt()
			g.Ready(g.now)
			free = g.free()
		}
		if len(free) != 1 {
			t.Fatalf("%v may go; want one canary", free)
		}
		order = append(order, free[0])
		var i int
		_, _ = fmt.Sscanf(free[0], "id%d", &i)
		g.is(i, State{Phase: Restarting, Made: 1})
		g.is(i, State{Phase: Recovering, Made: 1})
		g.is(i, State{Phase: BackingOff, Made: 1})
		g.now = g.now.Add(time.Second)
	}
	if want := []string{"id0", "id1", "id2", "id3", "id4", "id5", "id0", "id1"}; !slices.Equal(order, want) {
		t.Errorf("canaries %v; want %v", order, want)
	}
	if !g.Hushed("id3", Restarted, false) || g.Hushed("id3", GaveUp, false) || g.Hushed("id3", Recovered, true) {
		t.Error("the storm's message speaks for what it says, and for no more")
	}
	g.is(2, State{Phase: Recovering, Made: 1, HealthySince: g.now})
	if free := g.free(); len(free) != 5 {
		t.Errorf("a canary is healthy, and %v may go", free)
	}
	for i := range 6 {
		g.is(i, State{Phase: Recovering, Made: 1, HealthySince: g.now})
	}
	g.Ready(g.now)
	if news := g.reasons(); !slices.Equal(news, []Reason{StormOver}) {
		t.Errorf("told at the end: %v", news)
	}
	if !g.Hushed("id3", Recovered, false) {
		t.Error("that it is over was told for all")
	}
}

// TestCanaryWaitsForNoOther: one whose cause falls ill after it makes room for
// the cause.
func TestCanaryWaitsForNoOther(t *testing.T) {
	g := newGale()
	api := Container{ID: "api", Name: "api", Project: "p", Service: "api"}
	needs := []string{ServiceKey("p", "s9")}
	g.Note(api, needs, State{Phase: Failing}, g.now)
	g.failing(0, 4)
	g.Counted(8, g.now)
	free := func() []string {
		all := g.free()
		if hold, _ := g.Judge("api", 0, g.now); hold == NotHeld {
			all = append(all, "api")
		}
		return all
	}
	if got := free(); !slices.Equal(got, []string{"api"}) {
		t.Fatalf("%v may go; want the first that fell ill", got)
	}
	g.is(9, State{Phase: Failing})
	g.Ready(g.now)
	if got := free(); !slices.Equal(got, []string{"id9"}) {
		t.Errorf("%v may go; want what the canary depends on", got)
	}
	g.is(9, State{Phase: Restarting, Made: 1})
	g.is(9, State{Phase: Recovering, Made: 1})
	g.is(9, State{Phase: BackingOff, Made: 1}) // it did not help
	g.Ready(g.now)
	if got := free(); !slices.Equal(got, []string{"id0"}) {
		t.Errorf("%v may go; want the next that waits for no other", got)
	}
}

// TestSavedStorm: what comes back is the same storm, within bounds; it is not
// over while somebody has not been heard of, and nothing comes back of none.
func TestSavedStorm(t *testing.T) {
	g := newGale()
	if s := g.SavedStorm(); !s.Since.IsZero() {
		t.Errorf("of none is saved %+v", s)
	}
	g.failing(0, 6)
	g.Counted(8, g.now)
	begun := g.News()
	if len(begun) != 1 || begun[0].Reason != Stormed {
		t.Fatalf("told %+v", begun)
	}
	saved := g.SavedStorm()
	next := newGale()
	next.now = g.now.Add(time.Hour)
	next.RestoreStorm(saved, next.now)
	next.Await(6)
	if next.Ready(next.now); len(next.News()) > 0 {
		t.Error("it is over before anybody was heard of")
	}
	next.failing(0, 7) // one more
	next.Await(0)
	if next.Ready(next.now); len(next.News()) > 0 || len(next.free()) > 0 {
		t.Error("it is over, or has begun anew, or not one is healed first")
	}
	next.now = next.now.Add(canaryPause)
	if next.Ready(next.now); len(next.free()) != 1 {
		t.Errorf("%v are healed first", next.free())
	}
	for i := range 7 {
		next.is(i, State{HealthySince: next.now})
	}
	next.Ready(next.now)
	over := next.News()
	if len(over) != 1 || over[0].Reason != StormOver || over[0].Incident != begun[0].Incident || over[0].Count != 7 || over[0].Of != 8 {
		t.Errorf("told %+v", over)
	}
	far := SavedStorm{Since: next.now.AddDate(9, 0, 0), Of: -1, Most: 1 << 40, Names: make([]string, 99), Members: make([]string, 1<<16)}
	next.RestoreStorm(far, next.now)
	if s := next.SavedStorm(); s.Since.After(next.now) || s.Of < 0 || s.Most > 1000 || len(s.Names) > stormNames || len(s.Members) > maxMembers {
		t.Errorf("nonsense comes back as %+v", s)
	}
}
