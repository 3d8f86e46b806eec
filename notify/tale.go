package notify

import (
	"strconv"
	"time"

	"defib/heal"
)

// The texts of this file are read by people who were woken. They say first
// what is the matter, never call a restart a cure, and end with whether
// somebody has to get up.

// How much of a name and of a host's name a title holds, in runes: the rest of
// the title must stay readable on a phone.
const (
	titleName = 60
	titleHost = 40
)

// tale gives the words for the notice.
func (s *story) tale() tale {
	switch {
	case s.Ended != 0:
		return s.troubleOver()
	case s.Exited:
		return s.exited()
	}
	return s.usual()
}

// usual gives the words for the reason of the notice.
func (s *story) usual() tale {
	switch s.Reason {
	case heal.Restarted:
		return s.restarted()
	case heal.RestartFailed:
		return s.restartFailed()
	case heal.StillUnhealthy:
		return s.stillUnhealthy()
	case heal.GaveUp:
		return s.gaveUp()
	case heal.OnlyTold:
		return s.onlyTold()
	case heal.Quarantined:
		return s.quarantined()
	case heal.CrashLooping, heal.OutOfMemory, heal.StuckStarting:
		return s.trouble()
	case heal.Followed:
		return s.followed()
	case heal.OwnerReplaced:
		return s.ownerReplaced()
	case heal.Stormed:
		return s.stormed()
	case heal.StormOver:
		return s.stormOver()
	case heal.ProbesStopped, heal.LeftDown:
		return s.aftermath()
	case heal.Flapping:
		return s.flapping()
	case heal.Recovered:
		return s.recovered()
	case heal.StoppedByOther, heal.ExitedByItself, heal.Removed:
		return s.down()
	case heal.WatchBegan:
		return s.watchBegan()
	}
	return tale{
		status: statusFiring, title: s.titled(" needs attention", ""), mood: bad,
		opening: s.who + " needs attention.", done: "nothing.", next: "look at the log of defib.",
	}
}

// titled gives name, words, host and more words, such as "web" " unhealthy"
// " on host1" ", restarted".
func (s *story) titled(before, after string) string {
	return cutRunes(s.name, titleName) + before + cutHost(s.on) + after
}

// unhealthyFor gives the opening sentence while the container is unhealthy.
func (s *story) unhealthyFor() string {
	if s.age < time.Second {
		return s.who + " has just turned unhealthy."
	}
	return s.who + " has been unhealthy for " + inWords(s.age) + "."
}

// began gives how long the trouble has lasted, after a comma.
func (s *story) began() string {
	if s.age < time.Second {
		return ""
	}
	return ", " + inWords(s.age) + " after the trouble began"
}

// unless gives when defib acts next, and other words when nothing is planned.
func (s *story) unless(planned, otherwise string) string {
	if s.Next.IsZero() {
		return otherwise
	}
	wait := s.Next.Sub(s.At)
	if wait < time.Second {
		return planned + " at once."
	}
	return "if nothing changes, " + planned + " in " + inWords(wait) + "."
}

func (s *story) restarted() tale {
	done := "defib restarted it (restart " + s.restarts() + ")"
	if s.Took > 0 {
		done += ", which took " + inWords(s.Took)
	}
	return tale{
		status: statusFiring, title: s.titled(" unhealthy", ", restarted"), mood: pending,
		opening: s.unhealthyFor(),
		done:    done + ". Whether that helped is not known yet.",
		next:    "defib waits for it to turn healthy and tells you the outcome.",
	}
}

func (s *story) restartFailed() tale {
	verb := s.Verb.String()
	done, state := "defib tried to "+verb+" it, but the "+verb+" failed", " unhealthy"
	if words := clean(s.Err, maxOutput); words != "" {
		done += ": " + sentence(words)
	} else {
		done += "."
	}
	if s.Status == heal.StatusExited {
		done, state = done+" The container is down now.", " down"
	}
	return tale{
		status: statusFiring, title: s.titled(state, ", "+verb+" failed"), mood: bad,
		opening: s.unhealthyFor(),
		done:    done,
		next:    s.unless("defib tries again", "defib plans nothing more. A human is needed."),
	}
}

func (s *story) stillUnhealthy() tale {
	return tale{
		status: statusFiring, title: s.titled(" still unhealthy", " after a restart"), mood: bad,
		opening: s.who + " is still unhealthy" + s.began() + ".",
		done:    "defib restarted it (restart " + s.restarts() + "), but it did not turn healthy.",
		next:    s.unless("defib restarts it again", "defib goes on watching it and tells you the outcome."),
	}
}

