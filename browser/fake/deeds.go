package fake

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What happens to containers, in the words of the product. Each deed has the
// time at which it happened, so that a scene can have a past.

// Restarted tells that a container was unhealthy, with the probe's words, and
// was restarted. It opens an incident unless one is open.
func (w *World) Restarted(name, output string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.container(name)
	if c == nil {
		return
	}
	i := w.open(c, at.Add(-12*time.Second))
	i.Restarts++
	c.Restart++
	c.Phase, c.Health, c.NextAt = "recovering", "starting", nil
	c.Outlook = "Waits for it to turn healthy; restarts it again if it does not."
	w.happens(c, i, Happening{
		At: at, Reason: "restarted", Severity: "warning", Attempt: i.Restarts, Took: 1.2,
		Title: fmt.Sprintf("[FIRING] %s unhealthy on %s, restarted", name, w.engine.Host),
		Text: who(c, w.engine.Host) + " has been unhealthy for 12 s.\nWhy: its health check failed with exit code 7:\n" + quoted(output) +
			fmt.Sprintf("\nDone: defib restarted it (restart %d of %d), which took 1.2 s. Whether that helped is not known yet.", i.Restarts, c.Budget) +
			"\nNext: defib waits for it to turn healthy and tells you the outcome.",
		Evidence: evidence(output, at),
	})
}

// StillUnhealthy tells that the restart did not help; the next one comes then.
func (w *World) StillUnhealthy(name string, at, next time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.container(name)
	if c == nil {
		return
	}
	i := w.open(c, at)
	c.Phase, c.Health, c.NextAt = "backing-off", "unhealthy", &next
	c.Outlook = fmt.Sprintf("Is restarted again (restart %d of %d) if nothing changes.", c.Restart+1, c.Budget)
	w.happens(c, i, Happening{
		At: at, Reason: "still-unhealthy", Severity: "critical", Attempt: i.Restarts, NextAt: &next,
		Title: fmt.Sprintf("[FIRING] %s still unhealthy on %s after a restart", name, w.engine.Host),
		Text: who(c, w.engine.Host) + " is still unhealthy.\nWhy: its health check failed with exit code 7:\n" + quoted(lastWords(i)) +
			fmt.Sprintf("\nDone: defib restarted it (restart %d of %d), but it did not turn healthy.", i.Restarts, c.Budget) +
			"\nNext: if nothing changes, defib restarts it again in " + next.Sub(at).Round(time.Second).String() + ".",
	})
}

// GaveUp tells that the budget is spent.
func (w *World) GaveUp(name string, at, next time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.container(name)
	if c == nil {
		return
	}
	i := w.open(c, at)
	c.Phase, c.Health, c.NextAt, c.Restart = "gave-up", "unhealthy", &next, c.Budget
	i.Restarts = c.Budget
	c.Outlook = "A human is needed. One more restart is tried, silently."
	w.happens(c, i, Happening{
		At: at, Reason: "gave-up", Severity: "critical", Attempt: i.Restarts, NextAt: &next,
		Title: fmt.Sprintf("[FIRING] %s on %s: gave up after %d restarts", name, w.engine.Host, i.Restarts),
		Text: who(c, w.engine.Host) + " is still not healthy.\nWhy: its health check failed with exit code 7:\n" + quoted(lastWords(i)) +
			fmt.Sprintf("\nDone: defib restarted it %d times, without lasting success. It has given up.", i.Restarts) +
			"\nNext: a human is needed. defib tries one more restart, silently. It tells you when the container is healthy again.",
	})
}

// Recovered tells that a container is well again.
func (w *World) Recovered(name string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.container(name)
	if c == nil || c.Incident == "" {
		return
	}
	i := w.open(c, at)
	i.Ended = &at
	w.happens(c, i, Happening{
		At: at, Reason: "recovered", Severity: "info", Attempt: i.Restarts,
		Title: fmt.Sprintf("[RESOLVED] %s healthy again on %s", name, w.engine.Host),
		Text: who(c, w.engine.Host) + " is healthy again and has stayed so. The trouble lasted " + at.Sub(i.Since).Round(time.Second).String() + ".\n" +
			"Before that its health check failed with exit code 7:\n" + quoted(lastWords(i)) +
			fmt.Sprintf("\nDone: defib restarted it %d times. It was healthy 45 s after the last restart.", i.Restarts) +
			"\nNext: there is nothing left to do.",
	})
	c.Phase, c.Health, c.NextAt, c.Since, c.Incident = "steady", "healthy", nil, nil, ""
	c.Outlook = outlook(*c)
}

