package notify

import (
	"strings"
	"time"

	"defib/heal"
)

// What is told besides the events themselves: that a container flaps, that
// nothing has changed for long, that all is over before anybody could be told.

// watchBegan is the message that was asked for with AUTOHEAL_ALERT_START.
func (s *story) watchBegan() tale {
	what, next := s.name, "you hear when one of them turns unhealthy."
	if s.Count == 0 {
		what, next = "no container yet", "label the containers that it should watch, or set AUTOHEAL_CONTAINER_LABEL=all."
	}
	return tale{
		status: statusStarted, title: "defib watches " + what + cutHost(s.on), mood: neutral,
		opening: "defib has started and watches " + what + s.on + ".",
		next:    next,
	}
}

func (s *story) flapping() tale {
	if s.Count > 0 {
		return tale{
			status: statusFiring, title: s.titled(" unhealthy at once", ", "+times(s.Times)+" in "+inWords(s.age)), mood: bad,
			opening: "Many containers" + s.on + " turn unhealthy at once again and again: " + times(s.Times) + " in " + inWords(s.age) +
				", the last time " + s.name + ". The host, its disk or its network is the likely cause.",
			done: "defib restarts one first each time, and the others when that one is healthy.",
			next: "look at the host. Until this has not happened for " + inWords(s.Took) + " you hear only what a human must know.",
		}
	}
	return tale{
		status: statusFiring, title: s.titled(" flaps", ": unhealthy "+times(s.Times)+" in "+inWords(s.age)), mood: bad,
		opening: s.who + " keeps turning unhealthy: " + times(s.Times) + " in " + inWords(s.age) + ".",
		done:    "defib treats it each time, and goes on doing so.",
		next: "look for the cause. Until it has been well for " + inWords(s.Took) +
			" you hear only what a human must know, such as that defib gave up.",
	}
}

func (s *story) flappingOver() tale {
	if s.Count > 0 {
		return tale{
			status: statusResolved, title: s.titled(" were unhealthy at once", " again and again: over"), mood: good,
			opening: "For " + inWords(s.Took) + " no storm has come over the containers" + s.on + ". Before that there were " +
				itoa(s.Times) + " in " + inWords(max(0, s.age-s.Took)) + ".",
			done: "defib restarted one first each time, and the others when that one was healthy.",
			next: "there is nothing left to do.",
		}
	}
	return tale{
		status: statusResolved, title: s.titled(" flaps no more", ""), mood: good,
		opening: s.who + " has not turned unhealthy for " + inWords(s.Took) + ". Before that it did so " + times(s.Times) +
			" in " + inWords(max(0, s.age-s.Took)) + ".",
		done: "defib treated it each time.",
		next: "there is nothing left to do.",
	}
}

// reminder changes the words of the newest news to those of a reminder.
func (s *story) reminder(t *tale) {
	t.title = "Reminder: " + t.title
	t.opening = "This is a reminder, because nothing has changed. " + t.opening
	if s.Reason == heal.StillUnhealthy || s.Reason == heal.RestartFailed || s.Reason == heal.GaveUp {
		t.next = "a human is needed. defib tells you when it is over."
	}
}

// missed changes the words of an end to those for whom it is all the news.
// waited tells that the beginning could not be delivered, and was not only
// overtaken by the end.
func (s *story) missed(t *tale, waited bool) {
	from, to := span(s.Since, s.At)
	switch {
	case s.Since.IsZero() || s.Reason == heal.Followed || s.Reason == heal.WatchBegan:
		return
	case s.Reason == heal.Recovered && s.Ended == 0:
		t.title = s.titled(" was unhealthy", " from "+from+" to "+to)
	}
	if waited {
		t.opening += " This is the first that you hear of it, since it could not be delivered before: the trouble lasted from " + from + " to " + to + "."
	}
}

// span gives two times of day in the zone of the user (TZ), with the date of
// the first where they are not of one day.
func span(from, to time.Time) (first, last string) {
	from, to = from.Local(), to.Local()
	first, last = from.Format("15:04"), to.Format("15:04")
	switch {
	case from.YearDay() != to.YearDay() || from.Year() != to.Year():
		first = from.Format("Jan 2 15:04")
		last = to.Format("Jan 2 15:04")
	case first == last:
		first, last = from.Format("15:04:05"), to.Format("15:04:05")
	}
	return first, last
}

// maxGrouped is how many containers a message of many names.
const maxGrouped = 10

// tellMany turns alerts into one message: those that need a human come first,
// and so many are named.
func tellMany(all []alert, now time.Time) message {
	if len(all) == 1 {
		return tell(all[0], now)
	}
	parts := make([]message, len(all))
	for i, a := range all {
		host := a.Host
		a.Host = "" // it stands in the title, once
		parts[i] = tell(a, now)
		parts[i].sender = host
	}
	return grouped(all, byMood(parts))
}

// byMood puts the worst first and leaves the order as it is otherwise.
func byMood(parts []message) []message {
	var sorted []message
	for _, m := range []mood{bad, pending, neutral, good} {
		for _, p := range parts {
			if p.mood == m {
				sorted = append(sorted, p)
			}
		}
	}
	return sorted
}

// grouped gives one message of many.
func grouped(all []alert, parts []message) message {
	on := ""
	if host := clean(parts[0].sender, maxName); host != "" {
		on = " on " + host
	}
	m := message{mood: parts[0].mood, sender: "defib" + on, alerts: all}
	firing := 0
	for _, p := range parts {
		if p.firing() {
			firing++
		}
		if p.at.After(m.at) {
			m.at = p.at
		}
	}
	status, over := statusFiring, len(parts)-firing
	what := itoa(firing) + " open"
	switch {
	case firing == 0:
		status, what = statusResolved, "over"
	case over > 0:
		what += ", " + itoa(over) + " over"
	}
	m.title = "[" + status + "] " + itoa(len(parts)) + " incidents" + cutHost(on) + ": " + what
	for _, p := range parts[:min(len(parts), maxGrouped)] {
		m.text += p.inBrief() + "\n"
	}
	if more := len(parts) - maxGrouped; more > 0 {
		m.text += "and " + itoa(more) + " more: the log of defib names them all.\n"
	}
	next := "defib goes on with each by itself and tells you the outcome."
	if firing == 0 {
		next = "there is nothing left to do."
	}
	m.text += "Next: " + next
	return m
}

func cutHost(on string) string {
	if on == "" {
		return ""
	}
	return " on " + cutRunes(on[len(" on "):], titleHost)
}

// inBrief gives a message in one line: its title, and of the probe's words the
// first.
func (m message) inBrief() string {
	line := m.title
	if !m.firing() {
		return line
	}
	for text := range strings.SplitSeq(m.text, "\n") {
		if len(text) > 2 && text[:2] == "| " {
			return line + ": " + cutRunes(text[2:], maxGroupedProbe)
		}
	}
	return line
}

// maxGroupedProbe is how much of a probe's words a line of many holds, in runes.
const maxGroupedProbe = 100
