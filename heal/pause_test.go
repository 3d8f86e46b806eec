package heal

import (
	"strings"
	"testing"
	"time"
)

func TestParsePause(t *testing.T) {
	for what, want := range map[string]Pause{
		"":              {},
		"web-1":         {Container: "web-1"},
		"/web-1":        {Container: "web-1"},
		"service:db":    {Service: "db"},
		"project:shop":  {Project: "shop"},
		"shop/db":       {Project: "shop", Service: "db"},
		"  shop/db ":    {Project: "shop", Service: "db"},
		"project:a/b":   {Project: "a/b"},
		"everything-is": {Container: "everything-is"},
	} {
		got, err := ParsePause(what)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", what, got, err, want)
		}
		again, err := ParsePause(got.What())
		if want != (Pause{}) && (err != nil || again != got) {
			t.Errorf("%q: What gives %q, which is read as %+v, %v", what, got.What(), again, err)
		}
	}
	for _, what := range []string{"service:", "project:", "shop/", "host:box", strings.Repeat("x", 201)} {
		if got, err := ParsePause(what); err == nil {
			t.Errorf("%q is read as %+v", what, got)
		}
	}
}

func TestPauses(t *testing.T) {
	now := time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)
	web := Container{Name: "shop-web-1", Project: "shop", Service: "web"}
	db := Container{Name: "shop-db-1", Project: "shop", Service: "db"}
	add := func(ps Pauses, what string, d time.Duration) Pauses {
		t.Helper()
		p, err := ParsePause(what)
		if err != nil {
			t.Fatal(err)
		}
		p.Since, p.Until = now, now.Add(d)
		if ps, err = ps.Add(p); err != nil {
			t.Fatal(err)
		}
		return ps
	}
	ps := add(nil, "shop/db", time.Hour)
	ps = add(ps, "shop/db", 2*time.Hour)
	if len(ps) != 1 || ps.Left(db, now) != 2*time.Hour || ps.Left(web, now) != 0 {
		t.Errorf("a second pause of one target: %+v", ps)
	}
	ps = add(ps, "", time.Minute)
	if ps.Left(web, now) != time.Minute || ps.Left(db, now) != 2*time.Hour || !ps.End().Equal(now.Add(time.Minute)) {
		t.Errorf("the longest counts: %+v", ps)
	}
	if on, over := ps.Split(now.Add(time.Minute)); len(on) != 1 || len(over) != 1 || over[0].What() != "everything" {
		t.Errorf("after a minute: on %+v, over %+v", on, over)
	}
	one, _ := ParsePause("shop/db")
	if rest, n := ps.Remove(one); n != 1 || rest.Left(db, now) != time.Minute {
		t.Errorf("resumed one: %d, %+v", n, rest)
	}
	if rest, n := ps.Remove(Pause{}); n != 2 || len(rest) != 0 {
		t.Errorf("resumed everything: %d, %+v", n, rest)
	}
	for _, d := range []time.Duration{-time.Hour, 0, 59 * time.Second, PauseMost + time.Second} {
		if _, err := ps.Add(Pause{Since: now, Until: now.Add(d)}); err == nil {
			t.Errorf("a pause of %s is taken", d)
		}
	}
}

// TestPausesOfAFile: whatever a file says, a pause ends, and the memory does too.
func TestPausesOfAFile(t *testing.T) {
	now := time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)
	good := Pause{Container: "web", Since: now, Until: now.Add(time.Hour)}
	bad := Pauses{
		{Until: now.Add(-time.Second)}, {Until: now.Add(PauseMost + time.Hour)}, {},
		{Container: strings.Repeat("x", 1<<20), Until: now.Add(time.Hour)},
	}
	if got := append(bad, good).Valid(now); len(got) != 1 || got[0] != good {
		t.Errorf("taken: %.300v", got)
	}
	many := make(Pauses, 5000)
	for i := range many {
		many[i] = good
	}
	if got := many.Valid(now); len(got) > maxPauses {
		t.Errorf("%d are taken", len(got))
	}
}