func (s *story) gaveUp() tale {
	done, title := "defib has given up on it.", ": gave up"
	if s.Attempt > 0 {
		done = "defib restarted it " + times(s.Attempt) + ", without lasting success. It has given up."
		title = ": gave up after " + restartCount(s.Attempt)
	}
	next := "a human is needed. "
	if s.Next.IsZero() {
		next += "defib does nothing more until the container turns healthy or a person restarts it."
	} else {
		next += "defib tries one more restart in " + inWords(s.Next.Sub(s.At)) +
			", silently. It tells you when the container is healthy again."
	}
	return tale{
		status: statusFiring, title: s.titled("", title), mood: bad,
		opening: s.who + " is still not healthy" + s.began() + ".",
		done:    done, next: next,
	}
}

func (s *story) onlyTold() tale {
	done := "nothing, because defib may only tell about this container."
	if detail := clean(s.Detail, maxOutput); detail != "" {
		done = "nothing. " + sentence(detail)
	}
	return tale{
		status: statusFiring, title: s.titled(" unhealthy", ", not restarted"), mood: bad,
		opening: s.unhealthyFor(), done: done,
		next: "defib tells you when it is healthy again. A human is needed if it stays so.",
	}
}

func (s *story) quarantined() tale {
	return tale{
		status: statusFiring, title: s.titled(" unhealthy", ", stopped"), mood: bad,
		opening: s.who + " was unhealthy" + forSoLong(s.age) + " and is stopped now.",
		done:    "defib stopped it, as its settings ask for (action stop).",
		next:    "it stays down until a person starts it.",
	}
}

func (s *story) recovered() tale {
	opening := s.who + " is healthy again and has stayed so."
	if s.age >= time.Second {
		opening += " The trouble lasted " + inWords(s.age) + "."
	}
	done := "nothing. It recovered without a restart by defib."
	switch {
	case s.Attempt > 0:
		done = "defib restarted it " + times(s.Attempt) + "."
		if s.Took > 0 {
			done += " It was healthy " + inWords(s.Took) + " after the last restart."
		}
	case s.ByPerson:
		done = "somebody started it anew, not defib."
	}
	return tale{
		status: statusResolved, title: s.titled(" healthy again", ""), mood: good,
		opening: opening, done: done, next: "there is nothing left to do.",
	}
}

// down gives the words for the ends that are neither cure nor failure of ours.
func (s *story) down() tale {
	t := tale{status: statusResolved, mood: neutral}
	if s.Attempt > 0 {
		t.done = "defib restarted it " + times(s.Attempt) + " before that."
	}
	switch s.Reason {
	case heal.StoppedByOther:
		t.title = s.titled(" stopped", ", not by defib")
		t.opening = s.who + " was stopped by someone while it was unhealthy" + s.began() + "."
		t.next = "it stays down until a person starts it. defib does not start what it did not stop."
	case heal.Removed:
		t.title = s.titled(" removed", ", not by defib")
		t.opening = s.who + " was removed or replaced while it was unhealthy" + s.began() + "."
		t.next = "there is nothing left to do."
	default:
		t.status, t.mood = statusFiring, bad
		t.title = s.titled(" exited", ", exit code "+strconv.Itoa(s.ExitCode))
		t.opening = s.who + " exited by itself with exit code " + exitCode(s.ExitCode) +
			" while it was unhealthy" + s.began() + "."
		t.next = "a human is needed. It is down, and defib does not start what it did not stop."
	}
	return t
}

// forSoLong gives " for 12 s", or nothing for a moment.
func forSoLong(d time.Duration) string {
	if d < time.Second {
		return ""
	}
	return " for " + inWords(d)
}

func restartCount(n int) string {
	if n == 1 {
		return "1 restart"
	}
	return strconv.Itoa(n) + " restarts"
}

// exitCode gives the code with the meaning of the common ones: above 128 a
// signal ended the process, by the convention of shells and Docker.
func exitCode(code int) string {
	switch code {
	case 137:
		return "137 (killed, often for lack of memory)"
	case 139:
		return "139 (crashed: it accessed memory that is not its own)"
	case 143:
		return "143 (asked to end)"
	}
	return strconv.Itoa(code)
}
