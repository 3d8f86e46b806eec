package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
)

// maxAnswer is what is read at most of an answer of the API: ten thousand
// containers take some 8 MB.
const maxAnswer = 32 << 20

// Client reads the API of a running defib over its control socket.
type Client struct {
	socket string
	http   http.Client
}

// NewClient makes a client of the defib that answers on a socket. It asks
// nothing yet.
func NewClient(socket string) *Client {
	return &Client{socket: socket, http: http.Client{Transport: dialer(socket)}}
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Engine asks how the watch itself is doing.
func (c *Client) Engine(ctx context.Context) (e Engine, err error) {
	err = c.get(ctx, "engine", &e)
	return e, err
}

// Containers asks for all containers, by name.
func (c *Client) Containers(ctx context.Context) (all []Container, err error) {
	err = c.get(ctx, "containers", &all)
	return all, err
}

// Incidents asks for what is remembered of incidents, newest first.
func (c *Client) Incidents(ctx context.Context) (all []Incident, err error) {
	err = c.get(ctx, "incidents?limit=1000", &all)
	return all, err
}

// Incident asks for one in full.
func (c *Client) Incident(ctx context.Context, id string) (in Incident, err error) {
	err = c.get(ctx, "incidents/"+url.PathEscape(id), &in)
	return in, err
}

// Receivers asks how it stands with those who are told.
func (c *Client) Receivers(ctx context.Context) (all []Receiver, err error) {
	err = c.get(ctx, "receivers", &all)
	return all, err
}

// ErrNoDefib is what a Client gives where no defib answers.
var ErrNoDefib = errors.New("no defib answers")

// get reads one answer. Its errors say what to do.
func (c *Client) get(ctx context.Context, what string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://defib/api/v1/"+what, http.NoBody)
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	resp, err := c.http.Do(req)
	switch {
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: no permission to open %s; run this as the user that defib runs as", ErrNoDefib, c.socket)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the defib on %s gave no answer in time", c.socket)
	case err != nil:
		return fmt.Errorf("%w on %s: is it running, and in this container?", ErrNoDefib, c.socket)
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	in := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode == http.StatusOK {
		if err := in.Decode(into); err != nil {
			return fmt.Errorf("read the answer of %s: %w", c.socket, err)
		}
		return nil
	}
	var refused struct {
		Error string `json:"error"`
	}
	if err := in.Decode(&refused); err != nil || refused.Error == "" {
		return fmt.Errorf("the defib on %s answered %s to %s: it may be of another version than this command", c.socket, resp.Status, what)
	}
	return errors.New(refused.Error)
}
