package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"defib/heal"
	"defib/status"
	"defib/watcher"
)

// print prints an explanation for people.
func (x *explanation) print(w io.Writer, width int) {
	for i, p := range x.Text {
		if i > 0 {
			p.Subject = "  " + p.Subject
		}
		for _, text := range p.Sentences {
			if i == 0 {
				say(w, width, "", text)
				fmt.Fprintln(w)
				continue
			}
			say(w, width, fmt.Sprintf("%-13s ", p.Subject), text)
			p.Subject = ""
		}
		for _, line := range p.Quoted {
			fmt.Fprintln(w, cutTo(strings.Repeat(" ", 14)+"| "+shown(line), width))
		}
	}
}

// standsAgainst lists what keeps a container from being healed now.
func (x *explanation) standsAgainst(seen watcher.Examination, p heal.Policy, forbidden string) {
	c := x.Container
	add := func(yes bool, text string) {
		if yes {
			x.Against = append(x.Against, text)
		}
	}
	if !c.Watched {
		add(true, "It is not watched: "+c.Rule+".")
		return
	}
	add(c.Action == "none", "Its action is none: nothing is done and nobody is told.")
	add(c.Action == "notify", cmp.Or(p.Detail, "Its action is notify: people are told, and nothing is done."))
	add(c.State == "paused", "It is paused (docker pause): what is wrong with it cannot be seen until it is unpaused.")
	add(c.State == "restarting", "Docker's restart policy is starting it.")
	add(c.State == "exited", "It does not run.")
	add(c.State == "running" && c.Health == "none" && !c.Would, sentence(advised(noCheck)))
	add(c.Paused != nil, `Somebody paused it ("defib pause"); "defib resume" ends that.`)
	add(c.Hold != "" && c.Paused == nil, "It is left alone for now: "+c.Hold+".")
	add(c.Phase == "gave-up", "Its restarts are used up, and did not help.")
	for _, o := range seen.Owners {
		add(o.Gone, "It shares a namespace of container "+o.Name+", which does not exist any more: it must be recreated (docker compose up -d --force-recreate).")
		add(!o.Gone && o.Status != heal.StatusRunning, "It shares a namespace of "+o.Name+", which does not run.")
	}
	add(forbidden != "", "The engine would refuse: "+forbidden)
}

// tell puts everything into sentences.
func (x *explanation) tell(seen watcher.Examination, p heal.Policy, from source, all []status.Container, now time.Time) {
	c := x.Container
	name := c.Name
	if c.Service != "" {
		name += " (" + c.Project + "/" + c.Service + ")"
	}
	add := func(subject string, sentences ...string) {
		if sentences = slices.DeleteFunc(sentences, func(s string) bool { return s == "" }); len(sentences) > 0 {
			x.Text = append(x.Text, passage{Subject: subject, Sentences: sentences})
		}
	}
	answer, told := verdict(x, now)
	add("", name+": "+answer)
	add("Watched", watchedText(c))
	add("State", stateText(seen))
	add("Probe", probeText(seen))
	if n := len(seen.Probes); n > 0 {
		x.Text[len(x.Text)-1].Quoted = outputLines(seen.Probes[n-1].Output)
	}
	add("Check", checkText(seen), verdictText(seen, c))
	if c.Watched {
		add("Action", actionText(seen, p, from), limitsText(p, from))
		add("After it", afterText(c))
		add("Shares", sharesText(seen, all))
		add("Waits for", needsText(seen, p, all))
	}
	for _, text := range c.Warnings {
		if text != noCheck { // it stands against it
			add("Odd", sentence(text))
		}
	}
	switch {
	case len(x.Against) == 0:
		add("Against it", "Nothing stands against it.")
	case x.Against[0] != told || len(x.Against) > 1:
		add("Against it", x.Against...)
	}
	if c.Watched {
		add("Incident", x.incidentText(now))
		add("Next", next(x.Next, c.NextAt, now))
	}
	if !x.Running.Answers {
		add("Not known", "What a running defib remembers (restarts made, back-offs, pauses): "+x.Running.Why)
	} else if x.Running.Why != "" {
		add("Not known", "What the running defib remembers: "+x.Running.Why)
	}
}

