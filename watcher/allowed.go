package watcher

import (
	"context"
	"sync"

	"github.com/containerd/errdefs"

	"defib/heal"
)

// Allowed is one thing that an endpoint was asked for, in a way that has no
// effect.
type Allowed struct {
	What string // such as "list"; see EndpointReport
	OK   bool
	Why  string // what stands against it, and what to do
}

// EndpointReport is what an engine says of itself, and what its endpoint allows.
type EndpointReport struct {
	Engine string // such as "Docker 20.10.24"; empty where it does not tell
	API    string // the version that is spoken, such as "1.41"
	Host   string // the name of the engine's host; empty where it does not tell
	// Allowed holds ping, list, events, inspect, restart, stop, info and logs.
	Allowed []Allowed
}

// Endpoint asks the engine what it is, and the endpoint what it allows. A
// container that cannot exist is asked for: an engine answers 404 then, a proxy
// that forbids the call 403. The error says why the engine cannot be reached,
// and what to do.
func (w *Watcher) Endpoint(ctx context.Context) (EndpointReport, error) {
	eng, done, err := w.reach(ctx)
	if err != nil {
		return EndpointReport{}, err
	}
	defer done()
	r := EndpointReport{Engine: eng.version(), API: eng.read.ClientVersion()}
	questions := []struct {
		what string
		ask  func(ctx context.Context) string
	}{
		{"ping", func(context.Context) string { return "" }}, // it was asked for to connect
		{"list", eng.mayList},
		{"events", eng.mayFollow},
		{"inspect", func(ctx context.Context) string {
			_, err := eng.inspect(ctx, nobody)
			return against(err, "GET /containers/{id}/json (CONTAINERS=1 in docker-socket-proxy); without it defib restarts nothing")
		}},
		{"restart", eng.mayRestart},
		{"stop", eng.mayStop},
		{"info", func(ctx context.Context) string {
			info, err := eng.read.Info(ctx)
			r.Host = cut(info.Name, 100)
			return against(err, "GET /info (INFO=1 in docker-socket-proxy), or set AUTOHEAL_HOST_NAME")
		}},
		{"logs", eng.mayReadLogs},
	}
	r.Allowed = make([]Allowed, len(questions))
	var asking sync.WaitGroup // all at once: an engine that hangs does so for all
	for i, q := range questions {
		asking.Go(func() {
			call, cancel := context.WithTimeout(ctx, min(w.o.CallTimeout, listTimeout))
			defer cancel()
			why := q.ask(call)
			r.Allowed[i] = Allowed{What: q.what, OK: why == "", Why: why}
		})
	}
	asking.Wait()
	return r, nil
}

// reach gives the engine that a running watcher is connected to, else one that
// done lets go of.
func (w *Watcher) reach(ctx context.Context) (eng *engine, done func(), err error) {
	if eng := w.engine.Load(); eng != nil {
		return eng, func() {}, nil
	}
	call, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	if eng, err = connect(call, w.o, func(error) {}); err != nil {
		return nil, nil, err
	}
	return eng, eng.close, nil
}

// against says what an error of a call means for it, and how to allow it.
func against(err error, allow string) string {
	switch {
	case err == nil, errdefs.IsNotFound(err):
		return ""
	case isForbidden(err):
		return "the endpoint does not allow it: allow " + allow
	}
	return "it is not known whether the endpoint allows it: " + plain(err)
}

func (e *engine) mayList(ctx context.Context) string {
	err := e.each(ctx, heal.Unhealthy.String(), func(sighting) {})
	return against(err, "GET /containers/json (CONTAINERS=1 in docker-socket-proxy)")
}

func (e *engine) mayFollow(ctx context.Context) string {
	return against(e.glance(ctx), "GET /events (EVENTS=1 in docker-socket-proxy); until then defib acts on its list only, every AUTOHEAL_INTERVAL")
}

func (e *engine) mayStop(ctx context.Context) string {
	_, err := e.do(ctx, heal.Stop, nobody, 0)
	return against(err, "POST /containers/{id}/stop (ALLOW_STOP=1 POST=1 in docker-socket-proxy), or name an endpoint that does in AUTOHEAL_DOCKER_HOST_WRITE")
}

func (e *engine) mayReadLogs(ctx context.Context) string {
	_, err := e.logTail(ctx, nobody, 1)
	return against(err, "GET /containers/{id}/logs (CONTAINERS=1 in docker-socket-proxy, in later versions ALLOW_LOGS=1 too), or set AUTOHEAL_ALERT_LOG_LINES=0")
}
