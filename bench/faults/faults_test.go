package main

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"defib/bench/rig"
)

// TestFaults plays the short faults, many at the same time, since they mostly
// wait: more than go test would let run.
func TestFaults(t *testing.T) {
	program, err := rig.Build(t.Context(), "../..", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	short := slices.DeleteFunc(everything(), func(f fault) bool { return f.long })
	rows, err := playAll(t.Context(), short, newSettings(program, "../..", t.TempDir(), 0), 40, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		t.Run(r.fault.name, func(t *testing.T) {
			switch {
			case r.untried != "" && os.Getenv("DEFIB_REQUIRE_ENGINE") == "1":
				t.Errorf("it was not tried: %s", r.untried)
			case r.untried != "":
				t.Skip(r.untried)
			}
			t.Log(strings.Join(r.cells(), " | "))
			for _, why := range r.broken() {
				t.Errorf("%s\n%s", why, r.log)
			}
		})
	}
}

// TestBroken: each promise of a row can be broken.
func TestBroken(t *testing.T) {
	f := fault{goal: goal{within: usualGoal, bad: true}}
	kept := row{fault: f, healed: true, after: usualGoal, restarts: 1, bad: true}
	if why := kept.broken(); len(why) > 0 {
		t.Errorf("all is well, and yet %q", why)
	}
	for want, change := range map[string]func(*row){
		"it was not healed":                         func(r *row) { r.healed = false },
		"it took 10.1 s, and may take 10.0 s":       func(r *row) { r.after += usualGoal / 100 },
		"1 needless acts":                           func(r *row) { r.needless = 1 },
		"2 alerts are lost":                         func(r *row) { r.lost = 2 },
		"the health endpoint was good all the time": func(r *row) { r.bad = false },
		`defib did not log "of it"`:                 func(r *row) { r.fault.goal.logged = "of it" },
		"defib has exited":                          func(r *row) { r.exited = true },
	} {
		r := kept
		change(&r)
		if why := r.broken(); !slices.Equal(why, []string{want}) {
			t.Errorf("%q; want %q", why, want)
		}
		if err := (options{}).verdict([]row{kept, r}, io.Discard); err == nil {
			t.Errorf("%s, and the command does not fail", want)
		}
	}
	untried := []row{{fault: f, untried: "needs root"}}
	if err := (options{}).verdict(untried, io.Discard); err != nil {
		t.Error(err)
	}
	if err := (options{require: true}).verdict(untried, io.Discard); err == nil {
		t.Error("what was not tried is a failure where that is asked for")
	}
}
