package dockertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// request is a call of the API, taken apart.
type request struct {
	kind  string // see Call.Kind
	ref   string // the container as the client calls it
	api   string // the version asked for, such as "1.41"
	query url.Values
	gone  <-chan struct{} // closed when the client goes away
}

// parse finds what is asked for. The kind is empty for what this engine does
// not know.
func (e *Engine) parse(r *http.Request) *request {
	q := &request{api: e.opts.APIVersion, query: r.URL.Query(), gone: r.Context().Done()}
	path := strings.TrimPrefix(r.URL.Path, "/")
	if first, rest, found := strings.Cut(path, "/"); found && isVersion(first) {
		q.api, path = first[1:], rest
	}
	parts := strings.Split(path, "/")
	switch {
	case len(parts) == 1:
		q.kind = plainKind(r.Method, parts[0])
	case len(parts) == 2 && parts[0] == "containers" && parts[1] == "json" && r.Method == http.MethodGet:
		q.kind = "list"
	case len(parts) == 2 && parts[0] == "containers" && r.Method == http.MethodDelete:
		q.kind, q.ref = "remove", parts[1]
	case len(parts) == 3 && parts[0] == "containers":
		q.kind, q.ref = containerKind(r.Method, parts[2]), parts[1]
	}
	return q
}

func plainKind(method, path string) string {
	switch {
	case path == "_ping" && (method == http.MethodGet || method == http.MethodHead):
		return "ping"
	case method != http.MethodGet:
		return ""
	case path == "version" || path == "info" || path == "events":
		return path
	}
	return ""
}

func containerKind(method, verb string) string {
	switch verb {
	case "json":
		if method == http.MethodGet {
			return "inspect"
		}
	case "logs":
		if method == http.MethodGet {
			return verb
		}
	case "restart", "start", "stop", "kill", "pause", "unpause", "rename":
		if method == http.MethodPost {
			return verb
		}
	}
	return ""
}

// serve answers every request: observers, faults, then the engine proper.
func (e *Engine) serve(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	if e.away {
		e.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	e.handlers.Add(1)
	e.mu.Unlock()
	defer e.handlers.Done()

	q := e.parse(r)
	call := e.observe(q, r)
	life, err := e.enter(q.gone)
	if err == nil {
		err = e.treat(life, w, r, q, call)
	}
	if err != nil { // only errAway gets here: the connection breaks without an answer
		panic(http.ErrAbortHandler)
	}
}

// treat applies the first fault that matches, else answers.
func (e *Engine) treat(life chan struct{}, w http.ResponseWriter, r *http.Request, q *request, call *Call) error {
	f, broken := e.faultFor(call)
	if broken && !f.AfterEffect {
		if err := e.suffer(life, w, q, call, f); err != nil || f.breaks() && !f.Half {
			return err
		}
	}
	if broken && f.Half {
		return e.answerHalf(life, w, r, q)
	}
	status, body, err := e.act(life, w, r, q)
	if err == nil && broken && f.AfterEffect {
		if err := e.suffer(life, w, q, call, f); err != nil || f.breaks() {
			return err
		}
	}
	if err != nil {
		return err
	}
	if _, err := e.enter(q.gone); err != nil { // it may hang since
		return err
	}
	e.note(call, status)
	e.reply(w, status, body)
	return nil
}

// act carries out the request. Streams are written here, hence a zero status;
// all else is left to the caller. An error means that the engine went away.
func (e *Engine) act(life chan struct{}, w http.ResponseWriter, r *http.Request, q *request) (int, any, error) {
	if q.kind == "" {
		return http.StatusNotFound, e.complaint("page not found"), nil
	}
	e.greet(w)
	if err := e.checkVersion(q); err != nil {
		w.Header().Del("Docker-Experimental")
		return e.fail(err)
	}
	switch q.kind {
	case "events":
		if err := e.follow(life, w, q); err != nil {
			return e.fail(err)
		}
		return 0, nil, nil
	case "ping", "version", "info", "list", "inspect":
		body, err := e.read(q, r.Method)
		if err != nil {
			return e.fail(err)
		}
		return http.StatusOK, body, nil
	case "logs":
		body, err := e.logs(q)
		if err != nil {
			return e.fail(err)
		}
		return http.StatusOK, body, nil
	}
	status, err := e.change(life, q)
	if err != nil {
		return e.fail(err)
	}
	return status, nil, nil
}

// read answers the requests that change nothing.
func (e *Engine) read(q *request, method string) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch q.kind {
	case "ping":
		if method == http.MethodHead {
			return plain(""), nil
		}
		return plain("OK"), nil
	case "version":
		return e.version(), nil
	case "info":
		return e.info(), nil
	case "list":
		return e.list(q)
	}
	c, err := e.find(q.ref)
	if err != nil {
		return nil, err
	}
	return e.inspection(c), nil
}

