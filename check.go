package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"time"

	"defib/heal"
	"defib/status"
	"defib/watcher"
)

const checkHelp = `defib check [--all] [--json]   what is set, what is allowed, what is watched

It prints the settings with secrets hidden, asks the engine what the endpoint
allows (nothing is restarted for it), names those who would be told (nothing is
sent: "defib test-alert" does that), and lists all containers: watched or not,
why, and what would be done. No running defib is needed; with one it also shows
what that remembers.

  --all    list the settings that have their defaults too
  --json   one JSON document, for machines

  docker compose exec defib /defib check
  docker run --rm -v /var/run/docker.sock:/var/run/docker.sock \
    -e AUTOHEAL_CONTAINER_LABEL=all defib check           before you install it
  defib check --json | jq '.containers[] | select(.watched) | .name'

Exit codes: 0 defib can do its work; 1 something that it needs is not possible:
no engine, a call that is not allowed, or nothing to watch; 2 the command line
or the configuration is wrong.
`

// checkup is everything that "defib check" finds, and its JSON.
type checkup struct {
	OK         bool               `json:"ok"`
	Against    []string           `json:"against"` // what keeps defib from its work
	Version    string             `json:"version"`
	Problems   []string           `json:"problems"` // of the configuration
	Warnings   []string           `json:"warnings"`
	Settings   []setting          `json:"settings"`
	Engine     engineCheck        `json:"engine"`
	Receivers  []string           `json:"receivers"`
	Running    asked              `json:"running"`
	Containers []status.Container `json:"containers"`

	all bool // the settings are
}

// engineCheck is what was found out about the engine and its endpoint.
type engineCheck struct {
	Endpoint      string       `json:"endpoint"`
	WriteEndpoint string       `json:"write_endpoint"` // empty: the same
	Reachable     bool         `json:"reachable"`
	Why           string       `json:"why"` // why it is not, and what to do
	Engine        string       `json:"engine"`
	API           string       `json:"api"`
	Host          string       `json:"host"`
	Listed        bool         `json:"listed"` // its containers are known
	Allowed       []permission `json:"allowed"`
}

// permission is one thing that the endpoint allows or not.
type permission struct {
	What   string `json:"what"`
	OK     bool   `json:"ok"`
	Needed bool   `json:"needed"` // defib cannot do its work without
	Why    string `json:"why"`    // what to do
}

// check tells what is set, what is allowed and what is watched.
func check(ctx context.Context, c call) int {
	var all, asJSON bool
	rest, ok := options(c, "check", func(f *flag.FlagSet) {
		f.BoolVar(&all, "all", false, "")
		f.BoolVar(&asJSON, "json", false, "")
	})
	if ok && len(rest) > 0 {
		refuse(c, "check", errNoArguments)
		ok = false
	}
	if !ok {
		return exitUsage
	}
	u, code := examineAll(ctx, c.environ, all)
	if asJSON {
		if err := printJSON(c.stdout, u); err != nil {
			fmt.Fprintln(c.stderr, "defib:", err)
			return exitFailed
		}
		return code
	}
	if code == exitUsage {
		complain(c.stderr, widthFor(c.stderr, c.environ), u.Problems)
		return code
	}
	u.print(c.stdout, widthFor(c.stdout, c.environ), time.Now())
	return code
}

// examineAll does the checkup.
func examineAll(ctx context.Context, environ []string, all bool) (checkup, int) {
	u := checkup{Version: version, Against: []string{}, Problems: []string{}, Settings: []setting{}, Receivers: []string{}, Containers: []status.Container{}, all: all}
	u.Engine.Allowed = []permission{}
	set, warnings, wrong := load(environ)
	var said heard
	p, err := assemble(set, said.logger())
	u.Warnings = append(append([]string{}, warnings...), said.warnings...)
	if u.Problems = append(u.Problems, append(wrong, listed(err)...)...); len(u.Problems) > 0 {
		return u, exitUsage
	}
	u.Settings = settings(set, environ, all)
	u.Receivers = append(u.Receivers, p.notifier.Receivers()...)
	u.askEngine(ctx, p)
	u.Running = askRunning(ctx, set)
	defer u.Running.close()
	u.Running.refine(u.Containers)
	if u.OK = len(u.Against) == 0; !u.OK {
		return u, exitFailed
	}
	return u, exitOK
}

