package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"defib/heal"
	"defib/internal/dockertest"
	"defib/watcher"
)

const demoUsage = `defib demo [--listen ADDR]   show it at work on a simulated engine

The real defib watches a Docker engine that is simulated in this process, on
which containers fall ill and are healed, on a script that never ends. It needs
no Docker and no network, touches nothing of this machine, and takes none of
your settings: no message leaves it. Ctrl-C ends it, and it leaves nothing.

  --listen ADDR   where the page is served; default 127.0.0.1:9595, or the next
                  port that is free

  go run . demo
  docker run --rm -p 127.0.0.1:9595:9595 defib demo --listen :9595

Exit codes: 0 it was ended; 1 it cannot listen there; 2 the command line is
wrong.
`

// Where the page of the demo is served if nobody says so.
const (
	demoHost  = "127.0.0.1"
	demoPort  = 9595
	demoPorts = 20 // so many are tried
)

// demoEnviron is the environment that the demo's defib has, instead of the
// user's: as a user would write it, but less patient, so that the whole of a
// story fits into minutes.
func demoEnviron(folder string) []string {
	return []string{
		"AUTOHEAL_CONTAINER_LABEL=all",
		"AUTOHEAL_BACKOFF=5s",
		"AUTOHEAL_BACKOFF_MAX=30s",
		"AUTOHEAL_MAX_RESTARTS=3",
		"AUTOHEAL_RESTART_WINDOW=3m",
		"AUTOHEAL_RETRY_AFTER=2m",
		"AUTOHEAL_PARALLEL=3",
		"AUTOHEAL_ALERT_LOG_LINES=10",
		"AUTOHEAL_ALERT_START=true",
		"AUTOHEAL_ALERT_URLS=slack+http://chat.demo/services/T00/B00/XX",
		"AUTOHEAL_STATE_DIR=" + folder,
		"AUTOHEAL_HOST_NAME=demo-host",
		"AUTOHEAL_LISTEN=off", // the page is served with what only the demo has
		"DOCKER_HOST=tcp://engine.demo:2375",
		"LOG_FORMAT=console",
	}
}

// demo is the command of that name.
func demo(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	address, code := demoArgs(args, stdout, stderr)
	if code >= 0 {
		return code
	}
	l, err := demoListen(ctx, address)
	if err != nil {
		fmt.Fprintf(stderr, "defib demo: %v: choose another address with --listen\n", err)
		return exitFailed
	}
	// A terminal that is closed, or a pipe that nobody reads any more, ends it as
	// Ctrl-C does: nothing is to be left behind.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	out := newTerminal(stdout, stderr)
	folder, err := os.MkdirTemp("", "defib-demo-")
	if err != nil {
		folder = "" // an image without /tmp: it works from memory
	}
	defer os.RemoveAll(folder) //nolint:errcheck // it is empty of worth
	d, err := newDemo(folder, uint64(time.Now().UnixNano()), out)
	if err != nil {
		fmt.Fprintln(stderr, "defib demo:", err)
		return exitFailed
	}
	out.greet(l.Addr(), address, folder)
	go stayLean(ctx)
	d.run(ctx, l, d.parts.run)
	_ = os.RemoveAll(folder) // and once more, above
	out.over()
	return exitOK
}

// demoArgs reads the command line; where the code is not negative that is all.
func demoArgs(args []string, stdout, stderr io.Writer) (address string, code int) {
	for i := 0; i < len(args); i++ {
		value, given := strings.CutPrefix(args[i], "--listen=")
		switch {
		case slices.Contains([]string{"--help", "-h", "help"}, args[i]):
			fmt.Fprint(stdout, demoUsage)
			return "", exitOK
		case args[i] == "--listen" && i+1 < len(args):
			i++
			value = args[i]
		case !given:
			fmt.Fprintf(stderr, "defib demo: what is %q?\n\n%s", args[i], demoUsage)
			return "", exitUsage
		}
		if _, _, err := net.SplitHostPort(value); err != nil {
			fmt.Fprintf(stderr, "defib demo: --listen %q must be an address such as 127.0.0.1:9595 or :9595\n", value)
			return "", exitUsage
		}
		address = value
	}
	return address, -1
}

