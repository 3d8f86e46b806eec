package notify

import (
	"strconv"

	"defib/heal"
)

// The words for troubles that defib tells of without treating them, and for
// containers that it starts after they exited.

// trouble gives the words for the beginning of a trouble.
func (s *story) trouble() tale {
	t := tale{status: statusFiring, mood: bad}
	switch s.Reason {
	case heal.CrashLooping:
		t.title = s.titled(" exits again and again", "")
		t.opening = s.who + " has been exiting again and again" + forSoLong(s.age) + ", and its restart policy starts it each time."
		t.done = "nothing, because a restart by hand would undo the growing pauses that Docker makes between its own."
		t.next = "a human is needed. Its own log says why it exits (docker logs " + s.name +
			"). defib tells you when it has run for 10 min."
	case heal.OutOfMemory:
		t.title = s.titled(" lacks memory", "")
		t.opening = s.who + " lacked memory: the kernel killed a process in it."
		t.done = "nothing, because a restart gives it no more memory."
		if s.ExitCode != 0 {
			t.title = s.titled(" killed", " for lack of memory")
			t.opening = s.who + " lacked memory: the kernel killed it, exit code " + strconv.Itoa(s.ExitCode) + "."
		}
		t.next = "give it more memory (mem_limit, docker update --memory), or find out why it needs so much."
	default:
		t.title = s.titled(" is still starting", " after "+inWords(s.age))
		t.opening = s.who + " has been starting for " + inWords(s.age) + ", longer than its health check allows."
		t.done = "nothing, because its health check has said neither healthy nor unhealthy."
		t.next = "look whether its health check runs at all (docker inspect " + s.name + "). defib tells you when it is healthy."
	}
	return t
}

// troubleOver gives the words for the end of a trouble that was told.
func (s *story) troubleOver() tale {
	if s.Ended == heal.ProbesStopped || s.Ended == heal.LeftDown {
		return s.aftermathOver()
	}
	if s.Ended == heal.Flapping {
		return s.flappingOver()
	}
	t := tale{status: statusResolved, mood: good, next: "there is nothing left to do."}
	switch s.Reason {
	case heal.Recovered:
		t.title = s.titled(" runs again", "")
		t.opening = s.who + " has run for 10 min without exiting."
		if s.Ended == heal.StuckStarting {
			t.title = s.titled(" healthy", " at last")
			t.opening = s.who + " is healthy now. Its start took " + inWords(s.age) + "."
		}
		t.done = "nothing. It recovered without defib."
		if s.ByPerson {
			t.done = "somebody started it anew, not defib."
		}
	case heal.StoppedByOther:
		t.mood = neutral
		t.title = s.titled(" stopped", ", not by defib")
		t.opening = s.who + " was in trouble and has been stopped by someone."
		t.next = "it stays down until a person starts it. defib does not start what it did not stop."
	case heal.Removed:
		t.mood = neutral
		t.title = s.titled(" removed", ", not by defib")
		t.opening = s.who + " was in trouble and has been removed or replaced."
	default:
		t.status, t.mood = statusFiring, bad
		t.title = s.titled(" down", ", exit code "+strconv.Itoa(s.ExitCode))
		t.opening = s.who + " is down with exit code " + exitCode(s.ExitCode) + ", and its restart policy does not start it any more."
		t.next = "a human is needed, unless somebody wanted it so."
	}
	return t
}

// exited gives the words for a container that is started when it has exited.
func (s *story) exited() tale {
	code := " with exit code " + exitCode(s.ExitCode)
	t := tale{status: statusFiring, mood: bad, opening: s.who + " exited by itself" + code + "."}
	switch s.Reason {
	case heal.Restarted:
		t.mood = pending
		t.title = s.titled(" exited", ", started")
		t.done = "defib started it (start " + s.restarts() + "). Whether it stays up is not known yet."
		t.next = "defib waits for that and tells you the outcome."
	case heal.RestartFailed:
		t.title = s.titled(" down", ", start failed")
		t.done = "defib tried to start it, but the start failed."
		if words := clean(s.Err, maxOutput); words != "" {
			t.done = "defib tried to start it, but the start failed: " + sentence(words)
		}
		t.next = s.unless("defib tries again", "defib plans nothing more. A human is needed.")
	case heal.GaveUp:
		t.title = s.titled("", ": gave up after "+strconv.Itoa(s.Attempt)+" starts")
		t.opening = s.who + " exits again and again, the last time" + code + "."
		t.done = "defib started it " + times(s.Attempt) + ", without lasting success. It has given up."
		t.next = "a human is needed. "
		if s.Next.IsZero() {
			t.next += "defib does nothing more until a person starts it."
		} else {
			t.next += "defib tries one more start in " + inWords(s.Next.Sub(s.At)) + ", silently. It tells you when the container runs again."
		}
	case heal.ExitedByItself:
		t.title = s.titled(" exited", ", exit code "+strconv.Itoa(s.ExitCode))
		t.opening = s.who + " exited" + code + "."
		t.next = "a human is needed if it should run."
	case heal.Recovered:
		t.status, t.mood = statusResolved, good
		t.title = s.titled(" runs again", "")
		t.opening = s.who + " had exited" + code + ", and runs again."
		t.done = "defib started it " + times(s.Attempt) + "."
		t.next = "there is nothing left to do."
	default:
		return s.usual()
	}
	return t
}
