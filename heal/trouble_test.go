package heal

import (
	"strings"
	"testing"
	"time"
)

// TestTroubles is what is told without being treated, as a table like that of
// TestDecisions.
func TestTroubles(t *testing.T) {
	const (
		looping = "crashed; 1m; crashed; 1m; crashed"
		oom     = "oom; trouble"
		slow    = "starting; seen starting for 2m"
		stuck   = slow + "; trouble; seen starting for 2m"
	)
	for _, row := range []struct{ before, event, want string }{
		{"", "crashed", "steady: "},
		{"crashed; 1m; crashed; 1m", "crashed", "steady: tell crash-loop"},
		{"crashed; 6m; crashed; 5m", "crashed", "steady: "}, // three, in 11 min
		{looping + "; 1m", "crashed", "steady: "},           // told once
		{looping + "; trouble; seen running", "trouble", "steady: look"},
		{looping + "; trouble; seen running; trouble", "seen running", "steady: tell recovered"},
		{looping + "; trouble; seen running; 5m; crashed; 5m", "seen running", "steady: "},
		{looping + "; trouble; seen running; trouble", "seen exited", "steady: tell exited"},
		{looping + "; trouble; seen running; trouble; not seen", "trouble", "steady: look"},
		{looping, "destroyed", "steady: tell removed"},
		{looping, "seen gone", "steady: tell removed"},
		{looping + "; term; died; trouble", "seen exited", "steady: "}, // that look is the one after the last crash
		{looping + "; trouble; seen running; term; died; trouble", "seen exited", "steady: tell stopped"},
		{looping + "; trouble; seen running; term; died; started; trouble", "seen running", "steady: tell recovered"},
		// A person's restarts are no crash loop, nor are ours.
		{"term; died; started; term; died; started; term; died", "started", "steady: "},
		{"crashed; crashed; unhealthy; seen unhealthy; died", "started", "restarting: "},
		{"unknown; seen running; unknown", "seen grown", "steady: tell crash-loop"},
		{"unknown; seen running; 11m; unknown", "seen grown", "steady: "}, // not known to be new

		{"", "oom", "steady: "},
		{"oom", "trouble", "steady: look"},
		{oom, "seen killed", "steady: tell out-of-memory"},
		{oom, "seen running", "steady: tell out-of-memory"},
		{oom, "not seen", "steady: "},
		{oom + "; not seen", "trouble", "steady: look"},
		{oom + "; seen killed; oom; trouble", "seen killed", "steady: "},
		{"died; trouble", "seen killed", "steady: tell out-of-memory"}, // no event told
		{"died; trouble; seen killed; absent; unknown", "seen killed", "steady: "},

		{"", "starting", "steady: look"},
		{"starting", "seen starting for 50s", "steady: "},
		{"starting", "seen starting for 2m", "steady: "}, // its engine may have been restarted beside it
		{slow, "starting", "steady: look"},
		{slow + "; starting", "seen starting for 2m", "steady: "},
		{slow, "trouble", "steady: look"},
		{slow + "; trouble", "seen starting for 2m", "steady: tell stuck-starting"},
		{slow + "; trouble; not seen", "trouble", "steady: look"},
		{slow + "; trouble", "seen healthy", "steady: "},
		{slow + "; healthy; starting", "seen starting for 2m", "steady: "}, // again
		{slow + "; trouble", "seen starting for 50s", "steady: "},          // anew
		{"starting", "seen starting", "steady: "},                          // the engine's time is not known
		{stuck, "starting", "steady: "},
		{stuck, "healthy", "steady: tell recovered"},
		{stuck + "; trouble", "seen healthy", "steady: tell recovered"}, // the event is lost
		{stuck, "destroyed", "steady: tell removed"},
		{stuck + "; term; died; trouble", "seen exited", "steady: tell stopped"},
	} {
		w := newWorld()
		for word := range strings.SplitSeq(row.before, "; ") {
			if word != "" {
				w.did(w.word(word))
			}
		}
		if got := w.did(w.word(row.event)); strings.TrimSpace(got) != strings.TrimSpace(row.want) {
			t.Errorf("after %q:\n%s -> %q; want %q", row.before, row.event, got, row.want)
		}
	}
}

// TestStartExited is the label autoheal.start-exited as a table.
func TestStartExited(t *testing.T) {
	const started = "exit; wake; seen exited; done"
	for _, row := range []struct{ before, event, want string }{
		{"exit", "wake", "failing: look-to-act"},
		{"exit; wake", "seen exited", "restarting: start"},
		{"exit; wake", "seen running", "steady: "}, // its restart policy was there first
		{"exit; wake", "seen restarting", "failing: (restarted by its restart policy)"},
		{"exit; wake", "seen down after a gap", "steady: tell exited"},
		{"exit; wake", "seen exited and busy", "failing: (its project is being changed)"},
		{"exit; wake; seen exited", "done", "recovering: tell restarted"},
		{"exit; wake; seen exited", "refused", "backing-off: tell restart-failed"},
		{"unclear exit; trouble", "seen exited", "steady: "},
		{"term; exit", "wake", "steady: "},
		{"term; exit; wake", "seen exited", "steady: "},
		{"quit; exit", "seen exited", "steady: "}, // perhaps its stop signal
		{started + "; wake; seen running; wake", "seen running", "steady: tell recovered"},
		{started + "; 2s; exit; 1s", "seen exited", "backing-off: "},
		{started + "; exit; wake; seen exited; wake", "seen exited", "restarting: start"},
		{started + "; term; exit; wake; wake", "seen exited", "steady: tell stopped"},
	} {
		w := newWorld()
		w.p.StartExited = true
		for word := range strings.SplitSeq(row.before, "; ") {
			w.did(w.word(word))
		}
		if got := w.did(w.word(row.event)); strings.TrimSpace(got) != strings.TrimSpace(row.want) {
			t.Errorf("after %q:\n%s -> %q; want %q", row.before, row.event, got, row.want)
		}
	}
}

// TestTroubleIsForgotten: what is over needs no memory.
func TestTroubleIsForgotten(t *testing.T) {
	for _, script := range []string{"crashed", "oom; trouble; seen running", "starting; seen starting for 50s", "starting; seen starting for 2m", "starting; seen starting for 2m; healthy", "starting; seen starting for 2m; trouble; seen starting for 2m; healthy"} {
		w := newWorld()
		for word := range strings.SplitSeq(script, "; ") {
			w.did(w.word(word))
		}
		for range 50 {
			if w.s.IsZero() {
				break
			}
			w.did(w.word("trouble"))
			if w.s.Looking {
				w.did(w.word("seen running"))
			}
		}
		if !w.s.IsZero() || w.now.Sub(newWorld().now) > 24*time.Hour {
			t.Errorf("after %q, %s later, there is left: %+v", script, w.now.Sub(newWorld().now), w.s.Trouble)
		}
	}
}
