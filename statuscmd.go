package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"defib/status"
)

const statusHelp = `defib status [--all] [--watch] [--json]   what the running defib sees and does

It asks the defib that runs in this container: whether it can do its work, what
is wrong now and what was done about it, who could not be told, what is paused.

  --all    list all containers, not only those in trouble
  --watch  go on until Ctrl-C: drawn anew every 2 s on a terminal; elsewhere
           a line for each change
  --json   one JSON document, for machines

  docker compose exec defib /defib status
  docker compose exec defib /defib status --watch
  docker compose exec -T defib /defib status --json | jq '.incidents[].title'

Exit codes: 0 defib answered, or --watch was ended; 1 no defib answers; 2 the
command line is wrong. "defib healthcheck" tells by its code how defib is doing.
`

// snapshot is what a running defib says of itself at one time, and its JSON.
type snapshot struct {
	Engine     status.Engine      `json:"engine"`
	Incidents  []status.Incident  `json:"incidents"` // those that are open
	Containers []status.Container `json:"containers"`
	Receivers  []status.Receiver  `json:"receivers"`
	Unlisted   string             `json:"unlisted"` // why the containers are not known; empty when they are
}

// showStatus prints what the running defib sees and does.
func showStatus(ctx context.Context, c call) int {
	var all, watch, asJSON bool
	rest, ok := options(c, "status", func(f *flag.FlagSet) {
		f.BoolVar(&all, "all", false, "")
		f.BoolVar(&watch, "watch", false, "")
		f.BoolVar(&asJSON, "json", false, "")
	})
	if !ok {
		return exitUsage
	}
	if len(rest) > 0 {
		refuse(c, "status", errNoArguments)
		return exitUsage
	}
	if watch && asJSON {
		refuse(c, "status", errors.New("--json prints one document: leave out --watch"))
		return exitUsage
	}
	set, _, _ := load(c.environ)
	socket := controlSocket(set)
	if socket == "" {
		return unasked(c, errNoSocket)
	}
	client := status.NewClient(socket)
	defer client.Close()
	s, err := take(ctx, client)
	if err != nil {
		return unasked(c, err)
	}
	switch {
	case watch:
		watchStatus(ctx, c, client, s, all, watchEvery)
	case asJSON:
		if err := printJSON(c.stdout, s); err != nil {
			fmt.Fprintln(c.stderr, "defib:", err)
			return exitFailed
		}
	default:
		s.print(c.stdout, widthFor(c.stdout, c.environ), all, time.Now())
	}
	return exitOK
}

// unasked says that no defib could be asked, and what to do.
func unasked(c call, err error) int {
	width := widthFor(c.stderr, c.environ)
	say(c.stderr, width, "defib: ", err.Error())
	if errors.Is(err, status.ErrNoDefib) || errors.Is(err, errNoSocket) {
		say(c.stderr, width, "       ", "Run this in the container of defib: docker compose exec defib /defib status. "+
			`What needs no running defib is told by "defib check".`)
	}
	return exitFailed
}

// take asks a running defib for all that there is to show. A list of the
// containers that cannot be had is no error: the engine may be away, which is
// what people want to see then.
func take(ctx context.Context, client *status.Client) (snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	s := snapshot{Incidents: []status.Incident{}, Containers: []status.Container{}, Receivers: []status.Receiver{}}
	var err error
	if s.Engine, err = client.Engine(ctx); err != nil {
		return s, err //nolint:wrapcheck // it says what to do
	}
	var incidents []status.Incident
	var receivers []status.Receiver
	var failed [3]error
	var asking sync.WaitGroup
	asking.Go(func() { incidents, failed[0] = client.Incidents(ctx) })
	asking.Go(func() { receivers, failed[1] = client.Receivers(ctx) })
	var containers []status.Container
	asking.Go(func() { containers, failed[2] = client.Containers(ctx) })
	asking.Wait()
	if failed[2] != nil {
		s.Unlisted = failed[2].Error()
	}
	for _, in := range incidents {
		if in.Ended == nil {
			s.Incidents = append(s.Incidents, in)
		}
	}
	s.Receivers, s.Containers = append(s.Receivers, receivers...), append(s.Containers, containers...)
	return s, cmp.Or(failed[0], failed[1])
}

// print prints it for people, the worst first.
func (s *snapshot) print(w io.Writer, width int, all bool, now time.Time) {
	say(w, width, "", s.summary())
	s.printIncidents(w, width, now)
	s.printContainers(w, width, all, now)
	s.printReceivers(w, width, now)
	if len(s.Engine.Pauses) > 0 {
		fmt.Fprintln(w, "\nPauses (watched, and not touched)")
		t := table{heads: []string{"WHAT", "UNTIL"}}
		for _, p := range s.Engine.Pauses {
			t.add(p.What, clockTime(p.Until, now)+", for "+lasting(p.Until.Sub(now)))
		}
		t.print(w, "  ", width)
	}
}

// summary is the first line: how defib is doing, what it watches, and how much
// is wrong.
func (s *snapshot) summary() string {
	e := s.Engine
	text := "defib " + e.Version
	if e.Host != "" {
		text += " on " + e.Host
	}
	if e.Engine != "" {
		text += ", " + e.Engine
	}
	if !e.OK {
		return text + " cannot do its work: " + strings.TrimSuffix(e.Why, ".") + "."
	}
	watched, sick := 0, 0
	for _, c := range s.Containers {
		if c.Watched {
			watched++
		}
		if inTrouble(c) {
			sick++
		}
	}
	text += ": " + e.Why
	if s.Unlisted == "" {
		text += fmt.Sprintf(" %d of %s", watched, counted(len(s.Containers), "container", ""))
	}
	troubles := []string{}
	for _, one := range []struct {
		n         int
		what, are string
	}{{len(s.Incidents), "open incident", ""}, {sick, "container", "in trouble"}, {len(s.deaf()), "receiver", "in trouble"}, {len(e.Pauses), "pause", ""}} {
		if one.n > 0 {
			troubles = append(troubles, counted(one.n, one.what, one.are))
		}
	}
	if s.Unlisted != "" {
		troubles = append(troubles, "the engine does not list its containers")
	}
	return text + "; " + cmp.Or(strings.Join(troubles, ", "), "nothing is wrong") + "."
}
