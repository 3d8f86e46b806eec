package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"defib/heal"
)

// pagerduty triggers and resolves alerts of a service that has an integration
// "Events API v2", whose key is 32 characters long:
//
//	https://events.pagerduty.com/v2/enqueue#key=INTEGRATIONKEY
//	https://events.eu.pagerduty.com/v2/enqueue?routing_key=INTEGRATIONKEY
//
// One incident has one dedup_key on its host from its beginning to its end: a
// second trigger is added to the first and wakes nobody. A resolve without an
// open alert is dropped silently. What opens or continues an incident, or needs
// a human at its end, is a trigger; heal knows what resolves. The option
// severity replaces critical, which what needs a human has; the others are
// warning and info.
//
// Success is a 202 and nothing else. About 120 events a minute are taken from
// one key, and 512 KB in one event.
type pagerduty struct{ program }

// wants leaves out the message of defib's own start: there is no incident of it.
func (*pagerduty) wants(n heal.Notice) bool { return n.ForPeople() && n.Reason != heal.WatchBegan }

// Limits of an event, in characters. Only the first is PagerDuty's: the others
// keep an event far below its bytes.
const (
	pagerdutySummary = 1024
	pagerdutyText    = 4000
	pagerdutyField   = 500
)

// pagerdutyPace is the time for one event.
const pagerdutyPace = 500 * time.Millisecond

func pagerdutyKind() kind {
	return kind{
		name: "pagerduty", schemes: webSchemes(), options: []string{"key", "severity"},
		example: "https://events.pagerduty.com/v2/enqueue#key=INTEGRATIONKEY",
		knows:   onHost("events.pagerduty.com", "events.eu.pagerduty.com"),
		check: func(to address) error {
			if pagerdutyKey(to) == "" {
				return errors.New("it has no key: add #key= and the integration key of a service (Events API v2)")
			}
			return checkSeverity(to.options, "critical", "error", "warning", "info")
		},
		build: func(t *target, c *client) receiver { return &pagerduty{program{outlet{t, c}}} },
	}
}

func pagerdutyKey(to address) string { return to.value("key", "routing_key") }

// checkSeverity tells what is wrong with the option severity.
func checkSeverity(options map[string]string, known ...string) error {
	if s, set := options["severity"]; set && !slices.Contains(known, s) {
		return fmt.Errorf("the option severity behind its # is none of %s", strings.Join(known, ", "))
	}
	return nil
}

// pace is the time for one event.
func (*pagerduty) pace() time.Duration { return pagerdutyPace }

func (r *pagerduty) deliver(ctx context.Context, m message) error {
	to, err := r.address()
	if err != nil {
		return err
	}
	answer, err := r.post(ctx, pagerdutyURL(to.url), nil, pagerdutyMessage(m, pagerdutyKey(to), to.options["severity"]))
	if err != nil {
		return err
	}
	if err := answer.verdict(r.place()); err != nil {
		return err
	}
	if answer.status != http.StatusAccepted {
		return fmt.Errorf("%w, which is not PagerDuty's way to say yes", answer.failed(r.place()))
	}
	return nil
}

// pagerdutyURL gives where to send to: without the key, which stands in the
// body, and with the path where people left it out.
func pagerdutyURL(u *url.URL) *url.URL {
	if u.Path == "" || u.Path == "/" {
		return at(u, "/v2/enqueue")
	}
	return at(u, u.Path)
}

type pagerdutyEvent struct {
	RoutingKey string            `json:"routing_key"`
	Action     string            `json:"event_action"`
	DedupKey   string            `json:"dedup_key"`
	Client     string            `json:"client,omitempty"`
	Payload    *pagerdutyPayload `json:"payload,omitempty"`
}

type pagerdutyPayload struct {
	Summary   string         `json:"summary"`
	Source    string         `json:"source"`
	Severity  string         `json:"severity"`
	Timestamp string         `json:"timestamp,omitempty"`
	Component string         `json:"component,omitempty"`
	Group     string         `json:"group,omitempty"`
	Class     string         `json:"class,omitempty"`
	Details   map[string]any `json:"custom_details,omitempty"`
}

// pagerdutyMessage gives the event for a message about one alert.
func pagerdutyMessage(m message, key, severity string) pagerdutyEvent {
	a := &m.alerts[0]
	e := pagerdutyEvent{RoutingKey: key, Action: "trigger", DedupKey: a.conversation(), Client: "defib"}
	if a.resolves() {
		return pagerdutyEvent{RoutingKey: key, Action: "resolve", DedupKey: a.conversation()}
	}
	if severity == "" || m.mood != bad {
		severity = severityOf(m.mood)
	}
	c := a.Notice.Container
	e.Payload = &pagerdutyPayload{
		Summary: cutRunes(m.summary(), pagerdutySummary), Source: cmp.Or(clean(a.Host, maxName), "defib"), Severity: severity,
		Component: clean(c.Name, maxName), Group: clean(c.Project, maxName), Class: a.class(),
		Details: map[string]any{"text": cutRunes(m.text, pagerdutyText)},
	}
	if !m.at.IsZero() {
		e.Payload.Timestamp = stamp(m.at)
	}
	for _, f := range m.facts {
		e.Payload.Details[strings.ToLower(strings.ReplaceAll(f.name, " ", "_"))] = cutRunes(f.value, pagerdutyField)
	}
	if m.isBrief() {
		return e
	}
	if h := healthOf(a.Notice); h != nil {
		e.Payload.Details["health"] = h
	}
	if ev := evidenceOf(a.Notice.Evidence); ev != nil {
		e.Payload.Details["evidence"] = ev
	}
	return e
}

// severityOf gives a mood in the words that PagerDuty and others have.
func severityOf(m mood) string {
	switch m {
	case bad:
		return "critical"
	case pending:
		return "warning"
	default:
		return "info"
	}
}
