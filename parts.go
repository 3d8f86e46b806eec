package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"defib/heal"
	"defib/notify"
	"defib/status"
	"defib/watcher"
)

// parts is the assembled program.
type parts struct {
	c        config
	log      zerolog.Logger
	watcher  *watcher.Watcher
	notifier *notify.Notifier
	view     *view
	endpoint string // for people: without secrets
	ownID    string
}

// assemble makes the parts of a configuration and connects them. Tests change
// the watcher's options.
func assemble(c config, log zerolog.Logger, change ...func(*watcher.Options)) (*parts, error) {
	p := &parts{c: c, log: log, ownID: watcher.OwnID("/")}
	p.view = newView(p)
	var wrong problems
	if c.Notify.Host == nil {
		c.Notify.Host = p.hostName
	}
	c.Notify.StateDir = c.Watch.StateDir
	c.Notify.Alive = p.alive
	c.Notify.Changed = func() { p.view.changes.Note(status.TopicReceivers) }
	o, err := watcherOptions(c)
	wrong = append(wrong, listed(err)...)
	p.notifier, err = notify.New(c.Notify, log)
	wrong = append(wrong, listed(err)...)
	if len(wrong) > 0 {
		return nil, wrong
	}
	o.OwnID, o.Log, o.Notifier = p.ownID, log, p.view
	o.HostName = cmp.Or(c.Engine.HostName, ownHostName())
	if o.Endpoint.TLS != nil && o.Endpoint.TLS.InsecureSkipVerify {
		log.Warn().Msg("the engine's certificate is not checked: set DOCKER_TLS_VERIFY=1")
	}
	for _, f := range change {
		f(&o)
	}
	o.Changed = p.view.changed
	p.endpoint = o.Endpoint.String()
	p.watcher = watcher.New(o)
	return p, nil
}

// listed gives the problems that an error stands for, none for nil.
func listed(err error) problems {
	var all problems
	switch {
	case err == nil:
		return nil
	case errors.As(err, &all):
		return all
	}
	return strings.Split(err.Error(), "\n")
}

// watcherOptions turns the configuration into the watcher's.
func watcherOptions(c config) (watcher.Options, error) {
	w := c.Watch
	o := watcher.Options{
		Selection: w.Selection, StartPeriod: w.StartPeriod, Interval: w.Interval,
		CallTimeout: w.CallTimeout, Parallel: w.Parallel, StateDir: w.StateDir, LogLines: w.LogLines, Greet: w.Greet,
		Policy: heal.Policy{
			Treatment: w.Action, UnhealthyFor: w.For, Backoff: w.Backoff, BackoffMax: w.BackoffMax,
			MaxRestarts: w.MaxRestarts, Window: w.Window, RetryAfter: w.RetryAfter, RetryAfterMax: max(6*time.Hour, w.RetryAfter),
			Forget: 10 * time.Minute, StopTimeout: -1,
		},
	}
	if w.StopTimeout != nil {
		o.Policy.StopTimeout = *w.StopTimeout
	}
	var wrong problems
	endpoint := func(name, address string) watcher.Endpoint {
		certs, verify := c.Engine.CertPath, c.Engine.TLSVerify != ""
		if name == "AUTOHEAL_DOCKER_HOST_WRITE" && strings.HasPrefix(address, "tcp://") {
			certs, verify = "", false // a proxy beside defib, whatever DOCKER_HOST needs; https:// asks for TLS
		}
		e, err := watcher.ParseEndpoint(address, certs, verify)
		var files watcher.CertificateError
		switch {
		case errors.As(err, &files):
			wrong = append(wrong, fmt.Sprintf("DOCKER_CERT_PATH=%.100q: %s; must be the folder of ca.pem, cert.pem and key.pem", files.Folder, err))
		case err != nil:
			shown := regexp.MustCompile(`//[^/]*@`).ReplaceAllString(address, "//")
			wrong = append(wrong, fmt.Sprintf("%s=%.100q: %s; must be an address, such as %s=tcp://proxy:2375 or %s=unix:///var/run/docker.sock",
				name, shown, err, name, name))
		}
		e.APIVersion = c.Engine.APIVersion
		return e
	}
	if c.Engine.Sock != "" {
		o.Endpoint = endpoint("DOCKER_SOCK", c.Engine.Sock)
	} else {
		o.Endpoint = endpoint("DOCKER_HOST", c.Engine.Host)
	}
	if c.Engine.WriteHost != "" {
		e := endpoint("AUTOHEAL_DOCKER_HOST_WRITE", c.Engine.WriteHost)
		o.WriteEndpoint = &e
	}
	if len(wrong) > 0 {
		return o, wrong
	}
	return o, nil
}