// askEngine finds out what the engine and its endpoint say.
func (u *checkup) askEngine(ctx context.Context, p *parts) {
	e := &u.Engine
	e.Endpoint, e.WriteEndpoint = endpoints(p.c)
	report, err := p.watcher.Endpoint(ctx)
	if err != nil {
		e.Why = err.Error()
		u.Against = append(u.Against, e.Why)
		return
	}
	e.Reachable, e.Engine, e.API, e.Host = true, report.Engine, report.API, report.Host
	rows, err := p.watcher.Survey(ctx)
	e.Listed = err == nil
	watched := 0
	for _, r := range rows {
		u.Containers = append(u.Containers, surveyed(ctx, p, r, time.Now()))
		if r.Watched {
			watched++
		}
	}
	e.Allowed = permissions(report, p.c, rows)
	for _, a := range e.Allowed {
		if a.Needed && !a.OK {
			u.Against = append(u.Against, a.What+": "+a.Why)
		}
	}
	switch {
	case err != nil && len(u.Against) == 0:
		u.Against = append(u.Against, err.Error())
	case err == nil && watched == 0:
		u.Against = append(u.Against, "no container is watched: "+watchMore(p.c.Watch.Selection))
	}
}

// watchMore says how to have a container watched.
func watchMore(s watcher.Selection) string {
	if s.All {
		return "the engine has none that may be"
	}
	return "label some " + s.Key + "=" + cmp.Or(s.Value, "true") + ", or set AUTOHEAL_CONTAINER_LABEL=all"
}

// surveyed puts a row into the terms of the API. Where the list does not tell of
// health, as Podman's does not, the container is looked at.
func surveyed(ctx context.Context, p *parts, r watcher.Row, now time.Time) status.Container {
	if r.Watched && r.Health == heal.HealthUnknown && r.Status == heal.StatusRunning {
		if seen, err := p.watcher.Examine(ctx, r.Container.ID); err == nil {
			r.Health = seen.Seen.Health
		}
	}
	return shownRow(r, now)
}

// permissions tells which answers of the endpoint matter: what nobody asked
// for need not be allowed.
func permissions(report watcher.EndpointReport, c config, rows []watcher.Row) []permission {
	does := map[heal.Treatment]bool{c.Watch.Action: true}
	for _, r := range rows {
		if r.Watched {
			does[r.Policy.Treatment] = true
		}
	}
	needed := map[string]bool{"ping": true, "list": true, "inspect": true, "restart": does[heal.TreatRestart], "stop": does[heal.TreatStop]}
	idle := map[string]bool{"stop": !does[heal.TreatStop], "logs": c.Watch.LogLines == 0, "info": c.Engine.HostName != ""}
	list := []permission{}
	for _, a := range report.Allowed {
		if idle[a.What] {
			continue
		}
		one := permission{What: a.What, OK: a.OK, Needed: needed[a.What], Why: a.Why}
		if a.What == "restart" && !one.Needed && !one.OK {
			one.Why = "nothing is to be restarted"
		}
		list = append(list, one)
	}
	return list
}

// endpoints gives the engine's address, and the second one for what changes
// something, without secrets.
func endpoints(c config) (read, write string) {
	read = harmless("DOCKER_HOST", c.Engine.Host)
	if c.Engine.Sock != "" {
		read = harmless("DOCKER_SOCK", c.Engine.Sock)
	}
	return read, harmless("AUTOHEAL_DOCKER_HOST_WRITE", c.Engine.WriteHost)
}
