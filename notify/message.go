package notify

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"defib/heal"
)

// The first word of every title.
const (
	statusFiring   = "FIRING"
	statusResolved = "RESOLVED"
	statusStarted  = "STARTED"
	statusTest     = "TEST"
)

// mood is how a message looks at a glance.
type mood uint8

const (
	bad     mood = iota // a human may be needed
	pending             // something was done, and the outcome is open
	good                // all is well again
	neutral             // neither
)

// maxBrief is how much of the text, in runes, a brief message holds.
const maxBrief = 300

// late is the age from which a message says that it is late: "in 10 s" would
// mislead.
const late = 2 * time.Minute

// message is an alert in words, for any kind of receiver. Its texts are clean
// but not escaped for anything.
type message struct {
	title  string // begins with the status in brackets
	text   string // sentences, one a line; lines of the probe begin with "| "
	facts  []fact
	mood   mood
	sender string // "defib on host1"
	at     time.Time
	// alerts are what the message is about, for receivers that are programs;
	// one, where it is not of a group.
	alerts []alert
}

// firing tells whether the message says that something is wrong.
func (m message) firing() bool { return strings.HasPrefix(m.title, "["+statusFiring+"]") }

// brief gives the least that can be said: what to send to a receiver that
// refused the whole of it.
func (m message) brief() message {
	m.text, m.facts = cutRunes(m.text, maxBrief), nil
	return m
}

// fact is a detail that does not read well within a sentence.
type fact struct{ name, value string }

// tale is what differs from reason to reason. Done and next are parts of a
// sentence that a word and a colon begin.
type tale struct {
	status, title string
	mood          mood
	opening       string // a sentence: what is the matter, and since when
	done          string // what defib did, and whether it helped; empty when that is not known
	next          string // what happens now
}

// story holds what the sentences about one notice need.
type story struct {
	heal.Notice
	name string        // of the container
	on   string        // " on host1"; empty when the host is not known
	who  string        // the container with all that tells which one it is
	age  time.Duration // of the incident
}

// tell turns an alert into words; now is when it is sent.
func tell(a alert, now time.Time) message {
	host := clean(a.Host, maxName)
	s := story{Notice: a.Notice, age: max(0, a.Notice.At.Sub(a.Notice.Since))}
	if a.Notice.Since.IsZero() {
		s.age = 0
	}
	if host != "" {
		s.on = " on " + host
	}
	if a.Test {
		m := s.test(now)
		m.alerts = []alert{a}
		return m
	}
	s.name = s.called()
	if s.Count > 0 {
		s.name = inAll(s.Count, s.Of)
	}
	s.who = s.identity()
	t := s.tale()
	if a.Missed {
		s.missed(&t, now.Sub(a.Queued) >= late)
	}
	if s.Reminder {
		s.reminder(&t)
	}
	m := message{
		title: "[" + t.status + "] " + t.title, mood: t.mood, facts: s.facts(), sender: "defib" + s.on, at: s.At,
		alerts: []alert{a},
	}
	lines := []string{t.opening}
	if delay := now.Sub(s.At); !s.At.IsZero() && delay >= late {
		lines = []string{"This message is late: it is about what happened " + inWords(delay) + " ago.", t.opening}
	}
	if s.Reason != heal.Followed && s.Reason != heal.WatchBegan && s.Count == 0 && s.Ended != heal.Flapping { // else its health is not what it is about
		lines = append(lines, s.why()...)
	}
	lines = append(lines, s.evidence()...)
	if t.done != "" {
		lines = append(lines, "Done: "+t.done)
	}
	if detail := clean(s.Detail, maxOutput); detail != "" && s.Reason != heal.OnlyTold {
		lines = append(lines, "Note: "+sentence(detail))
	}
	m.text = strings.Join(append(lines, "Next: "+t.next), "\n")
	return m
}

// test gives the message of test-alert.
func (s *story) test(now time.Time) message {
	return message{
		title: "[" + statusTest + "] Test message from defib" + s.on, mood: neutral, sender: "defib" + s.on, at: now,
		text: "This is a test. Nothing is wrong, and there is nothing to do.\n" +
			"Alerts of defib" + s.on + " arrive here.",
	}
}

// called gives the container's name, or the next best.
func (s *story) called() string {
	if name := clean(s.Container.Name, maxName); name != "" {
		return name
	}
	return clean(s.Container.ShortID(), maxName)
}

