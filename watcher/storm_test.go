package watcher

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"defib/heal"
)

// storms gives what was told of storms, in order: of an end also of how many it was.
func (l life) storms() (told []string) {
	for _, n := range l.notices() {
		if n.Reason == heal.Stormed { // who of those that fell ill in the same instant is counted yet is chance
			told = append(told, fmt.Sprint(n.Reason, " ", n.Incident))
		}
		if n.Reason == heal.StormOver {
			told = append(told, fmt.Sprint(n.Reason, " ", n.Incident, " ", n.Count, " of ", n.Of, ", left ", n.Left))
		}
	}
	return told
}

// TestStormOverRestartsOfDefib: a storm that people were told of goes on under
// the next defib, or is over for it; either way it is one, and its end is told.
func TestStormOverRestartsOfDefib(t *testing.T) {
	const n = 8
	each := func(t *testing.T, do func(name string) error) {
		for i := range n {
			if err := do(fmt.Sprint("web-", i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, away := range map[string]bool{"it goes on": false, "it is over by then": true} {
		t.Run(name, func(t *testing.T) {
			incident := ""
			lives(t, nil, func(l life) {
				each(t, func(name string) error { l.eng.Run(sickly(name, false)); return nil })
				time.Sleep(30 * time.Second)
				each(t, func(name string) error { return l.eng.Sicken(name, "the disk hangs") })
				time.Sleep(40 * time.Second)
				for _, n := range l.notices() {
					if n.Reason == heal.Stormed {
						incident = n.Incident
					}
				}
				l.end()
				if want := []string{"storm " + incident}; !slices.Equal(l.storms(), want) {
					t.Errorf("told %q; want %q", l.storms(), want)
				}
				if away {
					each(t, l.eng.Cure)
					time.Sleep(time.Minute)
				}
			}, func(l life) {
				began := time.Now()
				time.Sleep(time.Minute)
				if !away {
					if told := l.storms(); len(told) > 0 {
						t.Errorf("told %q while it goes on", told)
					}
					if gaps := l.restartGaps(began); len(gaps) == 0 || slices.Min(gaps) < 10*time.Second {
						t.Errorf("restarts follow each other after %s; want one after the other", gaps)
					}
					each(t, l.eng.Cure)
				}
				time.Sleep(20 * time.Minute)
				if want := []string{"storm-over " + incident + " 8 of 8, left 0"}; !slices.Equal(l.storms(), want) {
					t.Errorf("told %q; want %q", l.storms(), want)
				}
			}, func(l life) {
				time.Sleep(time.Minute)
				if told := l.storms(); len(told) > 0 {
					t.Errorf("the next is told %q", told)
				}
			})
		})
	}
}

// restartGaps gives the times between the restarts since then.
func (l life) restartGaps(then time.Time) (gaps []time.Duration) {
	var last time.Time
	for _, c := range l.eng.Calls() {
		if c.Kind != "restart" || c.ID == "" || c.At.Before(then) {
			continue
		}
		if !last.IsZero() {
			gaps = append(gaps, c.At.Sub(last))
		}
		last = c.At
	}
	return gaps
}
