package notify

import (
	"slices"
	"strings"
	"unicode/utf8"

	"defib/heal"
)

// What a message shows of a container's log.
const (
	shownLog     = 5   // lines
	shownLogLine = 160 // runes of each
	// shownLogCost is in runes of all lines as Slack counts them: an escaped
	// bracket is four or five. A log of HTML must not push "Next:" out.
	shownLogCost = 900
)

// evidence gives in short what was known of the container before the act, or
// what is known of it now where none followed.
func (s *story) evidence() []string {
	e := s.Evidence
	if e == nil || s.Count > 0 || s.Reason == heal.Followed {
		return nil
	}
	var lines []string
	if e.Uptime > 0 {
		verb := "had"
		if s.Reason == heal.StillUnhealthy || s.Reason == heal.GaveUp || s.Reason == heal.OnlyTold {
			verb = "has" // it runs on
		}
		lines = append(lines, "It "+verb+" been running for "+inWords(e.Uptime)+".")
	}
	if e.OOMKilled {
		lines = append(lines, "A process in it was killed for lack of memory.")
	}
	log := lastShown(e.Log)
	if len(log) > 0 {
		lines = append(lines, "The last lines of its log:")
	}
	for _, line := range log {
		lines = append(lines, "| "+line)
	}
	if why := clean(e.LogError, maxOutput); why != "" && len(log) == 0 {
		lines = append(lines, "Its log could not be read: "+sentence(why))
	}
	return lines
}

// lastShown gives the last lines of a log that show something, clean and in
// memory of their own.
func lastShown(log []string) []string {
	var lines []string
	cost := 0
	for _, raw := range slices.Backward(log) {
		line := clean(raw, shownLogLine)
		if line == "" {
			continue
		}
		cost += utf8.RuneCountInString(line) + 4*(strings.Count(line, "&")+strings.Count(line, "<")+strings.Count(line, ">"))
		if cost > shownLogCost || len(lines) == shownLog {
			break
		}
		lines = append(lines, line)
	}
	slices.Reverse(lines)
	return lines
}

// brief gives of evidence what a message shows: hundreds of alerts may wait
// while a receiver is down, and nobody else must see a change.
func brief(e *heal.Evidence) *heal.Evidence {
	if e == nil {
		return nil
	}
	return &heal.Evidence{
		At: e.At, Uptime: e.Uptime, Streak: e.Streak, OOMKilled: e.OOMKilled, Log: lastShown(e.Log), LogError: clean(e.LogError, maxOutput),
	}
}