// identity gives container, service, project and host.
func (s *story) identity() string {
	var of []string
	if service := clean(s.Container.Service, maxName); service != "" {
		of = append(of, "service "+service)
	}
	if project := clean(s.Container.Project, maxName); project != "" {
		of = append(of, "project "+project)
	}
	who := "Container " + s.name
	if len(of) > 0 {
		who += " (" + strings.Join(of, ", ") + ")"
	}
	return who + s.on
}

// facts gives what identifies container and incident to a machine's owner.
func (s *story) facts() []fact {
	all := []fact{
		{"Container", strings.TrimSpace(s.name + " " + clean(s.Container.ShortID(), maxName))},
		{"Image", clean(s.Container.Image, maxName)},
		{"Restarts", s.restarts()},
		{"Incident", clean(s.Incident, maxName)},
	}
	switch {
	case s.Reason == heal.WatchBegan:
		all = nil
	case s.Count > 0:
		all = []fact{{"Healed first", clean(s.Container.Name, maxName)}, {"Incident", clean(s.Incident, maxName)}}
	}
	var known []fact
	for _, f := range all {
		if f.value != "" {
			known = append(known, f)
		}
	}
	return known
}

// restarts gives "2 of 5", or "7" when the incident outlasts the window that
// the budget is for; nothing for none, since those before a person's are not
// counted.
func (s *story) restarts() string {
	if s.Attempt == 0 {
		return ""
	}
	if s.Budget > 0 && s.Attempt <= s.Budget {
		return fmt.Sprintf("%d of %d", s.Attempt, s.Budget)
	}
	return strconv.Itoa(s.Attempt)
}

// why gives the probe's own words, a line each.
func (s *story) why() []string {
	probe := s.Probe
	output := cleanLines(probe.Output, maxOutput)
	because := "Why: its health check "
	if s.Reason >= heal.Recovered { // the end of the incident: what follows is the past
		because = "Before that its health check "
	}
	switch {
	case probe.Start.IsZero() && probe.ExitCode == 0 && output == "":
		return nil // nothing is known
	case probe.ExitCode < 0:
		because += "timed out or could not be run"
	case probe.ExitCode == 0: // an engine that does not tell the code
		because += "failed"
	default:
		because += "failed with exit code " + strconv.Itoa(probe.ExitCode)
	}
	if output == "" {
		if probe.ExitCode < 0 {
			return []string{because + "."}
		}
		return []string{because + " and printed nothing."}
	}
	return append([]string{because + ":"}, quote(output)...)
}

// quote marks the lines of a foreign text, so that none passes for ours.
func quote(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if len(lines) == maxLines {
			return append(lines, "| "+ellipsis)
		}
		lines = append(lines, "| "+line)
	}
	return lines
}

// sentence ends a foreign text with a full stop.
func sentence(text string) string {
	if strings.HasSuffix(text, ellipsis) || strings.HasSuffix(text, "!") || strings.HasSuffix(text, "?") {
		return text
	}
	return strings.TrimRight(text, ".") + "."
}

// inWords gives a duration as people say it, with at most two units.
func inWords(d time.Duration) string {
	d = max(d, 0)
	if d < 10*time.Second {
		if d < 100*time.Millisecond {
			return "less than 0.1 s"
		}
		return strconv.FormatFloat(float64(d.Round(100*time.Millisecond))/float64(time.Second), 'f', -1, 64) + " s"
	}
	switch {
	case d < time.Minute-500*time.Millisecond:
		return units(d.Round(time.Second), time.Second, "s", 0, "")
	case d < time.Hour-500*time.Millisecond:
		return units(d.Round(time.Second), time.Minute, "min", time.Second, "s")
	case d < 24*time.Hour-30*time.Second:
		return units(d.Round(time.Minute), time.Hour, "h", time.Minute, "min")
	}
	return units(d.Round(time.Hour), 24*time.Hour, "d", time.Hour, "h")
}

// units splits a duration in two units and leaves the smaller out if it is 0.
func units(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	words := strconv.Itoa(int(d/large)) + " " + largeName
	if rest := d % large; small > 0 && rest >= small {
		words += " " + strconv.Itoa(int(rest/small)) + " " + smallName
	}
	return words
}

// times gives "once", "twice", "5 times".
func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return strconv.Itoa(n) + " times"
}
