package main

import (
	"fmt"
	"io"
	"reflect"
)

const usage = `defib watches a Docker engine and restarts what is unhealthy.

Usage: defib [command]

  run           watch and heal; the default
  healthcheck   ask the running defib whether it can do its work
  pause         watch and touch nothing for a while: defib pause 30m [WHAT...]
  pauses        list what is paused
  resume        end a pause before its time: defib resume [WHAT...]
  test-alert    send a test message to every receiver
  demo          show it at work on a simulated engine: defib demo [--listen ADDR]
  version       print the version
  help          print this

Settings are environment variables:
`

// help prints the commands and every variable.
func help(w io.Writer) {
	fmt.Fprint(w, usage)
	for _, f := range fieldsOf(reflect.ValueOf(&config{}).Elem()) {
		fmt.Fprintf(w, "\n  %s", f.name)
		if f.preset != "" {
			fmt.Fprintf(w, " (default %s)", f.preset)
		}
		if f.secret {
			fmt.Fprintf(w, ", or %s_FILE", f.name)
		}
		fmt.Fprintf(w, "\n      %s\n      Example: %s=%s\n", f.help, f.name, f.example)
	}
	fmt.Fprint(w, "\nLabels of a container:\n\n")
	for _, l := range labels() {
		fmt.Fprintf(w, "  %-22s  %s\n", l.name, l.help)
	}
}

// label is one label that a container may have.
type label struct{ name, help string }

// labels describes them, in the order of watcher.Labels.
func labels() []label {
	return []label{
		{"autoheal", "true: watch this container. false, no, off or 0 in any spelling: never touch it, whatever selects it."},
		{"autoheal.action", "What is done about this container: restart, stop, notify or none."},
		{"autoheal.alert", "What people are told of this container: all, failures or none."},
		{"autoheal.restart-with", "Names of containers, separated by commas: this one is restarted after each restart of one of them."},
		{"autoheal.start-exited", "true: start this container when it has exited by itself and no restart policy starts it; never after somebody stopped it."},
		{"autoheal.stop.timeout", "How long this container may take to stop, in seconds or as a duration."},
	}
}
