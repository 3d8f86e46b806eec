package notify

import "defib/heal"

// shownLog is how many lines of a container's log a message shows.
const shownLog = 5

// evidence gives what was known of the container before the act, in short.
func (s *story) evidence() []string {
	e := s.Evidence
	if e == nil || s.Count > 0 || s.Reason == heal.Followed {
		return nil
	}
	var lines []string
	if e.Uptime > 0 {
		lines = append(lines, "It had been running for "+inWords(e.Uptime)+".")
	}
	if e.OOMKilled {
		lines = append(lines, "A process in it was killed for lack of memory.")
	}
	if n := len(e.Log); n > 0 {
		lines = append(lines, "The last lines of its log:")
		for _, line := range e.Log[max(0, n-shownLog):] {
			lines = append(lines, "| "+clean(line, 200))
		}
	}
	return lines
}
