package watcher

import (
	"strings"
	"time"

	"defib/heal"
)

// sighting is what one list entry or one event says: the same kind of thing,
// so that there is one way in for both.
type sighting struct {
	id        string
	container heal.Container
	labels    map[string]string
	health    heal.Health // of a list entry, for people
	network   string      // of a list entry: the id of the container whose network it shares
	event     heal.Event  // nil for what only concerns selection
	created   bool        // the container is new
	at        time.Time   // of an event, on the engine's clock
	key       string      // of an event, to tell a replayed one
}

// inspection is what a look at one container tells.
type inspection struct {
	heal.Sighting

	probes    []heal.ProbeRun   // what the engine keeps, oldest first
	log       []string          // its last lines, where they were asked for
	logError  string            // why they, or some, are missing
	shares    []string          // ids of the containers whose namespaces it shares
	restarts  string            // its restart policy
	labels    map[string]string // not kept: they may be of any size
	container heal.Container
}

// containerOf names a container for people. What it is made of is hostile
// input and may be of any length.
func containerOf(id, name, image string, labels map[string]string) heal.Container {
	return heal.Container{
		ID:      id,
		Name:    cut(strings.TrimPrefix(name, "/"), 200),
		Image:   cut(image, 300),
		Project: cut(labels[labelProject], 200),
		Service: cut(labels[labelService], 200),
	}
}

// ownName picks a container's own name among those of its links (/web/db).
func ownName(names []string) string {
	for _, n := range names {
		if strings.Count(n, "/") <= 1 {
			return n
		}
	}
	return ""
}

// cut keeps at most n bytes of a text, whole runes only, in memory of its own:
// what is cut off must not stay alive behind it.
func cut(text string, n int) string {
	if len(text) > n {
		text = strings.ToValidUTF8(text[:n], "") + "…"
	}
	return strings.Clone(text)
}

// statusOf reads Docker's and Podman's words for a container's state.
func statusOf(state string) heal.Status {
	switch state {
	case "running":
		return heal.StatusRunning
	case "paused":
		return heal.StatusPaused
	case "restarting":
		return heal.StatusRestarting
	case "":
		return heal.StatusUnknown
	}
	return heal.StatusExited // created, exited, dead, removing; Podman's stopping, stopped, configured
}

func healthOf(status string) heal.Health {
	switch status {
	case "healthy":
		return heal.Healthy
	case "unhealthy":
		return heal.Unhealthy
	case "none":
		return heal.HealthNone
	}
	return heal.HealthStarting // also Podman's empty one, before the first probe
}

// parseTime reads an engine's time; an unreadable one is the zero time, which
// is older than any probe.
func parseTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t
}