// Exited tells that a container exited while it was unhealthy, and stays down.
func (w *World) Exited(name string, code int, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.container(name)
	if c == nil {
		return
	}
	i := w.open(c, at.Add(-2*time.Minute))
	i.Ended = &at
	w.happens(c, i, Happening{
		At: at, Reason: "exited", Severity: "critical",
		Title: fmt.Sprintf("[FIRING] %s exited on %s, exit code %d", name, w.engine.Host, code),
		Text: who(c, w.engine.Host) + fmt.Sprintf(" exited by itself with exit code %d while it was unhealthy, 2 min after the trouble began.", code) +
			"\nNext: a human is needed. It is down, and defib does not start what it did not stop.",
	})
	c.State, c.Health, c.Phase, c.NextAt, c.Since, c.Incident = "exited", "", "steady", nil, nil, ""
	c.Outlook = "Nothing: it is down, and defib does not start what it did not stop."
}

// Storm tells of many at once, and that it is over where it has an end.
func (w *World) Storm(count, of int, names []string, at, end time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	title := fmt.Sprintf("%d of %d unhealthy at once on %s", count, of, w.engine.Host)
	w.incidents = append(w.incidents, Incident{
		ID: "storm-" + strconv.FormatInt(at.UnixMilli(), 36), Since: at, At: at, Status: "firing", Reason: "storm", Title: "[FIRING] " + title,
	})
	i := &w.incidents[len(w.incidents)-1]
	w.happens(nil, i, Happening{
		At: at, Reason: "storm", Severity: "critical", Title: i.Title,
		Text: fmt.Sprintf("%d of %d watched containers on %s turned unhealthy within a minute: %s. The host, its disk or its network is the likely cause.",
			count, of, w.engine.Host, strings.Join(names, ", ")) +
			"\nDone: nothing yet. defib restarts one first, and the others only when that helps.\nNext: look at the host. defib tells you when this is over.",
	})
	if end.IsZero() {
		return
	}
	i.Ended = &end
	w.happens(nil, i, Happening{
		At: end, Reason: "storm-over", Severity: "info", Title: "[RESOLVED] " + title + ": over",
		Text: "It is over. All are healthy again, or gone.\nNext: there is nothing left to do.",
	})
}

// open gives the container's open incident, or begins one.
func (w *World) open(c *Container, since time.Time) *Incident {
	for i := range w.incidents {
		if w.incidents[i].ID == c.Incident {
			return &w.incidents[i]
		}
	}
	w.number++
	c.Incident, c.Since = fmt.Sprintf("%s-%d", c.ID[:6], w.number), &since
	w.incidents = append(w.incidents, Incident{
		ID: c.Incident, Container: c.Name, Project: c.Project, Service: c.Service, Image: c.Image, Since: since, Status: "firing",
	})
	return &w.incidents[len(w.incidents)-1]
}

// happens adds what people are told; c may be nil.
func (w *World) happens(c *Container, i *Incident, h Happening) {
	i.At, i.Reason, i.Title = h.At, h.Reason, h.Title
	status, color := "firing", "#d63232"
	switch {
	case strings.HasPrefix(h.Title, "[RESOLVED]"):
		status, color = "resolved", "#2eb67d"
	case h.Severity == "warning":
		color = "#daa038"
	}
	i.Status = status
	i.Happenings = append(i.Happenings, h)
	if w.alerts != nil {
		w.alerts = append(w.alerts, Alert{At: h.At, Receiver: "slack", Status: status, Title: h.Title, Text: h.Text, Color: color})
	}
	if c != nil {
		w.note(topicContainers)
	}
	w.note(topicIncidents)
}

func who(c *Container, host string) string {
	of := ""
	if c.Service != "" {
		of = fmt.Sprintf(" (service %s, project %s)", c.Service, c.Project)
	}
	return "Container " + c.Name + of + " on " + host
}

func quoted(text string) string {
	lines := strings.Split(text, "\n")
	return "| " + strings.Join(lines[:min(len(lines), 12)], "\n| ")
}

// lastWords gives what the probe said last.
func lastWords(i *Incident) string {
	for k := len(i.Happenings) - 1; k >= 0; k-- {
		if e := i.Happenings[k].Evidence; e != nil {
			return e.Probes[len(e.Probes)-1].Output
		}
	}
	return "no words"
}

func evidence(output string, at time.Time) *Evidence {
	e := &Evidence{At: at, Uptime: 266700, Streak: 3, OOMKilled: strings.Contains(output, "memory"), Log: []string{
		"GET /healthz 200", "GET /cart 200", "ERROR pool exhausted: 50 of 50 <in use>",
		"java.lang.OutOfMemoryError: Java heap space", "    at com.example.Shop.<init>(Shop.java:42)",
	}}
	for k := range 3 {
		e.Probes = append(e.Probes, Probe{
			Start: at.Add(time.Duration(k-3) * 10 * time.Second), Took: 0.8 + 1.1*float64(k), ExitCode: 7, Output: output,
		})
	}
	return e
}
