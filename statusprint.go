package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"defib/status"
)

// printIncidents prints what is wrong now: since when, what was done, and what
// comes next.
func (s *snapshot) printIncidents(w io.Writer, width int, now time.Time) {
	if len(s.Incidents) == 0 {
		return
	}
	fmt.Fprintln(w, "\nOpen incidents")
	for _, in := range s.Incidents {
		say(w, width, "  ", in.Title)
		text := "since " + ago(in.Since, now)
		if in.Restarts > 0 {
			text += ", " + counted(in.Restarts, "restart", "") + " made"
		}
		i := slices.IndexFunc(s.Containers, func(c status.Container) bool { return c.Incident == in.ID })
		if i >= 0 && s.Containers[i].Restart > 0 {
			text += fmt.Sprintf(" (%d of %d used)", s.Containers[i].Restart, s.Containers[i].Budget)
		}
		if in.At.After(in.Since) {
			text += ", last news " + clockTime(in.At, now)
		}
		say(w, width, "    ", text)
		if i >= 0 {
			say(w, width, "    ", next(s.Containers[i].Outlook, s.Containers[i].NextAt, now))
		}
	}
}

// isTold tells whether the open incident of a container was printed.
func (s *snapshot) isTold(c status.Container) bool {
	return c.Incident != "" && slices.ContainsFunc(s.Incidents, func(in status.Incident) bool { return in.ID == c.Incident })
}

// printContainers prints all, or those in trouble of which no open incident
// tells.
func (s *snapshot) printContainers(w io.Writer, width int, all bool, now time.Time) {
	if s.Unlisted != "" {
		fmt.Fprintln(w)
		say(w, width, "", "The containers are not known: "+s.Unlisted)
		return
	}
	t := table{heads: []string{"NAME", "STATE", "HEALING", "RESTARTS", "NEXT"}}
	title := "Containers in trouble"
	if all {
		t.heads = append([]string{"NAME", "WATCHED"}, t.heads[1:]...)
		title = "Containers"
	}
	for _, c := range s.Containers {
		switch cells := statusCells(c, now); {
		case all:
			watched := "no"
			if c.Watched {
				watched = "yes"
			}
			t.add(append([]string{c.Name, watched}, cells...)...)
		case inTrouble(c) && !s.isTold(c):
			t.add(append([]string{c.Name}, cells...)...)
		}
	}
	if len(t.rows) > 0 {
		fmt.Fprintln(w, "\n"+title)
		t.print(w, "  ", width)
	}
}

// statusCells are the columns of a container's state and healing.
func statusCells(c status.Container, now time.Time) []string {
	if !c.Watched {
		return []string{stateOf(c), "-", "-", c.Rule}
	}
	restarts := "-"
	if c.Restart > 0 {
		restarts = fmt.Sprintf("%d of %d", c.Restart, c.Budget)
	}
	comes := "-"
	switch {
	case c.Paused != nil:
		comes = "paused until " + clockTime(*c.Paused, now)
	case c.NextAt != nil:
		comes = when(*c.NextAt, now)
	case c.Hold != "":
		comes = c.Hold
	}
	return []string{stateOf(c), cmp.Or(c.Phase, "steady"), restarts, comes}
}

// deaf gives the receivers that take no alerts now.
func (s *snapshot) deaf() []status.Receiver {
	return slices.DeleteFunc(slices.Clone(s.Receivers), func(r status.Receiver) bool { return r.Trouble == "" })
}

// printReceivers prints who could not be told.
func (s *snapshot) printReceivers(w io.Writer, width int, now time.Time) {
	deaf := s.deaf()
	if len(deaf) == 0 {
		return
	}
	fmt.Fprintln(w, "\nReceivers in trouble")
	for _, r := range deaf {
		say(w, width, "  ", receiverText(r)+": "+r.Trouble)
		var parts []string
		if r.Since != nil {
			parts = append(parts, "since "+ago(*r.Since, now))
		}
		if r.Waiting > 0 {
			parts = append(parts, counted(r.Waiting, "alert", "")+" waiting")
		}
		if r.Dropped > 0 {
			parts = append(parts, fmt.Sprintf("%d given up", r.Dropped))
		}
		if r.RetryAt != nil {
			parts = append(parts, "tried again "+when(*r.RetryAt, now))
		}
		if len(parts) > 0 {
			say(w, width, "    ", strings.Join(parts, ", "))
		}
	}
}

func receiverText(r status.Receiver) string {
	if r.Place == "" {
		return r.Name
	}
	return r.Name + " (" + r.Place + ")"
}
