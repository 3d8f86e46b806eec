package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"defib/bench/rig"
	"defib/internal/dockertest"
)

// Names and words of the simulated engine.
const (
	web       = "web" // the container that falls ill
	unhealthy = "unhealthy"
	healthy   = "healthy"

	bystanders = 24 // all well, and so many that a few others are no storm
)

// stage is where a fault is played: a host, a defib, and what was seen.
type stage struct {
	*rig.Host
	fault    fault
	settings settings
	program  string
	env      []string      // of defib
	address  string        // of defib's own page
	stop     time.Duration // what the container may take to stop
	process  *rig.Process  // nil: it is down
	undo     []func()      // of broken calls
	cleanup  []func()

	mu    sync.Mutex
	acted time.Time      // the first restart of the container was asked for
	asks  map[string]int // restart, stop and start by container, as "restart web"
	errs  []error        // of what ran beside the story
	bad   int            // answers of the health endpoint that were bad
	good  int
}

// newStage makes a host with one container that will fall ill, and others.
func newStage(f fault, o settings) (*stage, error) {
	if f.on.Version == "" {
		f.on.Version = defaultEngine
	}
	h, err := rig.NewHost(f.on)
	if err != nil {
		return nil, fmt.Errorf("play %q: %w", f.name, err)
	}
	address, err := ownAddress(h.Inbox)
	if err != nil {
		h.Close()
		return nil, err
	}
	s := &stage{Host: h, fault: f, settings: o, program: o.program, env: f.env, address: address, asks: map[string]int{}}
	h.Engine.OnCall(func(c dockertest.Call) {
		if c.Kind == "restart" || c.Kind == "stop" || c.Kind == "start" {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.asks[c.Kind+" "+c.Name]++
			if c.Name == web && s.acted.IsZero() {
				s.acted = c.At
			}
		}
	})
	for i := range bystanders {
		h.Engine.Run(dockertest.Spec{
			Name: fmt.Sprint("bystander-", i), RestartPolicy: "always", StopTimeout: time.Second,
			Health: &dockertest.Health{Interval: 2 * time.Second, Timeout: time.Second},
		})
	}
	spec := dockertest.Spec{
		Name: web, RestartPolicy: "always", StopTimeout: time.Second,
		Health: &dockertest.Health{Interval: 100 * time.Millisecond, Timeout: time.Second, Retries: 1, HealedByRestart: true},
	}
	if f.web != nil {
		f.web(&spec)
	}
	s.stop = spec.StopTimeout
	h.Engine.Run(spec)
	return s, nil
}

// ownAddress is one for defib's page that no other stage has, since the inbox
// holds the port on another address of loopback. A free port of the kernel's
// choice could be that of another stage's inbox by the time defib listens.
func ownAddress(b *rig.Inbox) (string, error) {
	u, err := url.Parse(strings.TrimPrefix(b.URL(), "json+"))
	if err != nil {
		return "", fmt.Errorf("read where the inbox is: %w", err)
	}
	return net.JoinHostPort("127.0.0.2", u.Port()), nil
}

// start starts defib, and watches whether it stays.
func (s *stage) start() error {
	p, err := s.Start(s.program, append([]string{"AUTOHEAL_CONTAINER_LABEL=all", "AUTOHEAL_LISTEN=" + s.address}, s.env...)...)
	if err != nil {
		return fmt.Errorf("play %q: %w", s.fault.name, err)
	}
	s.process = p
	return nil
}

// alive tells whether defib still runs, where it should.
func (s *stage) alive() bool {
	if s.process == nil {
		return true
	}
	select {
	case <-s.process.Ended():
		return false
	default:
		return true
	}
}

// note keeps what went wrong beside the story.
func (s *stage) note(errs ...error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, errs...)
}

// trouble is what went wrong beside the story.
func (s *stage) trouble() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.errs...)
}

// asked counts the calls of a kind about a container.
func (s *stage) asked(name, kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asks[kind+" "+name]
}

// firstAct is when something was first done about the container; zero: not yet.
func (s *stage) firstAct() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acted
}

// needless counts what was done to those that are well.
func (s *stage) needless() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for what, times := range s.asks {
		if strings.Contains(what, " bystander-") || (s.fault.goal.well && strings.HasSuffix(what, " "+web)) {
			n += times
		}
	}
	return n
}

// lists counts the lists of the unhealthy so far.
func (s *stage) lists() int {
	n := 0
	for _, c := range s.Engine.Calls() {
		if c.Kind == "list" && strings.Contains(c.Query, unhealthy) {
			n++
		}
	}
	return n
}

// await waits until something holds, looking every 2 ms.
func (s *stage) await(ctx context.Context, what string, within time.Duration, holds func() bool) error {
	limit := time.NewTimer(within)
	defer limit.Stop()
	for !holds() {
		select {
		case <-time.After(2 * time.Millisecond):
		case <-limit.C:
			return fmt.Errorf("wait %s for %s: %w", within, what, os.ErrDeadlineExceeded)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// askHealth asks defib how it is, as Docker's health check of it would, until
// ctx is over. What cannot be asked, because defib is down, is no answer.
func (s *stage) askHealth(ctx context.Context) {
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for ctx.Err() == nil {
		ok, answered := s.isWell(ctx, client)
		s.mu.Lock()
		switch {
		case answered && ok:
			s.good++
		case answered:
			s.bad++
		}
		s.mu.Unlock()
		_ = wait(200*time.Millisecond)(ctx, s) // it ends with ctx
	}
}

func (s *stage) isWell(ctx context.Context, client *http.Client) (ok, answered bool) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+"/healthz", http.NoBody)
	if err != nil {
		return false, false
	}
	resp, err := client.Do(r)
	if err != nil {
		return false, false
	}
	_ = resp.Body.Close() // its status says all
	return resp.StatusCode == http.StatusOK, true
}

// wasBad tells whether the health endpoint was bad at some time.
func (s *stage) wasBad() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bad > 0
}

// close ends all.
func (s *stage) close() {
	if s.process != nil {
		s.process.Kill()
	}
	s.Engine.Hang(false)
	for _, do := range s.cleanup {
		do()
	}
	s.Close()
}
