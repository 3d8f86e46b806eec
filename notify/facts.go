package notify

import (
	"strings"

	"defib/heal"
)

// What programs are told of a notice, in types that several receivers send.
// All texts are clean and cut; they stay hostile to whoever shows them.

// resolves tells whether the alert ends what an earlier one began.
func (a *alert) resolves() bool {
	if a.About != nil {
		return a.About.over
	}
	return !a.Test && a.Notice.Reason.Resolves()
}

// class gives the sort of the alert in one word: the reason, as logs spell it.
func (a *alert) class() string {
	switch {
	case a.Test:
		return "test"
	case a.About != nil:
		return "receiver"
	}
	return a.Notice.Reason.String()
}

// summary gives the title without the status, for those who tell it elsewhere.
func (m message) summary() string {
	for _, status := range []string{statusFiring, statusResolved, statusStarted} {
		if rest, found := strings.CutPrefix(m.title, "["+status+"] "); found {
			return rest
		}
	}
	return m.title
}

// containerFacts is a container.
type containerFacts struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Image   string `json:"image"`
	Project string `json:"project"`
	Service string `json:"service"`
}

func containerOf(c heal.Container) *containerFacts {
	if c.ID == "" && c.Name == "" {
		return nil
	}
	return &containerFacts{
		clean(c.ID, maxName), clean(c.Name, maxName), clean(c.Image, maxName), clean(c.Project, maxName), clean(c.Service, maxName),
	}
}

// healthFacts is the last failing probe.
type healthFacts struct {
	Probed   *string `json:"probed_at"` // the engine's clock
	ExitCode int     `json:"exit_code"` // -1: it timed out or could not be run
	Output   string  `json:"output"`
}

func healthOf(n heal.Notice) *healthFacts {
	p := n.Probe
	if n.Count > 0 || (p.Start.IsZero() && p.ExitCode == 0 && p.Output == "") {
		return nil // it is about many, or nothing is known
	}
	return &healthFacts{instant(p.Start), p.ExitCode, cleanLines(p.Output, maxOutput)}
}

// evidenceFacts is what was known of a container before the last act.
type evidenceFacts struct {
	Uptime    float64  `json:"uptime_seconds"`
	Streak    int      `json:"failing_streak"`
	OOMKilled bool     `json:"oom_killed"`
	Log       []string `json:"log"` // the last lines
	LogError  string   `json:"log_error"`
}

func evidenceOf(e *heal.Evidence) *evidenceFacts {
	if e == nil {
		return nil
	}
	log := lastShown(e.Log)
	if log == nil {
		log = []string{}
	}
	return &evidenceFacts{e.Uptime.Seconds(), e.Streak, e.OOMKilled, log, clean(e.LogError, maxOutput)}
}
