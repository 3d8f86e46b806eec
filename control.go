package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"defib/heal"
	"defib/status"
	"defib/watcher"
)

const pauseUsage = `defib pause DURATION [WHAT...]   watch, and touch nothing for so long
defib pauses                     list what is paused
defib resume [WHAT...]           end pauses before their time

WHAT is the name of a container, service:NAME, project:NAME or project/service;
without it everything is meant. DURATION is from 1m to 168h, such as 30m, 2h or
900 (seconds). A pause ends by itself and survives a restart of defib.

  docker compose exec defib /defib pause 30m            for a change on the host
  docker compose exec defib /defib pause 2h shop/db     for a backup
  docker compose exec defib /defib resume shop/db

Exit codes: 0 done, 1 no defib answers or it refuses, 2 the command line is
wrong.
`

// controlSocket is where a defib with this configuration is steered; empty
// where it has no folder for the socket.
func controlSocket(c config) string {
	if c.Watch.StateDir == "" {
		return ""
	}
	return filepath.Join(c.Watch.StateDir, "control.sock")
}

// control makes the command that gives an order to the defib that runs in this
// container.
func control(name string) func(ctx context.Context, c call) int {
	return func(ctx context.Context, c call) int { return give(ctx, name, c) }
}

func give(ctx context.Context, name string, c call) int {
	if slices.Contains(c.args, "help") {
		fmt.Fprint(c.stdout, pauseUsage)
		return exitOK
	}
	o, ok := orderOf(name, c.args, c.stderr)
	if !ok {
		return exitUsage
	}
	set, _, _ := load(c.environ)
	socket := controlSocket(set)
	if socket == "" {
		fmt.Fprintln(c.stderr, "defib: there is no control socket: set AUTOHEAL_STATE_DIR to a folder that defib can write to")
		return exitFailed
	}
	if name == "pauses" {
		name = ""
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := status.Command(ctx, socket, name, o)
	if err != nil {
		fmt.Fprintln(c.stderr, "defib:", err)
		return exitFailed
	}
	showPauses(c.stdout, widthFor(c.stdout, c.environ), name, r, time.Now())
	if name == "resume" && r.Ended == 0 && len(c.args) > 0 {
		fmt.Fprintln(c.stderr, "defib resume: nothing of that name was paused")
		return exitFailed
	}
	return exitOK
}

// orderOf reads the command line of pause, pauses and resume; it says what is
// wrong with it.
func orderOf(name string, args []string, stderr io.Writer) (status.Order, bool) {
	var o status.Order
	switch {
	case name == "pause" && len(args) > 0:
		d, err := watcher.ParseDuration(args[0])
		if err != nil || d < heal.PauseLeast || d > heal.PauseMost {
			fmt.Fprintf(stderr, "defib pause: %q must be a duration from 1m to 168h, such as 30m\n\n%s", args[0], pauseUsage)
			return o, false
		}
		o = status.Order{For: d.String(), What: args[1:]}
	case name == "pause", name == "pauses" && len(args) > 0:
		fmt.Fprint(stderr, pauseUsage)
		return o, false
	default:
		o.What = args
	}
	for _, what := range o.What {
		if _, err := heal.ParsePause(what); err != nil {
			fmt.Fprintf(stderr, "defib %s: %v\n", name, err)
			return o, false
		}
	}
	return o, true
}

// showPauses prints what is paused, and until when.
func showPauses(w io.Writer, width int, order string, r status.Report, now time.Time) {
	if order == "resume" {
		fmt.Fprintf(w, "%d ended.\n", r.Ended)
	}
	if len(r.Pauses) == 0 {
		fmt.Fprintln(w, "Nothing is paused.")
		return
	}
	t := table{heads: []string{"PAUSED", "UNTIL", "LEFT"}}
	for _, p := range r.Pauses {
		t.add(p.What(), p.Until.Local().Format("2006-01-02 15:04"), p.Until.Sub(now).Round(time.Second).String())
	}
	t.print(w, "", width)
}
