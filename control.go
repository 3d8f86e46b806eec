package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"text/tabwriter"
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

  docker compose exec defib /defib pause 30m              for a change on the host
  docker compose exec defib /defib pause 2h shop/db       for a backup
  docker compose exec defib /defib resume shop/db

Exit codes: 0 done, 1 no defib answers or it refuses, 2 the command line is wrong.
`

// controlSocket is where a defib with this configuration is steered; empty
// where it has no folder for the socket.
func controlSocket(c config) string {
	if c.Watch.StateDir == "" {
		return ""
	}
	return filepath.Join(c.Watch.StateDir, "control.sock")
}

// control gives an order to the defib that runs in this container.
func control(ctx context.Context, name string, args, environ []string, stdout, stderr io.Writer) int {
	if slices.ContainsFunc(args, func(a string) bool { return a == "--help" || a == "-h" || a == "help" }) {
		fmt.Fprint(stdout, pauseUsage)
		return exitOK
	}
	o, ok := orderOf(name, args, stderr)
	if !ok {
		return exitUsage
	}
	c, _, _ := load(environ)
	socket := controlSocket(c)
	if socket == "" {
		fmt.Fprintln(stderr, "defib: there is no control socket: set AUTOHEAL_STATE_DIR to a folder that defib can write to")
		return exitFailed
	}
	if name == "pauses" {
		name = ""
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := status.Command(ctx, socket, name, o)
	if err != nil {
		fmt.Fprintln(stderr, "defib:", err)
		return exitFailed
	}
	showPauses(stdout, name, r, time.Now())
	if name == "resume" && r.Ended == 0 && len(args) > 0 {
		fmt.Fprintln(stderr, "defib resume: nothing of that name was paused")
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
func showPauses(w io.Writer, order string, r status.Report, now time.Time) {
	if order == "resume" {
		fmt.Fprintf(w, "%d ended.\n", r.Ended)
	}
	if len(r.Pauses) == 0 {
		fmt.Fprintln(w, "Nothing is paused.")
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PAUSED\tUNTIL\tLEFT")
	for _, p := range r.Pauses {
		what := []rune(fmt.Sprintf("%q", p.What()))
		name := string(what[1 : len(what)-1]) // escaped: it may be anything
		if len(name) > 40 {
			name = name[:39] + "~"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", name, p.Until.Local().Format("2006-01-02 15:04"), p.Until.Sub(now).Round(time.Second))
	}
	_ = table.Flush()
}
