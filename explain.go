package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"defib/heal"
	"defib/status"
	"defib/watcher"
)

const explainHelp = `defib explain CONTAINER [--json]   would it be healed, and why, or why not

CONTAINER is the name of a container or of a Compose service, project/service,
or the beginning of an id. It looks at the container and asks the running defib,
where there is one, for what that remembers; nothing is changed.

  --json   one JSON document, for machines

  docker compose exec defib /defib explain web
  docker compose exec defib /defib explain shop/db
  defib explain 4f1d --json | jq .next_at

Exit codes: 0 it would be healed, or is being healed; 1 it could not be found
out; 2 the command line or the configuration is wrong, or several containers
are meant; 3 it would not be healed.
`

// explanation is everything that "defib explain" finds, and its JSON.
type explanation struct {
	Would     bool             `json:"would"` // it would be healed, or is being healed
	Next      string           `json:"next"`  // what happens next, or would happen
	NextAt    *time.Time       `json:"next_at"`
	Against   []string         `json:"against"` // what stands against acting on it now
	Container status.Container `json:"container"`
	Running   asked            `json:"running"`
	Incident  *status.Incident `json:"incident"` // the open one, where defib runs
	Text      []passage        `json:"text"`     // all of it, in sentences
}

// passage is a subject and what is to be said of it.
type passage struct {
	Subject   string   `json:"subject"`
	Sentences []string `json:"sentences"`
	Quoted    []string `json:"quoted,omitempty"` // lines of what a probe printed
}

// explain tells whether a container would be healed, and why.
func explain(ctx context.Context, c call) int {
	var asJSON bool
	rest, ok := options(c, "explain", func(f *flag.FlagSet) { f.BoolVar(&asJSON, "json", false, "") })
	if ok && (len(rest) != 1 || rest[0] == "") {
		refuse(c, "explain", errors.New("it takes the name of one container"))
		ok = false
	}
	if !ok {
		return exitUsage
	}
	set, _, wrong := load(c.environ)
	var said heard
	p, err := assemble(set, said.logger())
	if wrong = append(wrong, listed(err)...); len(wrong) > 0 {
		complain(c.stderr, widthFor(c.stderr, c.environ), wrong)
		return exitUsage
	}
	x, err := explained(ctx, p, c.environ, rest[0])
	if err != nil {
		return unexplained(c, err)
	}
	if asJSON {
		if err := printJSON(c.stdout, x); err != nil {
			fmt.Fprintln(c.stderr, "defib:", err)
			return exitFailed
		}
	} else {
		x.print(c.stdout, widthFor(c.stdout, c.environ))
	}
	if !x.Would {
		return exitWouldNot
	}
	return exitOK
}

// unexplained says why there is nothing to explain.
func unexplained(c call, err error) int {
	width := widthFor(c.stderr, c.environ)
	say(c.stderr, width, "defib explain: ", err.Error())
	var many errAmbiguous
	if !errors.As(err, &many) {
		return exitFailed
	}
	t := table{heads: []string{"NAME", "SERVICE", "ID", "STATE"}}
	for _, one := range many.candidates {
		t.add(one.Name, strings.Trim(one.Project+"/"+one.Service, "/"), one.ID[:min(12, len(one.ID))], stateOf(one))
	}
	t.print(c.stderr, "  ", width)
	return exitUsage
}

// explained finds out about one container.
func explained(ctx context.Context, p *parts, environ []string, name string) (explanation, error) {
	rows, err := p.watcher.Survey(ctx)
	if err != nil {
		return explanation{}, err //nolint:wrapcheck // it says what was tried
	}
	now := time.Now()
	all := make([]status.Container, len(rows))
	policies := map[string]heal.Policy{}
	for i, r := range rows {
		all[i] = shownRow(r, now)
		policies[r.Container.ID] = r.Policy
	}
	running := askRunning(ctx, p.c)
	defer running.close()
	running.refine(all)
	c, err := find(name, all)
	if err != nil {
		return explanation{}, err
	}
	seen, err := p.watcher.Examine(ctx, c.ID)
	if err != nil {
		return explanation{}, err //nolint:wrapcheck // likewise
	}
	x := explanation{Container: c, Running: running, Against: []string{}, NextAt: c.NextAt}
	if c.Incident != "" && running.client != nil {
		if in, err := running.client.Incident(ctx, c.Incident); err == nil { // it may be over by now
			x.Incident = &in
		}
	}
	if c.Watched {
		x.freshen(seen, policies[c.ID], now)
	}
	x.standsAgainst(seen, policies[c.ID], forbidden(ctx, p, policies[c.ID].Treatment))
	x.Would = c.Watched && x.Container.Would && len(x.Against) == 0
	if x.Next = x.Container.Outlook; x.Container.Would && !x.Would {
		x.Next = "Once nothing stands against it: " + x.Next
	}
	x.tell(seen, policies[c.ID], sources(environ), all, now)
	return x, nil
}

// freshen judges anew what a list does not tell, such as the health of a paused
// container or of one on Podman.
func (x *explanation) freshen(seen watcher.Examination, p heal.Policy, now time.Time) {
	c := &x.Container
	if c.Health == seen.Seen.Health.String() && c.State == seen.Seen.Status.String() {
		return
	}
	c.Health, c.State = seen.Seen.Health.String(), seen.Seen.Status.String()
	if c.Phase != heal.Steady.String() || c.Paused != nil {
		return
	}
	look := heal.OutlookOf(p, heal.State{}, seen.Seen.Status, seen.Seen.Health, now)
	c.Outlook, c.Would = look.Text, look.Would
}

// forbidden says why the endpoint would not let an act through; empty: it would.
func forbidden(ctx context.Context, p *parts, t heal.Treatment) string {
	verb := map[heal.Treatment]string{heal.TreatRestart: "restart", heal.TreatStop: "stop"}[t]
	if verb == "" {
		return ""
	}
	report, err := p.watcher.Endpoint(ctx)
	if err != nil {
		return "" // it has answered a moment ago: nothing is known to forbid it
	}
	for _, a := range report.Allowed {
		if a.What == verb && !a.OK {
			return a.Why
		}
	}
	return ""
}
