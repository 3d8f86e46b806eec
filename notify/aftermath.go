package notify

import (
	"strings"

	"defib/heal"
)

// What an engine's own end and return left behind: told, and not treated.

func (s *story) aftermath() tale {
	t := tale{status: statusFiring, mood: bad}
	if s.Reason == heal.LeftDown {
		t.title = s.titled(" left down by the engine", "")
		t.opening = "The engine" + s.on + " came back after a crash, stopped " + s.name + ", and did not start " + s.them() + " again: " + s.named() + "."
		t.done = "nothing, because defib does not start what it did not stop."
		t.next = "start " + s.them() + ": " + s.command("docker start") + ". After a crash an engine starts only what has the restart policy always (or on-failure)."
		return t
	}
	t.title = s.titled(" not probed any more", "")
	t.opening = "The engine" + s.on + " has stopped running the health check of " + s.name + ": " + s.named() +
		". The health that it shows is an old one, and nobody would notice that it has changed."
	t.done = "nothing, because " + s.many("it", "they") + " may be well."
	t.next = "restart " + s.them() + " when it suits you: " + s.command("docker restart") +
		". Engines before Docker 23 forget health checks when they are restarted beside running containers (live-restore)."
	return t
}

func (s *story) aftermathOver() tale {
	t := tale{status: statusResolved, mood: good, done: "nothing.", next: "there is nothing left to do."}
	if s.Ended == heal.LeftDown {
		t.title = s.titled(" left down by the engine", ": over")
		t.opening = "The engine" + s.on + " had left " + s.name + " down after its crash: " + s.named() + ". " + s.many("It runs again, or is gone.", "All run again, or are gone.")
		return t
	}
	t.title = s.titled(" not probed", ": over")
	t.opening = "The engine" + s.on + " had stopped running the health check of " + s.name + ": " + s.named() + ". " +
		s.many("It is probed again, or gone.", "All are probed again, or gone.")
	return t
}

func (s *story) them() string { return s.many("it", "them") }

// many gives one of two words by how many it is about.
func (s *story) many(one, more string) string {
	if s.Count == 1 {
		return one
	}
	return more
}

// command gives a command line for those that are named.
func (s *story) command(verb string) string {
	for _, name := range s.Names {
		verb += " " + quoted(clean(name, maxName))
	}
	if s.Count > len(s.Names) {
		verb += " …"
	}
	return strings.TrimSpace(verb)
}
