package main

import (
	"fmt"
	"strings"
	"time"
)

// row is what became of a fault.
type row struct {
	fault   fault
	engine  string // that was simulated
	untried string // why it was not tried

	healed   bool
	after    time.Duration
	restarts int // and starts that were asked for
	done     int // restarts that the engine has completed
	needless int // of those that are well
	lost     int
	doubled  int
	bad      bool // defib said that it is not well
	exited   bool
	detail   string // for the document, below the table
	log      string
}

// broken says which promises were not kept.
func (r row) broken() []string {
	if r.untried != "" {
		return nil
	}
	var why []string
	add := func(yes bool, format string, args ...any) {
		if yes {
			why = append(why, fmt.Sprintf(format, args...))
		}
	}
	g := r.fault.goal
	add(!r.healed && !g.unheal, "it was not healed")
	add(r.after > g.within, "it took %s, and may take %s", span(r.after), span(g.within))
	add(r.needless > 0, "%d needless acts", r.needless)
	add(r.lost > 0, "%d alerts are lost", r.lost)
	add(g.bad && !r.bad, "the health endpoint was good all the time")
	add(r.exited, "defib has exited")
	add(!strings.Contains(r.log, g.logged), "defib did not log %q", g.logged)
	return why
}

// cells are the row's in the table.
func (r row) cells() []string {
	if r.untried != "" {
		return []string{r.fault.name, "not tried: " + r.untried, "", "", "", "", "", "", "", ""}
	}
	after := "–"
	if r.healed || r.fault.goal.unheal {
		after = span(r.after)
		if r.fault.byEngine {
			after += " \\*"
		}
	}
	healed := yes(r.healed)
	if r.fault.goal.unheal {
		healed = "told"
	}
	restarts := fmt.Sprint(r.restarts)
	if r.done != r.restarts && !r.fault.goal.unheal {
		restarts = fmt.Sprintf("%d, %d done", r.restarts, r.done)
	}
	most := span(r.fault.goal.within)
	if r.fault.play != nil { // many lives, each with a time of its own
		after, most = "–", "–"
	}
	bad := yes(r.bad)
	if !r.bad && !r.fault.goal.bad {
		bad = "–"
	}
	return []string{
		r.fault.name, healed, after, most, restarts, fmt.Sprint(r.needless), fmt.Sprint(r.lost), fmt.Sprint(r.doubled), bad, yes(r.exited),
	}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// span writes a duration as people do.
func span(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// heads are the names of the columns.
func heads() []string {
	return []string{"fault", "healed", "after", "at most", "restarts", "needless", "alerts lost", "doubled", "own health bad", "exited"}
}
