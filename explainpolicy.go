package main

import (
	"fmt"
	"reflect"

	"defib/heal"
	"defib/watcher"
)

// source tells where the value of a variable comes from.
type source func(variable string) string

// sources gives the source of a variable's value: its own name where it is set.
func sources(environ []string) source {
	vars := cleaned(environ, fieldsOf(reflect.ValueOf(&config{}).Elem()))
	return func(variable string) string {
		if _, set := vars[variable]; set {
			return variable
		}
		return variable + ", by default"
	}
}

// labelled gives the label that a policy is made of, where it is one that can be
// read.
func labelled(e watcher.Examination, label string, readable func(text string) bool) (string, bool) {
	text, set := e.Labels[label]
	if !set || !readable(text) {
		return "", false
	}
	return "label " + label + "=" + text, true
}

// actionText says what is done about it, and who says so.
func actionText(e watcher.Examination, p heal.Policy, from source) string {
	origin, ok := labelled(e, "autoheal.action", func(text string) bool { _, err := watcher.ParseTreatment(text); return err == nil })
	if !ok {
		origin = from("AUTOHEAL_ACTION")
	}
	if p.Detail != "" {
		return p.Detail
	}
	text := map[heal.Treatment]string{
		heal.TreatRestart: "It is restarted", heal.TreatStop: "It is stopped and left so", heal.TreatNotify: "People are told, and nothing is done",
		heal.TreatNone: "Nothing is done",
	}[p.Treatment] + " (" + origin + ")"
	if p.Treatment != heal.TreatRestart && p.Treatment != heal.TreatStop {
		return text + "."
	}
	if p.UnhealthyFor > 0 {
		text += ", once it has been unhealthy for " + lasting(p.UnhealthyFor) + " (" + from("AUTOHEAL_UNHEALTHY_FOR") + ")"
	}
	return text + ". " + stopText(e, p, from) + startText(p)
}

// stopText says how long it may take to stop.
func stopText(e watcher.Examination, p heal.Policy, from source) string {
	origin, ok := labelled(e, "autoheal.stop.timeout", func(text string) bool { d, err := watcher.ParseDuration(text); return err == nil && d == p.StopTimeout })
	switch {
	case p.StopTimeout < 0:
		return "It may take " + lasting(e.Seen.StopTimeout) + " to stop (its own stop timeout)."
	case !ok:
		origin = from("AUTOHEAL_DEFAULT_STOP_TIMEOUT")
	}
	return "It may take " + lasting(p.StopTimeout) + " to stop (" + origin + ")."
}

func startText(p heal.Policy) string {
	if !p.StartExited {
		return ""
	}
	return " If it exits by itself it is started (label autoheal.start-exited)."
}

// limitsText says how often it is restarted at most.
func limitsText(p heal.Policy, from source) string {
	if p.Treatment != heal.TreatRestart {
		return ""
	}
	text := fmt.Sprintf("The first restart comes at once, the next after %s (%s), doubling to %s. After %s in %s (%s) defib gives up and calls a human",
		lasting(p.Backoff), from("AUTOHEAL_BACKOFF"), lasting(p.BackoffMax), counted(p.MaxRestarts, "restart", ""), lasting(p.Window), from("AUTOHEAL_MAX_RESTARTS"))
	if p.RetryAfter == 0 {
		return text + ", and tries no more (" + from("AUTOHEAL_RETRY_AFTER") + ")."
	}
	return text + ", and tries a single one " + lasting(p.RetryAfter) + " later, doubling to " + lasting(max(p.RetryAfter, p.RetryAfterMax)) + "."
}
