package watcher

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"defib/heal"
	"defib/internal/spell"
)

// The labels that defib reads on a watched container, whatever label selects.
const (
	labelOptOut      = "autoheal"
	labelAction      = "autoheal.action"
	labelAlert       = "autoheal.alert"
	labelStopTimeout = "autoheal.stop.timeout"
	labelStartExited = "autoheal.start-exited"
	labelRestartWith = "autoheal.restart-with"
	labelSwarmTask   = "com.docker.swarm.task.id"
)

// Labels gives the labels that a container may have, for the README's table
// and for the spelling of unknown ones.
func Labels() []string {
	return []string{labelOptOut, labelAction, labelAlert, labelRestartWith, labelStartExited, labelStopTimeout}
}

// Selection says which containers are watched.
type Selection struct {
	All   bool
	Key   string // the label that selects
	Value string // what it must be; empty: any spelling of true
}

// ParseSelection reads AUTOHEAL_CONTAINER_LABEL: the word all, the name of a
// label that must be true, or key=value.
func ParseSelection(text string) (Selection, error) {
	text = strings.TrimSpace(text)
	key, value, valued := strings.Cut(text, "=")
	switch {
	case strings.EqualFold(text, "all"):
		return Selection{All: true}, nil
	case key == "" || strings.ContainsAny(key, " \t\n,\""):
		return Selection{}, fmt.Errorf("is no label")
	case valued && value == "":
		return Selection{}, fmt.Errorf("has no value after the =")
	}
	return Selection{Key: key, Value: value}, nil
}

// choose tells whether a container with these labels is watched and why, or
// why not.
func (s Selection) choose(labels map[string]string) (watched bool, why string) {
	if opt, set := labels[labelOptOut]; set && (s.All || s.Key != labelOptOut) {
		if on, ok := truth(opt); !ok || !on {
			return false, fmt.Sprintf("label %s=%s", labelOptOut, cut(opt, 40))
		}
	}
	if s.All {
		return true, "all are"
	}
	value, set := labels[s.Key]
	if !set {
		return false, "it has no label " + s.Key
	}
	on, ok := truth(value)
	if s.Value != "" {
		on, ok = value == s.Value, true
	}
	return on && ok, fmt.Sprintf("label %s=%s", s.Key, cut(value, 40))
}

// truth reads the spellings of yes and no that people use; ok is false for
// anything else.
func truth(text string) (on, ok bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "1", "yes", "on", "y", "t":
		return true, true
	case "false", "0", "no", "off", "n", "f":
		return false, true
	}
	return false, false
}

// policyFor gives the policy of a container: the general one as its labels
// change it, and what is wrong with these labels, in words. What is wrong
// changes nothing.
func (s Selection) policyFor(p heal.Policy, labels map[string]string) (heal.Policy, []string) {
	var wrong []string
	if text, set := labels[labelAction]; set {
		t, err := ParseTreatment(text)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("label %s=%s is ignored: it must be restart, stop, notify or none", labelAction, cut(text, 40)))
		} else {
			p.Treatment = t
		}
	}
	if text, set := labels[labelStopTimeout]; set && text != "" {
		d, err := ParseDuration(text)
		if err != nil || d < 0 || d > maxStopTimeout {
			wrong = append(wrong, fmt.Sprintf("label %s=%s is ignored: it must be seconds or a duration of at most 24h, such as 30 or 1m30s", labelStopTimeout, cut(text, 40)))
		} else {
			p.StopTimeout = d
		}
	}
	p.StartExited, wrong = startExited(labels, wrong)
	p.Alert, wrong = alertLevel(labels, wrong)
	if _, task := labels[labelSwarmTask]; task && p.Treatment != heal.TreatNone {
		p.Treatment = heal.TreatNotify
		p.Detail = "It is a Swarm task: the swarm replaces it, and defib does not touch it."
	}
	return p, append(wrong, s.misspelt(labels)...)
}

// alertLevel reads the label autoheal.alert and adds what is wrong with it. The
// spellings of true and false mean all and none.
func alertLevel(labels map[string]string, wrong []string) (heal.Level, []string) {
	text, set := labels[labelAlert]
	if !set {
		return heal.LevelUnset, wrong
	}
	if on, ok := truth(text); ok && on {
		return heal.LevelAll, wrong
	} else if ok {
		return heal.LevelNone, wrong
	}
	level, err := heal.ParseLevel(strings.ToLower(strings.TrimSpace(text)))
	if err != nil {
		wrong = append(wrong, fmt.Sprintf("label %s=%s is ignored: it must be all, failures or none", labelAlert, cut(text, 40)))
	}
	return level, wrong
}

// maxStopTimeout bounds how long a stop may take: longer is a typing error.
const maxStopTimeout = 24 * time.Hour

// isOurs tells whether a label looks as if it were for defib.
func isOurs(name string) bool { return strings.HasPrefix(strings.ToLower(name), labelOptOut) }

// misspelt names the labels that look like defib's and are not.
func (s Selection) misspelt(labels map[string]string) []string {
	var wrong []string
	for name := range labels {
		if !isOurs(name) || slices.Contains(Labels(), name) {
			continue
		}
		if near, ok := spell.Nearest(name, Labels()); ok {
			wrong = append(wrong, fmt.Sprintf("label %s does not exist: %s does", cut(name, 60), near))
		} else if strings.HasPrefix(name, labelOptOut+".") {
			wrong = append(wrong, fmt.Sprintf("label %s does not exist", cut(name, 60)))
		}
	}
	if text, set := labels[labelOptOut]; set && (s.Key != labelOptOut || s.Value == "") {
		if _, ok := truth(text); !ok {
			wrong = append(wrong, fmt.Sprintf("label %s=%s is neither true nor false: the container is left alone", labelOptOut, cut(text, 40)))
		}
	}
	slices.Sort(wrong)
	return wrong
}

// ParseTreatment reads AUTOHEAL_ACTION and the label autoheal.action.
func ParseTreatment(text string) (heal.Treatment, error) {
	for _, t := range []heal.Treatment{heal.TreatRestart, heal.TreatStop, heal.TreatNotify, heal.TreatNone} {
		if strings.EqualFold(strings.TrimSpace(text), t.String()) {
			return t, nil
		}
	}
	return 0, fmt.Errorf("%q is no action", text)
}

// ParseBool reads the spellings of true and false that people use.
func ParseBool(text string) (bool, error) {
	on, ok := truth(text)
	if !ok {
		return false, fmt.Errorf("%q is neither true nor false", text)
	}
	return on, nil
}

// ParseDuration reads a Go duration or, as docker-autoheal did, bare seconds,
// whole or not.
func ParseDuration(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if math.Abs(seconds) > math.MaxInt64/float64(time.Second)/2 || math.IsNaN(seconds) {
			return 0, fmt.Errorf("%q is out of range", text)
		}
		return time.Duration(seconds * float64(time.Second)), nil
	}
	return time.ParseDuration(text) //nolint:wrapcheck // the caller names the variable
}