// verdict is the one sentence that answers the question; told is what of
// Against it says.
func verdict(x *explanation, now time.Time) (text, told string) {
	c := x.Container
	if x.Would && c.Health == "none" {
		return "it would be started if it exited by itself.", ""
	}
	does := map[string]string{"restart": "restarted", "stop": "stopped"}[c.Action]
	switch {
	case x.Would && c.Phase == "steady" && c.Health != "unhealthy":
		return "it would be " + cmp.Or(does, "healed") + " if it turned unhealthy.", ""
	case x.Would && c.NextAt != nil:
		return "it is being healed; next " + when(*c.NextAt, now) + ".", ""
	case x.Would:
		return "it is unhealthy, and is being healed.", ""
	case len(x.Against) > 0:
		return "it would not be healed now. " + x.Against[0], x.Against[0]
	}
	return "it would not be healed now. " + c.Outlook, ""
}

func watchedText(c status.Container) string {
	if c.Watched {
		return "Yes: " + c.Rule + "."
	}
	return "No: " + c.Rule + "."
}

// stateText says how the container is doing.
func stateText(e watcher.Examination) string {
	s := e.Seen
	switch s.Status {
	case heal.StatusRunning, heal.StatusPaused:
	case heal.StatusRestarting:
		return fmt.Sprintf("Docker's restart policy (%s) is starting it; its last run exited with %d.", cmp.Or(e.RestartPolicy, "no"), s.ExitCode)
	default:
		text := fmt.Sprintf("It does not run; it exited with %d.", s.ExitCode)
		if s.OOMKilled {
			text += " The kernel killed it for want of memory."
		}
		return text
	}
	text := "It has been running"
	if up := e.Now.Sub(s.StartedAt); !s.StartedAt.IsZero() && up > 0 {
		text += " for " + lasting(up)
	}
	if s.Status == heal.StatusPaused {
		text += ", is paused"
	}
	switch s.Health {
	case heal.HealthNone:
		return text + "; it has no HEALTHCHECK."
	case heal.HealthStarting:
		text += " and has no verdict yet (starting)"
	default:
		text += " and is " + s.Health.String()
	}
	if s.Streak > 0 {
		text += "; " + counted(s.Streak, "probe", "") + " in a row failed"
	}
	return text + "."
}

// probeText says how the last probe went; its output follows.
func probeText(e watcher.Examination) string {
	n := len(e.Probes)
	if n == 0 {
		return ""
	}
	p := e.Probes[n-1]
	text := "The last one"
	if since := e.Now.Sub(p.Start).Round(time.Second); since > 0 {
		text += ", " + lasting(since) + " ago,"
	}
	switch p.ExitCode {
	case 0:
		text += " succeeded"
	case -1:
		text += " timed out, or could not be run"
	default:
		text += fmt.Sprintf(" failed with exit code %d", p.ExitCode)
	}
	if p.Took > 0 {
		text += " after " + lasting(p.Took)
	}
	if strings.TrimSpace(p.Output) != "" {
		return text + " and printed:"
	}
	return text + " and printed nothing."
}

// How much of a probe's output is shown.
const (
	outputMost  = 8   // lines
	outputWidth = 200 // columns
)

// outputLines gives the beginning of what a probe printed, as it is.
func outputLines(text string) []string {
	var lines []string
	for line := range strings.Lines(strings.TrimSpace(text)) {
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) == "" {
			continue
		}
		if len(lines) == outputMost {
			return append(lines, "…")
		}
		lines = append(lines, cutTo(line, outputWidth))
	}
	return lines
}

