package notify

import (
	"strconv"
	"strings"
)

// What is told of containers that depend on each other, and of many at once.

// owner gives the name of the container that this one depends on.
func (s *story) owner() string {
	if name := clean(s.Owner, maxName); name != "" {
		return name
	}
	return "one that it depends on"
}

func (s *story) followed() tale {
	return tale{
		status: statusResolved, title: s.titled(" restarted", ", after "+cutRunes(s.owner(), titleName)), mood: good,
		opening: s.who + " depends on " + s.owner() + ", which had been restarted.",
		done:    "defib restarted it as well. It is well.",
		next:    "there is nothing left to do.",
	}
}

func (s *story) ownerReplaced() tale {
	return tale{
		status: statusFiring, title: s.titled(" has lost its network", ""), mood: bad,
		opening: s.who + " shares the network, or another namespace, of " + s.owner() + ", and that container does not exist any more: it was removed, or recreated under a new id.",
		done:    "nothing. No restart can repair that, and one would leave the container down.",
		next:    "a human is needed. This recreates it: " + s.recreate(),
	}
}

// recreate gives the command that makes a container anew. Names are quoted as a
// shell needs it: whoever reads this copies it.
func (s *story) recreate() string {
	project, service := s.Container.Project, s.Container.Service
	if service == "" {
		return "docker rm -f " + quoted(s.name) + ", and then the docker run that made it."
	}
	command := "docker compose up -d --force-recreate " + quoted(clean(service, maxName))
	if project != "" {
		command = "docker compose -p " + quoted(clean(project, maxName)) + " up -d --force-recreate " + quoted(clean(service, maxName))
	}
	return command
}

// quoted makes a text one word of a shell's command.
func quoted(text string) string {
	plain := func(r rune) bool {
		return r == '-' || r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	if text != "" && strings.TrimFunc(text, plain) == "" && text[0] != '-' {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

func (s *story) stormed() tale {
	first := "a canary"
	if name := clean(s.Container.Name, maxName); name != "" {
		first = name
	}
	return tale{
		status: statusFiring, title: s.titled(" unhealthy at once", ""), mood: bad,
		opening: s.name + " watched containers" + s.on + " turned unhealthy within a minute: " + s.named() +
			". The host, its disk or its network is the likely cause.",
		done: "nothing yet. defib restarts " + first + " first, and the others only when that helps.",
		next: "look at the host. defib tells you when this is over.",
	}
}

func (s *story) stormOver() tale {
	t := tale{
		status: statusResolved, title: s.titled(" were unhealthy at once", ": over"), mood: good,
		opening: "It is over: " + s.name + " watched containers" + s.on + " had turned unhealthy at once, " + inWords(s.age) + " ago. All are healthy again, or gone.",
		done:    "defib restarted one first, and the others when that one was healthy.",
		next:    "there is nothing left to do.",
	}
	if s.Left > 0 {
		t.mood = neutral
		t.opening = s.name + " watched containers" + s.on + " had turned unhealthy at once, " + inWords(s.age) + " ago. " +
			strconv.Itoa(s.Left) + " still are."
		t.next = "defib treats those as always, each by itself, and tells you what comes of it."
	}
	return t
}

// named gives the names of many, and how many more there are.
func (s *story) named() string {
	var names []string
	for _, n := range s.Names {
		names = append(names, clean(n, maxName))
	}
	text := strings.Join(names, ", ")
	if more := s.Count - len(names); more > 0 {
		text += " and " + strconv.Itoa(more) + " more"
	}
	return text
}

// inAll gives "12 of 15", or "1 container" and "12 containers" of no known
// number.
func inAll(count, of int) string {
	switch {
	case of > 0:
		return strconv.Itoa(count) + " of " + strconv.Itoa(of)
	case count == 1:
		return "1 container"
	}
	return strconv.Itoa(count) + " containers"
}
