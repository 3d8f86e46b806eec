package status

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Paths that are named in several places.
const (
	healthPath     = "/healthz"
	incidentPrefix = "/api/v1/incidents/"
	incidentPath   = incidentPrefix + "{id}"
)

// How many incidents one answer has.
const (
	incidentsUsual = 100
	incidentsMost  = 1000
)

// refuse answers with an error: JSON where programs ask, text for people.
func refuse(rw http.ResponseWriter, r *http.Request, code int, text string) {
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		rw.WriteHeader(code)
		fmt.Fprintln(rw, text)
		return
	}
	body, _ := json.Marshal(struct {
		Error string `json:"error"`
	}{text})
	reply(rw, code, append(body, '\n'))
}

// answer answers with JSON.
func answer(rw http.ResponseWriter, r *http.Request, value any) {
	body, err := json.Marshal(value)
	if err != nil { // a time or number that JSON cannot hold
		refuse(rw, r, http.StatusBadGateway, "the answer cannot be written: "+err.Error())
		return
	}
	reply(rw, http.StatusOK, append(body, '\n'))
}

// reply writes JSON.
func reply(rw http.ResponseWriter, code int, body []byte) {
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("Content-Length", strconv.Itoa(len(body)))
	rw.WriteHeader(code)
	_, _ = rw.Write(body) // whoever asked has gone: nothing to do
}

// health answers as Docker's health check and load balancers want it.
func health(rw http.ResponseWriter, a Answer) {
	code := http.StatusOK
	if !a.OK {
		code = http.StatusServiceUnavailable
	}
	body, _ := json.Marshal(a)
	reply(rw, code, append(body, '\n'))
}

// query reads the parameters of a request: each at most once, and none but
// those that are known, since a misspelt one would show too much in silence.
func query(rw http.ResponseWriter, r *http.Request, known ...string) (url.Values, bool) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		refuse(rw, r, http.StatusBadRequest, "the parameters cannot be read: write them as ?name=value&name=value, with %-escapes")
		return nil, false
	}
	for name, all := range values {
		switch {
		case len(known) == 0:
			refuse(rw, r, http.StatusBadRequest, "this takes no parameters")
			return nil, false
		case !slices.Contains(known, name):
			refuse(rw, r, http.StatusBadRequest, fmt.Sprintf("there is no parameter %.50q here, only %s", name, strings.Join(known, " and ")))
			return nil, false
		case len(all) > 1:
			refuse(rw, r, http.StatusBadRequest, name+" is given several times: give it once")
			return nil, false
		}
	}
	return values, true
}

func (s *Server) engine(rw http.ResponseWriter, r *http.Request) {
	if _, ok := query(rw, r); !ok {
		return
	}
	e := s.o.Source.Engine()
	e.Pauses = orEmpty(e.Pauses)
	answer(rw, r, e)
}

func (s *Server) receivers(rw http.ResponseWriter, r *http.Request) {
	if _, ok := query(rw, r); ok {
		answer(rw, r, orEmpty(s.o.Source.Receivers()))
	}
}

// containers answers what the engine has, of one project or in one condition
// where that is asked for.
func (s *Server) containers(rw http.ResponseWriter, r *http.Request) {
	q, ok := query(rw, r, "project", "state")
	if !ok {
		return
	}
	state := q.Get("state")
	if !slices.Contains([]string{"", stateOK, stateTrouble, stateUnwatched}, state) {
		refuse(rw, r, http.StatusBadRequest, fmt.Sprintf("state=%.50q: must be ok, trouble or unwatched", state))
		return
	}
	// The server's limit began with the request. What cannot have one is a test's.
	_ = http.NewResponseController(rw).SetWriteDeadline(time.Now().Add(engineTimeout + writeTimeout))
	ctx, cancel := context.WithTimeout(r.Context(), engineTimeout)
	defer cancel()
	found, err := s.list.get(ctx)
	switch {
	case err == nil:
		found.write(rw, q.Get("project"), state)
	case errors.Is(err, context.DeadlineExceeded):
		refuse(rw, r, http.StatusServiceUnavailable, "the engine did not list its containers in time: see /api/v1/engine; try again in a while")
	default:
		refuse(rw, r, http.StatusBadGateway, fmt.Sprintf("the engine did not list its containers: %.500s; see /api/v1/engine", err))
	}
}

// incidents answers the newest that happened.
func (s *Server) incidents(rw http.ResponseWriter, r *http.Request) {
	q, ok := query(rw, r, "limit", "since")
	if !ok {
		return
	}
	limit, err := strconv.Atoi(cmp.Or(q.Get("limit"), strconv.Itoa(incidentsUsual)))
	if err != nil || limit < 1 || limit > incidentsMost {
		refuse(rw, r, http.StatusBadRequest, fmt.Sprintf("limit=%.50q: must be a whole number from 1 to %d", q.Get("limit"), incidentsMost))
		return
	}
	var since time.Time
	if text := q.Get("since"); text != "" {
		if since, err = time.Parse(time.RFC3339, text); err != nil {
			refuse(rw, r, http.StatusBadRequest, fmt.Sprintf("since=%.50q: must be a time such as 2026-01-31T18:00:00Z (a + is written %%2B)", text))
			return
		}
	}
	some := []Incident{}
	for _, in := range s.o.Source.Incidents() {
		if len(some) < limit && !in.At.Before(since) {
			in.Happenings = nil
			some = append(some, in)
		}
	}
	answer(rw, r, some)
}

// incident answers all that is known of one.
func (s *Server) incident(rw http.ResponseWriter, r *http.Request) {
	if _, ok := query(rw, r); !ok {
		return
	}
	id := r.PathValue("id")
	var in Incident
	known := plain(id)
	if known {
		in, known = s.o.Source.Incident(id)
	}
	if !known {
		refuse(rw, r, http.StatusNotFound, "no such incident is remembered: see /api/v1/incidents")
		return
	}
	for i, h := range in.Happenings {
		if h.Evidence != nil {
			e := *h.Evidence // what it points to may be others' too
			e.Probes, e.Log = orEmpty(e.Probes), orEmpty(e.Log)
			in.Happenings[i].Evidence = &e
		}
	}
	answer(rw, r, in)
}

// plain tells whether an incident may have this id: it may be the name of a
// file.
func plain(id string) bool {
	return id != "" && len(id) <= 100 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// orEmpty keeps null out of JSON where a list is promised.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
