package watcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"

	"defib/heal"
)

// This is the one file that names Docker's types: its client module ends at
// v28 and goes on under another name.

// minAPI is the oldest API that has the health filter (engine 17.05).
const minAPI = "1.25"

// engine is one negotiated connection to an engine, and perhaps to a second
// endpoint for what changes something.
type engine struct {
	read, write *client.Client
	selects     string  // the label that selects
	wires       []*wire // of read, then of write
}

// connect reaches an engine and agrees on an API version. Its errors are for
// people: they say what to do.
func connect(ctx context.Context, o Options, skipped func(error)) (*engine, error) {
	e := &engine{selects: o.Selection.Key}
	var err error
	if e.read, err = e.client(o.Endpoint, skipped); err != nil {
		return nil, err
	}
	if err := negotiate(ctx, o.Endpoint, e.read); err != nil {
		e.close()
		return nil, err
	}
	e.write = e.read
	if o.WriteEndpoint != nil {
		// It leads to the same engine. It need not answer now: without it
		// defib can still watch and tell.
		second := *o.WriteEndpoint
		second.APIVersion = e.read.ClientVersion()
		if e.write, err = e.client(second, skipped); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// version names the engine to people, from the Server header of its ping.
func (e *engine) version() string {
	name, _, _ := strings.Cut(e.wires[0].server.Load(), " ")
	return strings.ReplaceAll(strings.ReplaceAll(name, "Libpod/", "Podman "), "/", " ")
}

func (e *engine) podman() bool { return strings.HasPrefix(e.wires[0].server.Load(), "Libpod/") }

// hostName asks for the name of the engine's host; empty where the endpoint
// does not tell, as socket proxies usually do not.
func (e *engine) hostName(ctx context.Context) string {
	info, _ := e.read.Info(ctx) // it has no name if it fails
	return cut(info.Name, 100)
}

// client makes a client for an endpoint; it does not use the network.
func (e *engine) client(at Endpoint, skipped func(error)) (*client.Client, error) {
	w := &wire{base: at.transport(), skipped: skipped}
	e.wires = append(e.wires, w)
	scheme := "http"
	if at.TLS != nil {
		scheme = "https"
	}
	opts := []client.Opt{
		client.WithHost(at.Host),
		client.WithHTTPClient(&http.Client{Transport: w, CheckRedirect: client.CheckRedirect}),
		client.WithScheme(scheme),
	}
	if at.APIVersion != "" {
		opts = append(opts, client.WithVersion(at.APIVersion))
	}
	c, err := client.NewClientWithOpts(opts...)
	if err != nil {
		return nil, fmt.Errorf("make a client for %s: %w", at, err)
	}
	return c, nil
}

// negotiate agrees on an API version, once. A client that does so by itself
// would hide a failure and go on with its newest version.
func negotiate(ctx context.Context, at Endpoint, c *client.Client) error {
	ping, err := c.Ping(ctx)
	if err != nil {
		return explain(at, err)
	}
	if ping.APIVersion != "" && versions.LessThan(ping.APIVersion, minAPI) {
		return fmt.Errorf("the engine at %s speaks API %s; defib needs at least %s (Docker 17.05)", at, ping.APIVersion, minAPI)
	}
	c.NegotiateAPIVersionPing(ping)
	return nil
}

func (e *engine) close() {
	for _, w := range e.wires {
		w.base.CloseIdleConnections()
	}
}

// now gives the time on the engine's clock, to the second.
func (e *engine) now() time.Time {
	skew := time.Duration(e.wires[0].skew.Load())
	if skew.Abs() < 2*time.Second {
		skew = 0 // the same clock, told to the second
	}
	return time.Now().Add(skew)
}

// subscribe opens the event stream from a time of the engine's clock on. The
// filter keeps out the three exec events of every probe; health_status in it
// matches by prefix, and died and remove are Podman's words. hear is called by
// the goroutine that reads, until the error comes.
func (e *engine) subscribe(ctx context.Context, since time.Time, hear func(event)) <-chan error {
	f := filters.NewArgs(filters.Arg("type", "container"))
	for _, name := range []string{
		"health_status", "start", "die", "died", "kill", "restart", "destroy", "remove", "pause", "unpause", "create", "rename", "oom",
	} {
		f.Add("event", name)
	}
	_, errs := e.read.Events(withHearer(ctx, hear), events.ListOptions{
		Since:   fmt.Sprintf("%d.%09d", since.Unix(), since.Nanosecond()),
		Filters: f,
	})
	return errs
}

// past gives what the engine remembers of its life, oldest first. It takes the
// 3 s by which its clock may differ from what is known of it.
func (e *engine) past(ctx context.Context) ([]heal.Boot, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var past []heal.Boot
	_, errs := e.read.Events(withHearer(ctx, func(m event) {
		if len(past) > enginePast {
			cancel() // more than it should have: not all of it is wanted
			return
		}
		past = append(past, heal.Boot{
			ID: m.Actor.ID, Started: m.Action == "start" || m.Action == "create", Died: m.Action == "die", At: time.Unix(0, m.TimeNano),
		})
	}), events.ListOptions{Since: "1", Until: strconv.FormatInt(e.now().Add(3*time.Second).Unix(), 10)})
	if err := <-errs; !errors.Is(err, io.EOF) && len(past) <= enginePast {
		return nil, fmt.Errorf("ask for the engine's past: %w", err)
	}
	return past, nil
}

// glance opens an event stream that is over at once.
func (e *engine) glance(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	now := e.now().Unix()
	_, errs := e.read.Events(ctx, events.ListOptions{Since: strconv.FormatInt(now-1, 10), Until: strconv.FormatInt(now, 10), Filters: filters.NewArgs(filters.Arg("event", "none"))})
	if err := <-errs; !errors.Is(err, io.EOF) {
		return fmt.Errorf("open the event stream: %w", err)
	}
	return nil
}

// opened tells whether the stream that subscribe opened is there: the client's
// error, where it is not, may come a moment after subscribe has returned.
func (e *engine) opened() bool { return e.wires[0].opened.Load() }

// sighting turns an event into what it says about a container. Labels override
// the attributes signal and exitCode: see engine fact 1.4.
func (e *engine) sighting(m event) (sighting, bool) {
	s := sighting{
		id: m.Actor.ID, labels: m.Actor.Attributes, at: time.Unix(0, m.TimeNano),
		key: fmt.Sprintf("%s %s %d", m.Actor.ID, m.Action, m.TimeNano),
	}
	s.container = containerOf(m.Actor.ID, m.Actor.Attributes["name"], m.Actor.Attributes["image"], m.Actor.Attributes)
	switch m.Action {
	case "health_status: healthy":
		s.event = heal.Observed{Health: heal.Healthy}
	case "health_status: unhealthy":
		s.event = heal.Observed{Health: heal.Unhealthy}
	case "health_status":
		s.event = heal.Observed{} // Podman: one for every probe, without the result
	case "start":
		s.event = heal.Started{At: s.at}
	case "die", "died":
		s.event = heal.Died{At: s.at, Unclear: e.podman()}
	case "oom":
		s.event = heal.OOMKilled{At: s.at}
	case "kill":
		s.event = heal.Killed{At: s.at, Signal: m.Actor.Attributes["signal"]}
	case "restart":
		if !e.podman() {
			return s, false // Docker tells kill, die and start as well
		}
		s.event = heal.Killed{At: s.at, Signal: "TERM"} // Podman tells it first and no kill
	case "destroy", "remove":
		s.event = heal.Destroyed{}
	case "pause":
		s.event = heal.Paused{}
	case "unpause":
		s.event = heal.Unpaused{}
	case "create", "rename":
		s.created = m.Action == "create"
	default:
		return s, false
	}
	return s, m.Actor.ID != ""
}

// each lists the containers of one health (unhealthy, none) that run or are
// paused; for an empty one all there are. It hands over each entry as it is
// read; after an error some may have been.
func (e *engine) each(ctx context.Context, health string, see func(sighting)) error {
	f := filters.NewArgs()
	if health != "" {
		f.Add("health", health)
	}
	ctx = withReader(ctx, func(body io.Reader) error {
		return readList(body, func(c listEntry) { see(c.sighting(e.selects)) })
	})
	if _, err := e.read.ContainerList(ctx, container.ListOptions{Filters: f, All: health == ""}); err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	return nil
}

// list is each for a list that is wanted as a whole.
func (e *engine) list(ctx context.Context, health string) ([]sighting, error) {
	var found []sighting
	if err := e.each(ctx, health, func(s sighting) { found = append(found, s) }); err != nil {
		return nil, err
	}
	return found, nil
}

// inspect looks at one container.
func (e *engine) inspect(ctx context.Context, id string) (inspection, error) {
	var c inspected
	ctx = withReader(ctx, func(body io.Reader) error { return json.NewDecoder(body).Decode(&c) })
	if _, err := e.read.ContainerInspect(ctx, id); err != nil {
		return inspection{}, fmt.Errorf("inspect it: %w", err)
	}
	if c.State == nil || c.Config == nil {
		return inspection{}, errors.New("inspect it: the answer has no state")
	}
	return c.inspection(e.podman()), nil
}

// logTail gives the end of what a container has written, of both streams. With
// an error comes what there was before it.
func (e *engine) logTail(ctx context.Context, id string, lines int) ([]byte, error) {
	in, err := e.read.ContainerLogs(ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: strconv.Itoa(lines)})
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	defer in.Close() //nolint:errcheck // only read from
	return logText(in)
}

// do carries out a verb. A negative stop timeout asks for the container's own.
// It tells whether the engine was asked at all: where no connection came about
// nothing can have happened.
func (e *engine) do(ctx context.Context, verb heal.Verb, id string, stopTimeout time.Duration) (asked bool, err error) {
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	err = e.call(ctx, verb, id, stopTimeout)
	return connected.Load(), err
}

func (e *engine) call(ctx context.Context, verb heal.Verb, id string, stopTimeout time.Duration) error {
	var o container.StopOptions
	if stopTimeout >= 0 {
		seconds := int((stopTimeout + time.Second - 1) / time.Second)
		o.Timeout = &seconds
	}
	switch verb {
	case heal.Stop:
		return e.write.ContainerStop(ctx, id, o)
	case heal.Start:
		return e.write.ContainerStart(ctx, id, container.StartOptions{})
	default:
		return e.write.ContainerRestart(ctx, id, o)
	}
}

// unconnected tells whether an error says that no connection came about.
func unconnected(err error) bool { return client.IsErrConnectionFailed(err) }