// fail turns a refusal into an answer, and passes on that the engine is away.
func (e *Engine) fail(err error) (int, any, error) {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.status, e.complaint(r.text), nil
	}
	return 0, nil, err
}

func (e *Engine) complaint(message string) any {
	if e.opts.Podman {
		return wirePodmanError{Cause: message, Message: message}
	}
	return wireError{Message: message}
}

// greet sets the headers that every answer has, but not those for unknown paths.
func (e *Engine) greet(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Api-Version", e.opts.APIVersion)
	h.Set("Docker-Experimental", "false")
	h.Set("Ostype", "linux")
	h.Set("Date", e.clock().Format(http.TimeFormat))
	if e.opts.Podman {
		h.Set("Server", "Libpod/"+e.opts.Version+" (linux)")
		h.Set("Libpod-Api-Version", e.opts.Version)
		return
	}
	h.Set("Server", "Docker/"+e.opts.Version+" (linux)")
}

// content is a body that is not made from a struct.
type content struct {
	kind  string // of media
	bytes []byte
}

func plain(text string) content { return content{"text/plain; charset=utf-8", []byte(text)} }

// reply writes an answer; a zero status means that it has been written.
func (e *Engine) reply(w http.ResponseWriter, status int, body any) {
	if status == 0 {
		return
	}
	c, made := body.(content)
	if !made && body != nil {
		c = content{"application/json", append(encode(body), '\n')}
	}
	if c.kind != "" {
		w.Header().Set("Content-Type", c.kind)
	}
	if status != http.StatusNoContent && status != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(len(c.bytes)))
	}
	w.WriteHeader(status)
	_, _ = w.Write(c.bytes) // a client that has gone needs no answer
}

// checkVersion refuses clients that are too new or too old (facts 10.3, 12.1).
func (e *Engine) checkVersion(q *request) error {
	if lessVersion(q.api, e.opts.MinAPIVersion) {
		return refuse(http.StatusBadRequest, "client version %s is too old. Minimum supported API version is %s, "+
			"please upgrade your client to a newer version", q.api, e.opts.MinAPIVersion)
	}
	if lessVersion(e.opts.APIVersion, q.api) {
		return refuse(http.StatusBadRequest, "client version %s is too new. Maximum supported API version is %s",
			q.api, e.opts.APIVersion)
	}
	return nil
}

// isVersion recognises v1.41.
func isVersion(part string) bool {
	return len(part) > 3 && part[0] == 'v' && strings.Trim(part[1:], "0123456789.") == "" && strings.Contains(part, ".")
}

// lessVersion compares 1.9 and 1.41 by their numbers; what cannot be read is old.
func lessVersion(a, b string) bool {
	majorA, minorA := versionOf(a)
	majorB, minorB := versionOf(b)
	return majorA < majorB || majorA == majorB && minorA < minorB
}

// versionOf takes 1.41 apart. fmt's scanning would do it, and add 30 kB to a
// program that has no other use for it.
func versionOf(text string) (major, minor int) {
	first, second, _ := strings.Cut(text, ".")
	second, _, _ = strings.Cut(second, ".") // what follows in the version of an engine
	major, _ = strconv.Atoi(first)
	minor, _ = strconv.Atoi(second)
	return major, minor
}

// encode gives JSON as Docker writes it. What it is given can always be
// encoded.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("dockertest: encode %T: %v", v, err))
	}
	return b
}
