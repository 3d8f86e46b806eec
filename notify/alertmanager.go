package notify

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"defib/heal"
)

// alertmanager hands alerts to an Alertmanager of one's own, which groups and
// routes them, or to whatever takes the body of Alertmanager's webhook:
//
//	alertmanager+https://alertmanager.example.org/api/v2/alerts#severity=critical
//	alertmanager+https://example.org/hook
//
// A path that ends with /api/v2/alerts gets the list that Alertmanager's API
// takes, any other the body of version 4.
//
// An alert is known by its labels alone, so they are the same from the
// beginning of an incident to its end: alertname, host, container, project,
// service and severity, as far as they are known. So the severity does not
// follow the incident: it is critical, or what the option says. What changes
// stands in the annotations.
//
// Any 2xx is success.
type alertmanager struct{ program }

// wants leaves out the message of defib's own start: there is no incident of it.
func (*alertmanager) wants(n heal.Notice) bool { return n.ForPeople() && n.Reason != heal.WatchBegan }

// How long an Alertmanager believes in a firing alert that it does not hear of
// again. Without an end it would take one for resolved after its own
// resolve_timeout of 5 min, since Prometheus repeats what goes on; defib tells
// the end, and reminds every two days at the latest.
const (
	promHolds = 7 * 24 * time.Hour
	// promHoldsLast is for what defib says nothing more of.
	promHoldsLast = 24 * time.Hour
	// promHoldsTest is for a test, which nothing ends.
	promHoldsTest = 5 * time.Minute
)

// promText is how many bytes of the text a description has.
const promText = 8 << 10

func alertmanagerKind() kind {
	return kind{
		name: "alertmanager", schemes: webSchemes(), options: []string{"severity"}, knows: isPromAPI,
		example: "http://alertmanager:9093/api/v2/alerts",
		check: func(to address) error {
			return checkSeverity(to.options, "critical", "error", "warning", "info", "none")
		},
		build: func(t *target, c *client) receiver { return &alertmanager{program{outlet{t, c}}} },
	}
}

// isPromAPI tells whether a URL is the one to which an Alertmanager is sent
// alerts.
func isPromAPI(u *url.URL) bool {
	return strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/api/v2/alerts")
}

func (r *alertmanager) deliver(ctx context.Context, m message) error {
	to, err := r.address()
	if err != nil {
		return err
	}
	severity := cmp.Or(to.options["severity"], "critical")
	var payload any = promHook(m, severity)
	if isPromAPI(to.url) {
		payload = promAPI(m, severity)
	}
	answer, err := r.post(ctx, to.url, nil, payload)
	if err != nil {
		return err
	}
	return answer.verdict(r.place())
}

type promAlert struct {
	Status      string            `json:"status,omitempty"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    string            `json:"startsAt"`
	EndsAt      string            `json:"endsAt"`
	Generator   *string           `json:"generatorURL,omitempty"` // the API takes no empty one
	Fingerprint string            `json:"fingerprint,omitempty"`
}

type promWebhook struct {
	Version           string            `json:"version"`
	GroupKey          string            `json:"groupKey"`
	Truncated         int               `json:"truncatedAlerts"`
	Status            string            `json:"status"`
	Receiver          string            `json:"receiver"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	ExternalURL       string            `json:"externalURL"`
	Alerts            []promAlert       `json:"alerts"`
}

// promAPI gives the list for Alertmanager's own API.
func promAPI(m message, severity string) []promAlert {
	a := &m.alerts[0]
	p := promAlert{Labels: promLabels(a, severity), Annotations: promAnnotations(m)}
	began := cmp.Or(a.Notice.Since, m.at)
	if began.After(m.at) { // a clock was set; the API refuses an end before the beginning
		began = m.at
	}
	p.StartsAt, p.EndsAt = stamp(began), stamp(m.at.Add(promHeld(a)))
	return []promAlert{p}
}

// promHeld is how long after its message an alert ends.
func promHeld(a *alert) time.Duration {
	switch n := a.Notice; {
	case a.resolves():
		return 0
	case a.Test:
		return promHoldsTest
	case n.Reason.Ends(), n.Reason == heal.OutOfMemory:
		return promHoldsLast
	}
	return promHolds
}

// promHook gives the body of the webhook, a group of one alert. There the end
// of what goes on is the zero time.
func promHook(m message, severity string) promWebhook {
	p := promAPI(m, severity)[0]
	none := ""
	p.Status, p.Fingerprint, p.Generator = "resolved", fingerprint(p.Labels), &none
	if !m.alerts[0].resolves() {
		p.Status, p.EndsAt = "firing", stamp(time.Time{})
	}
	var key []string
	for _, name := range slices.Sorted(maps.Keys(p.Labels)) {
		key = append(key, name+"="+strconv.Quote(p.Labels[name]))
	}
	return promWebhook{
		Version: "4", GroupKey: "{}:{" + strings.Join(key, ", ") + "}", Status: p.Status, Receiver: "defib",
		GroupLabels: p.Labels, CommonLabels: p.Labels, CommonAnnotations: p.Annotations, Alerts: []promAlert{p},
	}
}

// promLabels gives the labels that have a value.
func promLabels(a *alert, severity string) map[string]string {
	c := a.Notice.Container
	labels := map[string]string{
		"alertname": promName(a), "host": clean(a.Host, maxName), "severity": severity,
		"container": clean(c.Name, maxName), "project": clean(c.Project, maxName), "service": clean(c.Service, maxName),
	}
	if a.Notice.Count > 0 { // the one that is healed first is not what it is about
		delete(labels, "container")
		delete(labels, "project")
		delete(labels, "service")
	}
	maps.DeleteFunc(labels, func(_, value string) bool { return value == "" })
	return labels
}

// promName gives the alertname: that of the trouble, whatever comes of it.
func promName(a *alert) string {
	switch n := a.Notice; cmp.Or(n.Ended, n.Reason) { //nolint:exhaustive // all others are of an unhealthy container
	case 0:
		if a.Test {
			return "DefibTest"
		}
		return "DefibReceiverUnreachable"
	case heal.Stormed, heal.StormOver:
		return "DefibManyUnhealthy"
	case heal.CrashLooping:
		return "DefibContainerCrashLooping"
	case heal.OutOfMemory:
		return "DefibContainerOutOfMemory"
	case heal.StuckStarting:
		return "DefibContainerStuckStarting"
	case heal.ProbesStopped:
		return "DefibContainersNotProbed"
	case heal.LeftDown:
		return "DefibContainersLeftDown"
	case heal.Flapping:
		return "DefibContainerFlapping"
	}
	return "DefibContainerUnhealthy"
}

// promAnnotations gives what may change from message to message.
func promAnnotations(m message) map[string]string {
	a := &m.alerts[0]
	all := map[string]string{
		"summary": m.summary(), "description": cutBytes(m.text, promText), "reason": a.class(), "incident": clean(a.Notice.Incident, maxName),
	}
	for _, f := range m.facts {
		if f.name == "Image" || f.name == "Restarts" {
			all[strings.ToLower(f.name)] = f.value
		}
	}
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	return all
}

// fingerprint gives what Alertmanager itself computes from labels: FNV-1a of
// names and values in order, each ended by a byte that no UTF-8 has.
func fingerprint(labels map[string]string) string {
	sum := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		_, _ = sum.Write([]byte(name + "\xff" + labels[name] + "\xff"))
	}
	return fmt.Sprintf("%016x", sum.Sum64())
}
