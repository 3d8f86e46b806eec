package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
)

// bareCommand has this program be the bare loop on a socket, in a process of
// its own as defib is.
const bareCommand = "bare-loop"

// bareLoop is the least that a watchdog could do, by nothing but net/http: it
// reads events, looks at the container, and restarts it. It remembers nothing,
// tells nobody and judges nothing.
func bareLoop(socket string) error {
	c := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	ask := func(method, path string) (io.ReadCloser, error) {
		req, err := http.NewRequestWithContext(context.Background(), method, "http://docker"+path, nil)
		if err != nil {
			return nil, fmt.Errorf("ask for %s: %w", path, err)
		}
		resp, err := c.Do(req)
		if err != nil {
			return nil, fmt.Errorf("ask for %s: %w", path, err)
		}
		return resp.Body, nil
	}
	stream, err := ask(http.MethodGet, "/events?filters="+url.QueryEscape(`{"type":["container"],"event":["health_status"]}`))
	if err != nil {
		return err
	}
	defer stream.Close() //nolint:errcheck // only read from
	fmt.Println(bareReady)
	for lines := bufio.NewScanner(stream); lines.Scan(); {
		var event struct {
			Action string
			Actor  struct{ ID string }
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return fmt.Errorf("read an event: %w", err)
		}
		if event.Action != "health_status: unhealthy" || !isUnhealthy(ask, event.Actor.ID) {
			continue
		}
		go func() {
			if done, err := ask(http.MethodPost, "/containers/"+event.Actor.ID+"/restart"); err == nil {
				_ = done.Close() // there is nothing in it
			}
		}()
	}
	return errors.New("the stream has ended")
}

// isUnhealthy looks at a container.
func isUnhealthy(ask func(method, path string) (io.ReadCloser, error), id string) bool {
	seen, err := ask(http.MethodGet, "/containers/"+id+"/json")
	if err != nil {
		return false
	}
	defer seen.Close() //nolint:errcheck // only read from
	var one struct {
		State struct{ Health struct{ Status string } }
	}
	return json.NewDecoder(seen).Decode(&one) == nil && one.State.Health.Status == "unhealthy"
}

// bareReady is what the bare loop prints when it listens.
const bareReady = "listening"