// hostName names this host in messages: as it was told to, else as the engine
// does, else as the system does, where that is no container's id.
func (p *parts) hostName() string {
	if p.c.Engine.HostName != "" || p.watcher == nil {
		return p.c.Engine.HostName
	}
	if host := p.watcher.Condition().Host; host != "" {
		return host
	}
	return ownHostName()
}

// ownHostName is what the system calls this host, nothing where that is a
// container's id.
func ownHostName() string {
	host, err := os.Hostname()
	if err != nil || isContainerID(host) {
		return ""
	}
	return host
}

// isContainerID tells whether a host's name is what Docker calls a container
// that has no name of its own: twelve hexadecimal digits.
func isContainerID(name string) bool {
	return len(name) == 12 && strings.Trim(name, "0123456789abcdef") == ""
}

// run starts the parts and ends them in order: the watcher first, so that what
// it still has to tell is sent.
func (p *parts) run(ctx context.Context) {
	p.log.Info().Str("version", version).Stringer("action", p.c.Watch.Action).Strs("receivers", p.notifier.Receivers()).Msg("defib starts")
	if len(p.notifier.Receivers()) == 0 {
		p.log.Info().Msg("nobody is told: set SLACK_WEBHOOK_URL or AUTOHEAL_ALERT_URLS to have people told")
	}
	voice, hush := context.WithCancel(context.WithoutCancel(ctx))
	defer hush()
	var told, shown sync.WaitGroup
	told.Go(func() {
		if err := p.notifier.Run(voice); err != nil {
			p.log.Error().Err(err).Msg("the notifier ended")
		}
	})
	shown.Go(func() {
		err := status.Serve(ctx, status.SocketName(p.ownID), p.health)
		if err != nil {
			p.log.Warn().Err(err).Msg("defib healthcheck will not work; healing does")
		}
	})
	page := p.view.page()
	shown.Go(func() { p.servePage(ctx, page) })
	shown.Go(func() { p.serveControl(ctx, page.API()) })
	shown.Go(p.view.recall)
	p.watcher.Run(ctx)
	p.log.Info().Msg("defib stops")
	hush()
	told.Wait()
	shown.Wait()
}

// serveControl takes orders from "defib pause" and its like, and answers "defib
// status" with what api says.
func (p *parts) serveControl(ctx context.Context, api http.Handler) {
	socket := controlSocket(p.c)
	if socket == "" {
		return // said when somebody asks for it
	}
	if err := status.ServeControl(ctx, socket, p.watcher, api); err != nil {
		p.log.Warn().Err(err).Msg("defib pause, resume and status will not work; healing does")
	}
}

// health judges the watch for the health check.
func (p *parts) health() status.Answer {
	c := p.watcher.Condition()
	ok, why := status.Judge(status.Watch{
		Since: c.Since, Grace: c.Grace, Stream: c.Stream, StreamGone: c.StreamGone,
		LastList: c.LastList, Interval: p.c.Watch.Interval, Trouble: c.Trouble,
	}, time.Now())
	return status.Answer{OK: ok, Why: why}
}

// alive tells whether defib does its work, for the heartbeat: the stream is open
// and lists are answered. Not yet while it starts.
func (p *parts) alive() bool {
	c := p.watcher.Condition()
	return c.Stream && !c.LastList.IsZero() && p.health().OK
}

// newLogger logs for a terminal or for machines.
func newLogger(c logConfig, w io.Writer) zerolog.Logger {
	f, file := w.(*os.File)
	terminal := file && isatty.IsTerminal(f.Fd())
	if c.Format == "console" || (c.Format == "" && terminal) {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.DateTime, NoColor: !terminal}
	}
	return zerolog.New(w).Level(c.Level).With().Timestamp().Logger()
}
