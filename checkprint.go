package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"defib/status"
)

// print prints what was found, for people.
func (u *checkup) print(w io.Writer, width int, now time.Time) {
	u.printSettings(w, width)
	u.printEngine(w, width)
	fmt.Fprintln(w, "\nReceivers")
	for _, r := range u.Receivers {
		say(w, width, "  ", r)
	}
	if len(u.Receivers) == 0 {
		say(w, width, "  ", "Nobody is told: set SLACK_WEBHOOK_URL or AUTOHEAL_ALERT_URLS to have people told.")
	} else {
		say(w, width, "  ", `Nothing was sent to them: "defib test-alert" sends a test.`)
	}
	u.printContainers(w, width)
	u.printRunning(w, width, now)
	fmt.Fprintln(w)
	if u.OK {
		watched := 0
		for _, c := range u.Containers {
			if c.Watched {
				watched++
			}
		}
		say(w, width, "", fmt.Sprintf("defib can do its work: %d of %s watched.", watched, counted(len(u.Containers), "container", "are")))
		return
	}
	fmt.Fprintln(w, "defib cannot do its work:")
	for _, a := range u.Against {
		say(w, width, "  - ", a)
	}
}

// counted gives a number of things with its verb, where there is one.
func counted(n int, what, verb string) string {
	if n != 1 {
		what += "s"
	} else if one, known := map[string]string{"are": "is", "were": "was"}[verb]; known {
		verb = one
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", n, what, verb))
}

func (u *checkup) printSettings(w io.Writer, width int) {
	fmt.Fprintln(w, "Settings")
	t := table{heads: []string{"NAME", "VALUE", "FROM"}}
	for _, s := range u.Settings {
		t.add(s.Name, s.Value, s.Source)
	}
	t.print(w, "  ", width)
	if !u.all {
		say(w, width, "  ", `All others have their defaults: "defib check --all" lists them.`)
	}
	for _, text := range u.Warnings {
		say(w, width, "  Warning: ", text)
	}
}

func (u *checkup) printEngine(w io.Writer, width int) {
	e := u.Engine
	fmt.Fprintln(w, "\nEngine")
	if !e.Reachable {
		say(w, width, "  ", "Not reachable: "+e.Why)
		return
	}
	text := e.Endpoint + ": " + cmp.Or(e.Engine, "an engine that does not tell what it is") + ", API " + e.API
	if e.Host != "" {
		text += ", host " + e.Host
	}
	say(w, width, "  ", text)
	if e.WriteEndpoint != "" {
		say(w, width, "  ", "Restarts, stops and starts go to "+e.WriteEndpoint)
	}
	fmt.Fprintln(w, "  What the endpoint allows:")
	for _, a := range e.Allowed {
		answer := "yes"
		if !a.OK {
			answer = "no"
			if !a.Needed {
				a.Why += " (defib works without)"
			}
		}
		say(w, width, fmt.Sprintf("    %-8s  %-4s ", a.What, answer), a.Why)
	}
}

func (u *checkup) printContainers(w io.Writer, width int) {
	fmt.Fprintln(w, "\nContainers")
	switch {
	case !u.Engine.Listed:
		fmt.Fprintln(w, "  They could not be listed.")
	case len(u.Containers) == 0:
		fmt.Fprintln(w, "  The engine has none.")
	}
	containerTable(u.Containers).print(w, "  ", width)
	for _, c := range u.Containers {
		for _, text := range c.Warnings {
			say(w, width, "  ", c.Name+": "+advised(text))
		}
	}
}

// containerTable lists containers: whether they are watched, and what becomes
// of them.
func containerTable(all []status.Container) *table {
	t := &table{heads: []string{"NAME", "WATCHED", "WHY", "STATE", "ACTION", "DEPENDENTS"}}
	for _, c := range all {
		watched := "no"
		if c.Watched {
			watched = "yes"
		}
		t.add(c.Name, watched, c.Rule, stateOf(c), cmp.Or(c.Action, "-"), cmp.Or(strings.Join(c.Dependents, ", "), "-"))
	}
	return t
}

// stateOf is how a container is doing, in a word.
func stateOf(c status.Container) string {
	switch {
	case c.State != "running" && c.State != "":
		return c.State
	case c.Health == "none":
		return "no check"
	case c.Health == "" || c.Health == "unknown":
		return cmp.Or(c.State, "unknown")
	}
	return c.Health
}

// noCheck is what is odd about a container without a health check.
const noCheck = "it has no HEALTHCHECK"

// advised adds what to do to what is odd about a container.
func advised(text string) string {
	if text == noCheck {
		return text + ", so it can never turn unhealthy: add a healthcheck to its service in the Compose file, or HEALTHCHECK to its image."
	}
	return text
}

func (u *checkup) printRunning(w io.Writer, width int, now time.Time) {
	fmt.Fprintln(w, "\nThe running defib")
	r := u.Running
	if !r.Answers {
		say(w, width, "  ", "What it remembers (restarts made, back-offs, pauses) is not known: "+r.Why)
		return
	}
	say(w, width, "  ", fmt.Sprintf("defib %s: %s, since %s.", r.Engine.Version, r.Engine.Why, clockTime(r.Engine.Since, now)))
	if r.Why != "" {
		say(w, width, "  ", "What it remembers is not known: "+r.Why)
	}
	quiet := true
	for _, c := range u.Containers {
		if inTrouble(c) || c.Restart > 0 || c.Paused != nil {
			quiet = false
			say(w, width, "  ", c.Name+": "+doing(c, now))
		}
	}
	if quiet && r.Why == "" {
		fmt.Fprintln(w, "  It remembers nothing of any container: none was in trouble lately.")
	}
}
