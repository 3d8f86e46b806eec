package main

import (
	"fmt"
	"io"
	"reflect"
)

// help prints the commands and every variable.
func help(w io.Writer, width int) {
	fmt.Fprint(w, "defib watches a Docker engine and restarts what is unhealthy.\n\nUsage: defib [command]\n\n")
	for _, s := range subcommands() {
		say(w, width, fmt.Sprintf("  %-12s  ", s.name), s.brief)
	}
	fmt.Fprint(w, "\nEach tells more and gives examples: defib COMMAND --help\n\nSettings are environment variables:\n")
	for _, f := range fieldsOf(reflect.ValueOf(&config{}).Elem()) {
		fmt.Fprintf(w, "\n  %s", f.name)
		if f.preset != "" {
			fmt.Fprintf(w, " (default %s)", f.preset)
		}
		if f.secret {
			fmt.Fprintf(w, ", or %s_FILE", f.name)
		}
		fmt.Fprintln(w)
		say(w, width, "      ", f.help)
		say(w, width, "      ", "Example: "+f.name+"="+f.example)
	}
	fmt.Fprint(w, "\nLabels of a container:\n\n")
	for _, l := range labels() {
		say(w, width, fmt.Sprintf("  %-22s  ", l.name), l.help)
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

// The helps of the commands that need not much of one. The others have theirs
// beside them.
const (
	runHelp = `defib run   watch one engine and heal; the default without a command

It takes no options: settings are environment variables, which "defib help"
lists and "defib check" shows as they are. It runs until SIGTERM or SIGINT; an
engine that is away is waited for. "defib autoheal" is the same.

  docker run -d --restart always -v /var/run/docker.sock:/var/run/docker.sock \
    -e AUTOHEAL_CONTAINER_LABEL=all defib
  AUTOHEAL_ACTION=notify defib run                       tell, and touch nothing

Exit codes: 0 it was told to end, 2 the configuration is wrong.
`
	healthcheckHelp = `defib healthcheck   ask the running defib whether it can do its work

It prints one line: "watching", "starting", or what is wrong. The image's
HEALTHCHECK runs it. Whether people would be told is not part of it: see
"defib test-alert".

  docker compose exec defib /defib healthcheck

Exit codes: 0 it can, or is just starting; 1 it cannot, or no defib answers.
`
	testAlertHelp = `defib test-alert   send a test message to every receiver

It says of each whether it took the message. A script is not run, only looked
for. Nothing is asked of the engine, and no running defib is needed.

  docker compose exec defib /defib test-alert
  docker run --rm -e SLACK_WEBHOOK_URL=https://hooks.slack.com/... defib \
    test-alert

Exit codes: 0 all took it, 1 one did not or there is none, 2 the configuration
is wrong.
`
	versionHelp = `defib version   print the version, and what it was made from

The commit and its date, which is not that of the build; the version of Go, and
what it was built for.

  docker run --rm defib version

Exit code: 0.
`
	helpHelp = `defib help [COMMAND]   print all commands and settings, or the help of one

  docker run --rm defib help
  docker run --rm defib help explain

Exit codes: 0 printed, 2 there is no such command.
`
)
