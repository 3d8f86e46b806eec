package watcher

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"defib/heal"
)

// A list of 10,000 containers is more than ten megabytes, of which the client
// would make several times as much before anybody could look at the first
// entry. So the entries are handed over as they are read, and the client, which
// does all else of the call, is left with an empty list.

// entryKey is the context's key of a func(listEntry).
type entryKey struct{}

// withEntries has the entries of the lists that are asked for with a context
// handed to see instead of the client.
func withEntries(ctx context.Context, see func(listEntry)) context.Context {
	return context.WithValue(ctx, entryKey{}, see)
}

// listEntry is what is read of a list's entry.
type listEntry struct {
	ID         string `json:"Id"`
	Names      []string
	Image      string
	Labels     map[string]string
	State      string
	Status     string // words such as "Up 2 hours (unhealthy)"
	HostConfig struct{ NetworkMode string }
}

// sighting turns an entry into what it says about a container. What it says of
// health is true only in a list of the unhealthy. Of the labels it keeps those
// that defib reads, and the one that selects: a list of many is held for a moment.
func (c listEntry) sighting(selects string) sighting {
	status := statusOf(c.State)
	s := sighting{
		id: c.ID, labels: readLabels(c.Labels, selects), health: healthIn(c.Status, status), container: containerOf(c.ID, ownName(c.Names), c.Image, c.Labels),
		event: heal.Observed{Health: heal.Unhealthy, Status: status},
	}
	if owner, shared := strings.CutPrefix(c.HostConfig.NetworkMode, "container:"); shared {
		s.network = cut(owner, 64)
	}
	return s
}

// readLabels gives the labels that defib reads.
func readLabels(labels map[string]string, selects string) map[string]string {
	few := make(map[string]string, 6)
	for name, value := range labels {
		switch name {
		case selects, labelOwn, labelSwarmTask, labelProject, labelService, labelNumber, labelOneOff, labelDependsOn:
			few[name] = value
		default:
			if isOurs(name) {
				few[name] = value
			}
		}
	}
	return few
}

// handOver replaces the body of a list's answer by one that hands its entries
// over, where the request's context asks for it.
func handOver(req *http.Request, resp *http.Response) {
	if see, ok := req.Context().Value(entryKey{}).(func(listEntry)); ok && resp.StatusCode == http.StatusOK {
		resp.Body = &entries{body: resp.Body, see: see}
	}
}

// entries is the body of a list. The first Read reads all of it, and gives an
// empty list.
type entries struct {
	body io.ReadCloser
	see  func(listEntry)
	left string // what is still to be given
	done bool
}

// Read satisfies io.Reader. Its error names what is wrong with the list.
func (e *entries) Read(p []byte) (int, error) {
	if !e.done {
		if err := e.readAll(); err != nil {
			return 0, err
		}
		e.done, e.left = true, "[]"
	}
	if e.left == "" {
		return 0, io.EOF
	}
	n := copy(p, e.left)
	e.left = e.left[n:]
	return n, nil
}

func (e *entries) readAll() error {
	in := json.NewDecoder(e.body)
	begin, err := in.Token()
	if err != nil {
		return unended(err)
	}
	if begin == nil {
		return nil // null, an empty list
	}
	if begin != json.Delim('[') {
		return fmt.Errorf("the list begins with %v", begin)
	}
	for n := 1; in.More(); n++ {
		var one listEntry
		if err := in.Decode(&one); err != nil {
			return fmt.Errorf("entry %d of the list: %w", n, unended(err))
		}
		e.see(one)
	}
	if _, err = in.Token(); err != nil { // the end of the list
		return unended(err)
	}
	_, err = io.CopyN(io.Discard, e.body, 512) // to its end, so that the connection can be used again
	if err == io.EOF {                         //nolint:errorlint // it is the reader's own
		return nil
	}
	return err //nolint:wrapcheck // the body's own
}

// unended names the end of a body in the middle of the list: to whom reads the
// body, an end is a good one.
func unended(err error) error {
	if err == io.EOF { //nolint:errorlint // an error that wraps it names itself
		return io.ErrUnexpectedEOF
	}
	return err
}

// Close satisfies io.Closer.
func (e *entries) Close() error { return e.body.Close() }
