package dockertest

import (
	"encoding/json"
	"maps"
	"strconv"
	"time"
)

// event is one thing that happened.
type event struct {
	kind, action, id string
	attrs            map[string]string
	at               time.Time // on the engine's clock
	lines            [3][]byte // its JSON per dialect, made when first needed
}

// dialect is how an event is spelt for a client.
type dialect int

const (
	legacy  dialect = iota // API below 1.52: with status, id and from
	rounded                // the same from engine 29, whose timeNano went through a float (fact 2.4)
	modern                 // API 1.52 and above
)

func (e *Engine) dialectOf(api string) dialect {
	switch {
	case !lessVersion(api, "1.52"):
		return modern
	case e.major >= 29:
		return rounded
	}
	return legacy
}

// emit records that something happened to c and tells the streams. Labels
// override the attributes of the event, but not name and image (fact 1.4).
// Called with the lock held.
func (e *Engine) emit(c *container, action string, own map[string]string) {
	if e.dropping || e.away {
		return
	}
	attrs := make(map[string]string, len(own)+len(c.spec.Labels)+2)
	maps.Copy(attrs, own)
	maps.Copy(attrs, c.spec.Labels)
	attrs["image"] = c.spec.Image
	attrs["name"] = c.name
	if e.opts.Podman {
		attrs["podId"] = ""
		if attrs["containerExitCode"] == "" {
			attrs["containerExitCode"] = strconv.Itoa(c.exitCode)
		}
	}
	ev := &event{kind: "container", action: action, id: c.id, attrs: attrs, at: e.wall(time.Now())}
	if len(e.ring) == ringSize {
		copy(e.ring, e.ring[1:])
		e.ring[ringSize-1] = ev
	} else {
		e.ring = append(e.ring, ev)
	}
	if e.muted {
		return
	}
	for s := range e.streams {
		if e.matches(s.filter, ev) {
			s.push(ev.line(s.dialect), e.opts.StreamBuffer)
		}
	}
}

// past gives what the ring still has of [since, until]; since is inclusive
// (fact 2.4).
func (e *Engine) past(since, until time.Time, f filters) []*event {
	var found []*event
	for _, ev := range e.ring {
		if ev.at.Before(since) || !until.IsZero() && ev.at.After(until) || !e.matches(f, ev) {
			continue
		}
		found = append(found, ev)
	}
	return found
}

// matches applies a filter as moby's daemon/events/filter.go does.
func (e *Engine) matches(f filters, ev *event) bool {
	if len(f) == 0 {
		return true
	}
	if !f.exact("type", ev.kind) || !f.exact("scope", "local") || !e.matchesAction(f, ev) {
		return false
	}
	for _, key := range []string{"container", "daemon", "plugin", "volume", "network", "node", "service", "secret", "config"} {
		if !f.prefix(key, ev.id) && !f.prefix(key, ev.attrs["name"]) {
			return false
		}
	}
	image := ev.attrs["image"]
	return (f.exact("image", image) || f.exact("image", untagged(image))) && f.pairs("label", ev.attrs, e.opts.Podman)
}

// matchesAction knows the prefix rule: when the list has the literal
// health_status, exec_create or exec_start, all its values become prefixes
// (fact 1.3). Podman compares exactly, and calls die died (fact 9.3).
func (e *Engine) matchesAction(f filters, ev *event) bool {
	if e.opts.Podman {
		action := ev.action
		if action == "die" {
			action = "died"
		}
		return f.exact("event", action)
	}
	for _, literal := range []string{"health_status", "exec_create", "exec_start"} {
		if f["event"][literal] {
			return f.prefix("event", ev.action)
		}
	}
	return f.exact("event", ev.action)
}

// line gives the event as the API sends it, with a newline.
func (ev *event) line(d dialect) []byte {
	if ev.lines[d] == nil {
		ev.lines[d] = append(encode(ev.message(d)), '\n')
	}
	return ev.lines[d]
}

func (ev *event) message(d dialect) wireEvent {
	m := wireEvent{
		Type:   ev.kind,
		Action: ev.action,
		Actor:  wireActor{ID: ev.id, Attributes: ev.attrs},
		Scope:  "local",
		Time:   ev.at.Unix(),
	}
	nano := ev.at.UnixNano()
	m.TimeNano = json.RawMessage(strconv.FormatInt(nano, 10))
	if d == rounded {
		m.TimeNano = encode(float64(nano))
	}
	if d != modern {
		m.Status, m.ID, m.From = ev.action, ev.id, ev.attrs["image"]
	}
	return m
}