// checkText says what the HEALTHCHECK means in time.
func checkText(e watcher.Examination) string {
	t := e.Seen.Timing
	if e.Seen.Health == heal.HealthNone {
		return ""
	}
	least, most := time.Duration(t.Retries)*t.Interval, time.Duration(t.Retries)*(t.Interval+t.Timeout)
	text := fmt.Sprintf("Every %s, with a timeout of %s. %s in a row make it unhealthy: within %s of falling sick, or %s where each probe runs into its timeout.",
		lasting(t.Interval), lasting(t.Timeout), counted(t.Retries, "failure", ""), lasting(least), lasting(most))
	if t.Retries == 1 {
		text = strings.Replace(text, "in a row make", "makes", 1)
	}
	if t.StartPeriod > 0 {
		text += " In the first " + lasting(t.StartPeriod) + " after a start failures do not count."
	}
	return text
}

// verdictText says when defib judges a restart.
func verdictText(e watcher.Examination, c status.Container) string {
	if !c.Watched || c.Action != "restart" || e.Seen.Health == heal.HealthNone {
		return ""
	}
	t := e.Seen.Timing
	return "After a restart it has " + lasting(t.Verdict()) + " to turn healthy, and must stay so for " + lasting(t.Confirm()) + "."
}

// afterText names those that are restarted after it.
func afterText(c status.Container) string {
	if len(c.Dependents) == 0 {
		return "Nothing is restarted after it."
	}
	return "After each restart of it: " + strings.Join(c.Dependents, ", ") + "."
}

// sharesText says whose namespaces it shares, and how these are doing.
func sharesText(e watcher.Examination, all []status.Container) string {
	if len(e.Owners) == 0 {
		return ""
	}
	var names []string
	for _, o := range e.Owners {
		names = append(names, o.Name+" ("+stateIn(all, o.Name)+")")
	}
	return "The network or another namespace of " + strings.Join(names, " and ") + ": it loses that with each start of it, and is restarted then."
}

// needsText says what it waits for, and how that is doing.
func needsText(e watcher.Examination, p heal.Policy, all []status.Container) string {
	var names []string
	for _, n := range e.Needs {
		text := n.Name + " (" + stateIn(all, n.Name) + ")"
		if n.Restarts && p.Treatment == heal.TreatRestart {
			text += ", after each restart of which it is restarted"
		}
		names = append(names, text)
	}
	if len(names) == 0 {
		return ""
	}
	return strings.Join(names, "; ") + ". While one of them is unhealthy or being healed it waits, 2m at most."
}

// stateIn says how those of a name, or a project/service, are doing.
func stateIn(all []status.Container, name string) string {
	var states []string
	for _, c := range all {
		if c.Name == name || (c.Service != "" && c.Project+"/"+c.Service == name) {
			states = append(states, stateOf(c))
		}
	}
	if len(states) == 0 {
		return "does not exist"
	}
	slices.Sort(states)
	return strings.Join(slices.Compact(states), " and ") + " now"
}

// incidentText says what was done in the open incident.
func (x *explanation) incidentText(now time.Time) string {
	in, c := x.Incident, x.Container
	switch {
	case in == nil && c.Since == nil && c.Restart == 0:
		return ""
	case in == nil && c.Since == nil:
		return fmt.Sprintf("None is open. %d of %d restarts of its budget are used.", c.Restart, c.Budget)
	case in == nil:
		return fmt.Sprintf("Open since %s, %s; %d of %d restarts of its budget are used.", ago(*c.Since, now), c.Phase, c.Restart, c.Budget)
	}
	return fmt.Sprintf("%s, since %s. %s made; %d of %d restarts of its budget are used. Phase: %s.",
		in.Title, ago(in.Since, now), counted(in.Restarts, "restart", "were"), c.Restart, c.Budget, c.Phase)
}

// sentence makes one of some words that may have their full stop already.
func sentence(text string) string {
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}