// demoListen listens where it is told to, else on the first port that is free.
func demoListen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	if address != "" {
		l, err := config.Listen(ctx, "tcp", address)
		if err != nil {
			return nil, fmt.Errorf("cannot listen: %w", err)
		}
		return l, nil
	}
	var all error
	for port := demoPort; port < demoPort+demoPorts; port++ {
		l, err := config.Listen(ctx, "tcp", net.JoinHostPort(demoHost, strconv.Itoa(port)))
		if err == nil {
			return l, nil
		}
		all = err
	}
	return nil, fmt.Errorf("cannot listen on any of %d ports from %d on: %w", demoPorts, demoPort, all)
}

// demoParts are the real program, and the world that is played to it.
type demoParts struct {
	parts  *parts
	eng    *dockertest.Engine
	script *script
	chat   *chat
	hook   *dockertest.Pipe // where the chat listens
	out    *terminal
}

// newDemo puts the program on a simulated engine. The only connections that it
// can make are pipes in memory, to that engine and to the chat.
func newDemo(folder string, seed uint64, out *terminal, change ...func(*watcher.Options)) (*demoParts, error) {
	c, _, wrong := load(demoEnviron(folder))
	if len(wrong) > 0 {
		return nil, wrong
	}
	d := &demoParts{
		eng:  dockertest.New(dockertest.Options{Version: "29.1.3", Name: "demo-host", LiveRestore: true, KeptCalls: 1000}),
		hook: dockertest.NewPipe(), out: out, chat: &chat{told: out.alert},
	}
	c.Notify.Transport = &http.Transport{DialContext: d.hook.DialContext, MaxIdleConnsPerHost: 1}
	wire := dockertest.NewPipe()
	d.eng.Serve(wire)
	change = append(change, func(o *watcher.Options) {
		o.OwnID = ""
		o.Endpoint.Dial = wire.DialContext
	})
	var err error
	if d.parts, err = assemble(c, newLogger(c.Log, out.err).Hook(out), change...); err != nil {
		return nil, err
	}
	d.parts.ownID = "demo-" + strconv.Itoa(os.Getpid()) // for the socket of the health check: a defib may run here
	d.script = newScript(d.eng, seed, out.scene)
	d.script.pause = d.pause
	return d, nil
}

// pause is what "defib pause" has the program do.
func (d *demoParts) pause(ctx context.Context, what string, how time.Duration) {
	p, err := heal.ParsePause(what)
	if err != nil {
		return // no scene names one that cannot be paused
	}
	p.Since = time.Now()
	p.Until = p.Since.Add(how)
	_, _ = d.parts.watcher.Pause(ctx, []heal.Pause{p}) // it can only fail at the end
}

// run shows the demo on a listener until ctx is done. watch is how the program
// runs.
func (d *demoParts) run(ctx context.Context, l net.Listener, watch func(context.Context)) {
	page := &http.Server{Handler: d.routes(d.parts.view.page().Handler()), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	hook := &http.Server{Handler: http.HandlerFunc(d.chat.webhook), ReadHeaderTimeout: 10 * time.Second}
	var all, world sync.WaitGroup
	all.Go(func() { d.serve(page, l) })
	all.Go(func() { d.serve(hook, d.hook) })
	world.Go(func() { d.script.run(ctx) })
	stop := context.AfterFunc(ctx, func() {
		d.out.end()
		_ = page.Close()
		d.eng.Close() // so that no restart is waited for
	})
	defer stop()
	watch(ctx)
	world.Wait()
	_ = hook.Close() // last: what waits for it is delivered at once
	all.Wait()
}

// routes serves what only the demo has beside the page.
func (d *demoParts) routes(page http.Handler) http.Handler { return d.chat.beside(page) }

func (d *demoParts) serve(s *http.Server, l net.Listener) {
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		d.parts.log.Error().Err(err).Msg("the demo cannot be reached any more")
	}
}
