package main

import (
	"context"
	"errors"
	"time"

	"defib/status"
)

// askWithin is how long the running defib is waited for: what it lists it asks
// the engine for.
const askWithin = 25 * time.Second

// errNoSocket is what is said where no defib can be asked.
var errNoSocket = errors.New("there is no control socket to ask it on: AUTOHEAL_STATE_DIR is not set")

// asked is what the defib that runs with the same folder tells of itself.
type asked struct {
	Answers    bool           `json:"answers"`
	Why        string         `json:"why"` // why it does not; empty when it does
	Engine     *status.Engine `json:"engine"`
	containers []status.Container
	client     *status.Client
}

// askRunning asks the defib that runs with this configuration, where there is
// one.
func askRunning(ctx context.Context, c config) asked {
	socket := controlSocket(c)
	if socket == "" {
		return asked{Why: errNoSocket.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	client := status.NewClient(socket)
	e, err := client.Engine(ctx)
	if err != nil {
		client.Close()
		return asked{Why: err.Error()}
	}
	a := asked{Answers: true, Engine: &e, client: client}
	if a.containers, err = client.Containers(ctx); err != nil {
		a.Why = err.Error()
	}
	return a
}

// close lets go of the connection.
func (a *asked) close() {
	if a.client != nil {
		a.client.Close()
	}
}

// refine puts what the running defib remembers in place of what was found
// without it, but for what was looked at more closely: a list of Podman's does
// not tell of health.
func (a *asked) refine(found []status.Container) {
	known := map[string]status.Container{}
	for _, c := range a.containers {
		known[c.ID] = c
	}
	for i, c := range found {
		k, ok := known[c.ID]
		if !ok {
			continue
		}
		if k.Health == "" && c.Health != "" {
			k.Health, k.Warnings = c.Health, c.Warnings
			if k.Phase == c.Phase && k.Paused == nil {
				k.Outlook, k.Would = c.Outlook, c.Would
			}
		}
		found[i] = k
	}
}
