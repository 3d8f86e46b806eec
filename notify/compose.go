package notify

import "time"

// compose picks what to tell a receiver for people out of all that waits for
// it, oldest first: of each incident the newest, since it tells more than those
// before it. What the receiver never heard the beginning of and what is over
// becomes one: that it was.
func compose(waiting []alert, took func(incident string) bool) []alert {
	var picked []alert
	at := map[string]int{}
	for _, a := range waiting {
		incident := a.Notice.Incident
		i, known := at[incident]
		if !known {
			i = len(picked)
			at[incident] = i
			picked = append(picked, a)
		}
		queued := picked[i].Queued
		picked[i] = a
		picked[i].Queued = queued
		picked[i].Missed = a.Notice.Reason.Resolves() && !took(incident)
	}
	return picked
}

// groupFrom is from how many incidents on they share a message: of fewer each
// is worth its whole story.
const groupFrom = 4

// groupWait is how long a receiver for people waits for more that belongs into
// the same message. What was queued before that goes out at once.
const groupWait = 3 * time.Second
