package status

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// chaos is a Source that says anything.
type chaos struct {
	*rand.Rand
	text string
}

func (c chaos) str() string {
	switch c.IntN(4) {
	case 0:
		return ""
	case 1:
		return c.text
	case 2:
		return strings.Repeat(c.text, 100)
	}
	return "</script>\x00\xff\u2028\"\\\n"
}

func (c chaos) time() time.Time {
	switch c.IntN(4) {
	case 0:
		return time.Time{}
	case 1:
		return time.Unix(int64(c.Uint64())>>c.IntN(64), 0).UTC()
	}
	return theDay().Add(time.Duration(c.Int64()) >> c.IntN(64))
}

func (c chaos) when() *time.Time {
	if c.IntN(2) == 0 {
		return nil
	}
	t := c.time()
	return &t
}

func (c chaos) strs() (all []string) {
	for range c.IntN(3) {
		all = append(all, c.str())
	}
	return all
}

func (c chaos) Engine() Engine {
	e := Engine{Host: c.str(), Version: c.str(), Engine: c.str(), Why: c.str(), Since: c.time(), LastList: c.when(), StreamGone: c.when(), Trouble: c.str()}
	for range c.IntN(3) {
		e.Pauses = append(e.Pauses, Pause{c.str(), c.time()})
	}
	return e
}

func (c chaos) Containers(ctx context.Context) ([]Container, error) {
	switch c.IntN(6) {
	case 0:
		return nil, errors.New(c.str())
	case 1:
		<-ctx.Done()
		return nil, ctx.Err()
	case 2:
		panic(c.str())
	}
	all := make([]Container, c.IntN(50))
	for i := range all {
		all[i] = Container{Name: c.str(), Project: c.str(), Watched: c.IntN(2) == 0, Phase: c.str(), Health: c.str(), Incident: c.str(), NextAt: c.when(), Since: c.when(), Paused: c.when(), Warnings: c.strs(), Dependents: c.strs()}
	}
	return all, nil
}

func (c chaos) Incidents() []Incident {
	all := make([]Incident, c.IntN(200))
	for i := range all {
		all[i] = Incident{ID: c.str(), Since: c.time(), At: c.time(), Ended: c.when(), Title: c.str()}
	}
	return all
}

func (c chaos) Incident(id string) (Incident, bool) {
	in := Incident{ID: id, Since: c.time(), Title: c.str()}
	for range c.IntN(3) {
		in.Happenings = append(in.Happenings, Happening{At: c.time(), Text: c.str(), Took: c.NormFloat64(), Evidence: &Evidence{At: c.time(), Log: c.strs(), Probes: []Probe{{Start: c.time(), Output: c.str()}}}})
	}
	return in, c.IntN(3) > 0
}

func (c chaos) Receivers() []Receiver {
	all := make([]Receiver, c.IntN(5))
	for i := range all {
		all[i] = Receiver{Name: c.str(), Place: c.str(), Waiting: c.IntN(10), Oldest: c.when(), Trouble: c.str(), RetryAt: c.when()}
	}
	return all
}

// FuzzServer: whoever asks for what, and whatever there is to show, there is an
// answer: one of those that are meant, with all headers, in its format.
func FuzzServer(f *testing.F) {
	for i, path := range append(paths(), "/api/v1/events", "/api/v1/incidents/a%2fb", "//", "/%00", "/app.js") {
		f.Add("GET", path, "state=ok&project=x", "localhost", basic("", password), "", "x", uint64(i))
		f.Add("HEAD", path, "limit=5&since=2026-11-25T03:04:05Z", "[::1]:9595", "Basic x", `"x"`, "<b>", uint64(i)<<32)
		f.Add("POST", path, "%zz;", "evil.example", basic("", "x"), "*", "\xff", uint64(i)*7919)
	}
	f.Fuzz(func(t *testing.T, method, path, q, host, auth, match, text string, seed uint64) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			u = &url.URL{Path: path}
		}
		u.RawQuery = q
		synctest.Test(t, func(t *testing.T) {
			c := chaos{rand.New(rand.NewPCG(seed, 1)), text}
			o := Options{Source: c, Health: func() Answer { return Answer{OK: c.IntN(2) == 0, Why: c.str()} }, Log: zerolog.Nop()}
			if seed%3 == 0 {
				o.Password = func() (string, error) { return password, nil }
			}
			if seed%5 == 0 {
				o.Tally = func() Tally { return Tally{Watched: c.IntN(10) - 5} }
			}
			h := NewServer(o).Handler()
			if seed%7 == 0 {
				h = NewServer(o).API()
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			r := (&http.Request{Method: method, URL: u, Host: host, Header: http.Header{}, ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
			r.Header.Set("Authorization", auth)
			r.Header.Set("If-None-Match", match)
			got := httptest.NewRecorder()
			h.ServeHTTP(got, r)
			sane(t, r, got)
			time.Sleep(time.Minute)
		})
	})
}

// sane tells whether an answer is one of those that are meant.
func sane(t *testing.T, r *http.Request, got *httptest.ResponseRecorder) {
	t.Helper()
	body, kind := got.Body.String(), got.Header().Get("Content-Type")
	if missing := hardened(got.Header()); missing != nil {
		t.Errorf("%d: %v", got.Code, missing)
	}
	switch got.Code {
	case 200, 304, 400, 401, 404, 405, 421, 429:
	case 502:
		if !strings.Contains(body, "the engine did not list its containers") && !strings.Contains(body, "the answer cannot be written") {
			t.Errorf("%d %s", got.Code, body)
		}
	case 503:
		if !strings.Contains(body, "in time") && !strings.HasPrefix(body, `{"ok":false,`) {
			t.Errorf("%d %s", got.Code, body)
		}
	default:
		t.Errorf("%d %s", got.Code, body)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead && got.Code != http.StatusMethodNotAllowed {
		t.Errorf("%s: %d", r.Method, got.Code)
	}
	switch {
	case kind == "application/json":
		if !json.Valid(got.Body.Bytes()) || strings.ContainsAny(body, "<>\u2028\x00") {
			t.Errorf("%d %.300q", got.Code, body)
		}
	case strings.HasPrefix(kind, "text/plain; version"):
		if _, err := scrape(body); err != nil {
			t.Error(err)
		}
	case strings.HasPrefix(r.URL.Path, "/api/") && kind != "text/event-stream":
		t.Errorf("%d is %s", got.Code, kind)
	case kind == "" && got.Code != http.StatusNotModified:
		t.Errorf("%d has no type: %q", got.Code, body)
	}
}
