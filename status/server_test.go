package status

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"defib/heal"
	"defib/internal/dockertest"
)

// stage is a Source with what a test puts on it.
type stage struct {
	engine    Engine
	list      func(ctx context.Context) ([]Container, error)
	past      []Incident
	receivers []Receiver
	asked     atomic.Int32 // for containers
	wanted    []string     // incidents that were asked for
}

func (s *stage) Engine() Engine { return s.engine }
func (s *stage) Containers(ctx context.Context) ([]Container, error) {
	s.asked.Add(1)
	if s.list == nil {
		return nil, nil
	}
	return s.list(ctx)
}
func (s *stage) Incidents() []Incident { return s.past }
func (s *stage) Incident(id string) (Incident, bool) {
	s.wanted = append(s.wanted, id)
	for _, in := range s.past {
		if in.ID == id {
			return in, true
		}
	}
	return Incident{}, false
}
func (s *stage) Receivers() []Receiver { return s.receivers }

// theDay is when all of it happens.
func theDay() time.Time { return time.Date(2026, 11, 25, 3, 4, 5, 0, time.UTC) }

// fullStage has something of everything.
func fullStage() *stage {
	at := theDay()
	e := &Evidence{At: at, Uptime: 3600.5, Streak: 3, ExitCode: 137, OOMKilled: true, Probes: []Probe{{Start: at, Took: 0.25, ExitCode: 1, Output: "no\nanswer"}}, Log: []string{"a line"}, LogError: "no log"}
	return &stage{
		engine: Engine{
			Host: "shop-1", Version: "1.2.3", Engine: "Docker 29.0.0", Endpoint: "unix:///var/run/docker.sock", OK: true, Why: "watching", Since: at, Stream: true,
			LastList: &at, StreamGone: &at, Trouble: "the stream was cut", Action: "restart", Pauses: []Pause{{What: "shop/db", Until: at}},
		},
		list: func(context.Context) ([]Container, error) {
			return []Container{
				{ID: strings.Repeat("a", 64), Name: "shop-db-1", Image: "postgres", Project: "shop", Service: "db", Watched: true, Rule: "label autoheal=true", State: "running",
					Health: "unhealthy", Action: "restart", Phase: "backing-off", Hold: "paused", Outlook: "Soon.", Would: true, NextAt: &at, Since: &at, Restart: 2, Budget: 5,
					Incident: "aaaaaaaaaaaa-m1", Paused: &at, Dependents: []string{"web"}, Warnings: []string{"it has no HEALTHCHECK"}},
				{Name: "web", Project: "shop", Watched: true, State: "running", Health: "healthy", Action: "restart", Phase: "steady"},
				{Name: "other", Project: "blog", State: "exited", Phase: "steady"},
			}, nil
		},
		past: []Incident{
			{ID: "aaaaaaaaaaaa-m1", Container: "shop-db-1", Project: "shop", Service: "db", Image: "postgres", Since: at, At: at.Add(time.Hour), Status: "firing", Reason: "restart-failed",
				Title: "[FIRING] shop-db-1", Restarts: 2, LeftOut: 7, Happenings: []Happening{
					{At: at, Reason: "restarted", Severity: "warning", Title: "t", Text: "s", Attempt: 1, Took: 1.5, NextAt: &at, Evidence: e},
					{At: at, Reason: "restart-failed", Severity: "critical"},
					{At: at, Reason: "restart-failed", Severity: "critical", Evidence: &Evidence{At: at}},
				}},
			{ID: "storm-m0", Since: at.Add(-time.Hour), At: at.Add(-time.Hour), Ended: &at, Status: "resolved", Reason: "storm-over"},
		},
		receivers: []Receiver{{Name: "slack", Place: "hooks.slack.com:443", Waiting: 2, Oldest: &at, Delivered: 7, Dropped: 1, Last: &at, Trouble: "no route", Since: &at, RetryAt: &at}, {Name: "script", Place: "/hook"}},
	}
}

// options make a Server of a stage.
func options(s *stage) Options {
	return Options{Source: s, Changes: &Changes{}, Health: func() Answer { return Answer{OK: true, Why: "watching"} }, Counters: &Counters{}, Log: zerolog.Nop(),
		Tally: func() Tally { return Tally{Phases: [heal.GivenUp + 1]int{heal.BackingOff: 1}, Watched: 2} }}
}

// ask gives the answer of a handler to one request.
func ask(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), method, target, nil)
	r.Host = "127.0.0.1:9595"
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// paths are those that have an answer for everybody where there is no password.
func paths() []string {
	return []string{"/", "/index.html", "/healthz", "/metrics", "/api/v1/engine", "/api/v1/containers", "/api/v1/incidents", "/api/v1/incidents/storm-m0", "/api/v1/receivers"}
}

// hardened gives what is missing of the headers that every answer has.
func hardened(h http.Header) (missing []string) {
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":  "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
	} {
		if h.Get(name) != want {
			missing = append(missing, fmt.Sprintf("%s is %q", name, h.Get(name)))
		}
	}
	if c := h.Get("Cache-Control"); c != "no-store" && c != "no-cache" {
		missing = append(missing, "Cache-Control is "+c)
	}
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			missing = append(missing, "there is "+name)
		}
	}
	return missing
}

// TestEveryPathAnswers: with all headers, to HEAD as to GET, and to nothing else.
func TestEveryPathAnswers(t *testing.T) {
	h := NewServer(options(fullStage())).Handler()
	for _, path := range paths() {
		got := ask(h, "GET", path)
		if got.Code != http.StatusOK || got.Body.Len() == 0 {
			t.Errorf("GET %s: %d %s", path, got.Code, got.Body)
		}
		if missing := hardened(got.Header()); missing != nil {
			t.Errorf("GET %s: %v", path, missing)
		}
		if n := got.Header().Get("Content-Length"); n != strconv.Itoa(got.Body.Len()) && path != "/healthz" && path != "/metrics" {
			t.Errorf("GET %s has the length %s and %d bytes", path, n, got.Body.Len())
		}
		data := !strings.HasSuffix(path, "/") && !strings.HasSuffix(path, ".html")
		if data != (got.Header().Get("Cache-Control") == "no-store") {
			t.Errorf("GET %s: Cache-Control %s", path, got.Header().Get("Cache-Control"))
		}
		if strings.HasPrefix(path, "/api/") && (got.Header().Get("Content-Type") != "application/json" || !json.Valid(got.Body.Bytes())) {
			t.Errorf("GET %s: %s %s", path, got.Header().Get("Content-Type"), got.Body)
		}
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "PROPFIND"} {
			got := ask(h, method, path)
			if got.Code != http.StatusMethodNotAllowed || got.Header().Get("Allow") != "GET, HEAD" || hardened(got.Header()) != nil {
				t.Errorf("%s %s: %d %v", method, path, got.Code, got.Header())
			}
		}
	}
}

// TestOverTheWire: what net/http itself makes of requests.
func TestOverTheWire(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- NewServer(options(fullStage())).Serve(ctx, l) }()
	type heard struct {
		code   int
		length int64
		header http.Header
		body   string
	}
	send := func(text string) heard {
		t.Helper()
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close() //nolint:errcheck // only read from
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		go func() { _, _ = io.WriteString(c, text) }()
		resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: strings.Fields(text + " x")[0]})
		if err != nil {
			t.Errorf("%.80q: %v", text, err)
			return heard{}
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		return heard{resp.StatusCode, resp.ContentLength, resp.Header, string(body)}
	}
	for _, path := range paths() {
		get := send("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		head := send("HEAD " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if head.body != "" || get.body == "" || head.code != get.code || head.length != get.length && path != "/metrics" {
			t.Errorf("%s: GET %+v, HEAD %+v", path, get, head)
		}
	}
	for text, want := range map[string]int{
		"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n":                                                       405,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello":                                405,
		"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx":                               413,
		"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n":               413,
		"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("y", 30000) + "\r\n\r\n":                  431,
		"GET //evil.example/../.. HTTP/1.1\r\nHost: x\r\n\r\n":                                        404,
		"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n":                                           404,
		"GET /page/index.html HTTP/1.1\r\nHost: x\r\n\r\n":                                            404,
		"GET /api/v1/incidents/..%2f..%2fetc HTTP/1.1\r\nHost: x\r\n\r\n":                             404,
		"GET /api/v1/incidents/{id} HTTP/1.1\r\nHost: x\r\n\r\n":                                      404,
		"GET /api/v1/containers?state=sick HTTP/1.1\r\nHost: x\r\n\r\n":                               400,
		"GET /api/v1/containers?project=%zz HTTP/1.1\r\nHost: x\r\n\r\n":                              400,
		"GET /api/v1/engine?x=1 HTTP/1.1\r\nHost: x\r\n\r\n":                                          400,
		"GET /api/v1/incidents?limit=1&limit=2 HTTP/1.1\r\nHost: x\r\n\r\n":                           400,
		"GET /api/v1/incidents?limit=1001 HTTP/1.1\r\nHost: x\r\n\r\n":                                400,
		"GET /api/v1/incidents?limit=0 HTTP/1.1\r\nHost: x\r\n\r\n":                                   400,
		"GET /api/v1/incidents?limit=99999999999999999999 HTTP/1.1\r\nHost: x\r\n\r\n":                400,
		"GET /api/v1/incidents?since=yesterday HTTP/1.1\r\nHost: x\r\n\r\n":                           400,
		"GET /api/v1/incidents?since=2026-11-25T03:04:05Z;x HTTP/1.1\r\nHost: x\r\n\r\n":              400,
		"GET /api/v1/incidents?since=2026-11-25T03:04:05%2B01:00&limit=1 HTTP/1.1\r\nHost: x\r\n\r\n": 200,
	} {
		got := send(text)
		if got.code != want {
			t.Errorf("%.80q: %d %.200s; want %d", text, got.code, got.body, want)
		}
		if want != 431 && hardened(got.header) != nil { // net/http says that one itself
			t.Errorf("%.80q: %v", text, hardened(got.header))
		}
		if strings.HasPrefix(strings.Fields(text)[1], "/api/") && want >= 400 && !strings.HasPrefix(got.body, `{"error":"`) {
			t.Errorf("%.80q: %s", text, got.body)
		}
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestAddressesThatCannotBe: each is an error at once, that says what to do.
func TestAddressesThatCannotBe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // nobody connected
	s := NewServer(options(fullStage()))
	for address, want := range map[string]string{
		l.Addr().String():       "another program has the port; set AUTOHEAL_LISTEN to a free one, or to off",
		"192.0.2.1:9595":        "no such address; AUTOHEAL_LISTEN=:9595",
		"nowhere.invalid.:9595": "set AUTOHEAL_LISTEN to an address of this machine",
	} {
		if err := s.Listen(t.Context(), address); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), address) {
			t.Errorf("%s: %v; want %q", address, err, want)
		}
	}
}

func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:9595": true, "127.1.2.3:80": true, "[::1]:9595": true, "localhost:1": true, "LOCALHOST:1": true,
		":9595": false, "0.0.0.0:9595": false, "[::]:9595": false, "192.168.1.1:9595": false, "shop-1:9595": false, "": false, "127.0.0.1": false,
	} {
		if got := Loopback(address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

// TestFiles: the page's files come with their types, and once.
func TestFiles(t *testing.T) {
	s := NewServer(options(fullStage()))
	h := s.Handler()
	for path, f := range s.files {
		got := ask(h, "GET", path)
		if got.Code != http.StatusOK || got.Header().Get("Content-Type") != f.kind || strconv.Itoa(got.Body.Len()) != f.size {
			t.Errorf("%s: %d %v, %d bytes", path, got.Code, got.Header(), got.Body.Len())
		}
		again := ask(h, "GET", path, "If-None-Match", `"x", W/`+got.Header().Get("ETag"))
		if again.Code != http.StatusNotModified || again.Body.Len() > 0 || hardened(again.Header()) != nil {
			t.Errorf("%s again: %d %v", path, again.Code, again.Header())
		}
		if other := ask(h, "GET", path, "If-None-Match", `"x"`); other.Code != http.StatusOK {
			t.Errorf("%s, changed: %d", path, other.Code)
		}
	}
	if s.files["/"].kind != "text/html; charset=utf-8" || s.files["/"].etag != s.files["/index.html"].etag {
		t.Errorf("the page is %+v", s.files["/"])
	}
	for name, want := range map[string]string{"a.js": "text/javascript; charset=utf-8", "a.css": "text/css; charset=utf-8", "a.svg": "image/svg+xml", "a": "application/octet-stream", "a.exe": "application/octet-stream"} {
		if got := mediaType(name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestIncidents: 10,000 are shown in pages.
func TestIncidents(t *testing.T) {
	s := fullStage()
	s.past = nil
	for i := range 10000 {
		at := theDay().Add(-time.Duration(i) * time.Minute)
		s.past = append(s.past, Incident{ID: fmt.Sprintf("x-%d", i), Since: at, At: at, Happenings: []Happening{{}}})
	}
	h := NewServer(options(s)).Handler()
	list := func(q string) (all []Incident) {
		t.Helper()
		if err := json.Unmarshal(ask(h, "GET", "/api/v1/incidents"+q).Body.Bytes(), &all); err != nil {
			t.Error(q, err)
		}
		return all
	}
	if all := list(""); len(all) != 100 || all[0].ID != "x-0" || all[99].ID != "x-99" || all[0].Happenings != nil {
		t.Errorf("%d incidents", len(all))
	}
	if all := list("?limit=1000"); len(all) != 1000 {
		t.Errorf("%d incidents", len(all))
	}
	if all := list("?since=" + theDay().Add(-9*time.Minute).Format(time.RFC3339)); len(all) != 10 {
		t.Errorf("%d incidents since", len(all))
	}
	if all := list("?limit=1&since="); len(all) != 1 {
		t.Errorf("%d incidents", len(all))
	}
	s.wanted = nil // an id may be the name of a file: none that leaves the folder gets as far
	for _, id := range []string{"..", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "x%00", "X", "a.json", "%2e%2e", "{id}", "a/b", ""} {
		if got := ask(h, "GET", "/api/v1/incidents/"+id); got.Code != http.StatusNotFound || s.wanted != nil {
			t.Errorf("%q: %d, asked for %q", id, got.Code, s.wanted)
		}
	}
	var one Incident
	if err := json.Unmarshal(ask(h, "GET", "/api/v1/incidents/x-9999").Body.Bytes(), &one); err != nil || one.ID != "x-9999" || len(one.Happenings) != 1 {
		t.Errorf("%+v, %v", one, err)
	}
}

// TestContainersAreChosen by project and state.
func TestContainersAreChosen(t *testing.T) {
	h := NewServer(options(fullStage())).Handler()
	for q, want := range map[string]string{
		"": "shop-db-1 web other", "?project=shop": "shop-db-1 web", "?project=blog": "other", "?project=none": "", "?project=": "shop-db-1 web other",
		"?state=ok": "web", "?state=trouble": "shop-db-1", "?state=unwatched": "other", "?state=ok&project=blog": "", "?state=ok&project=shop": "web",
	} {
		got := ask(h, "GET", "/api/v1/containers"+q)
		var all []Container
		if err := json.Unmarshal(got.Body.Bytes(), &all); err != nil || got.Header().Get("Content-Length") != strconv.Itoa(got.Body.Len()) {
			t.Errorf("%s: %v in %s", q, err, got.Body)
		}
		names := make([]string, len(all))
		for i, c := range all {
			names[i] = c.Name
		}
		if strings.Join(names, " ") != want {
			t.Errorf("%s: %v; want %s", q, names, want)
		}
	}
	for name, c := range map[string]Container{
		"an open incident": {Watched: true, Phase: "steady", Health: "healthy", Incident: "x"}, "unhealthy": {Watched: true, Phase: "steady", Health: "unhealthy"},
		"recovering": {Watched: true, Phase: "recovering", Health: "healthy"},
	} {
		if got := stateOf(&c); got != stateTrouble {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestHostileNames: whatever containers are called, JSON stays JSON, and holds
// nothing that a browser could take for a tag.
func TestHostileNames(t *testing.T) {
	s := fullStage()
	evil := "<script>alert(1)</script>\"'\u2028\x00\xff\x1b[31m</title><img src=x onerror=alert(1)>"
	s.list = func(context.Context) ([]Container, error) {
		all := make([]Container, 1000)
		for i := range all {
			all[i] = Container{ID: evil, Name: evil + strconv.Itoa(i), Image: evil, Project: evil, Service: evil, Rule: evil, Outlook: evil, Dependents: []string{evil}, Warnings: []string{evil}}
		}
		return all, nil
	}
	s.engine.Trouble, s.engine.Version = evil, evil
	s.past[0].Title, s.past[0].Happenings[0].Text = evil, evil
	s.receivers[0].Place, s.receivers[0].Trouble = evil, evil
	h := NewServer(options(s)).Handler()
	for _, path := range append(paths(), "/api/v1/incidents/aaaaaaaaaaaa-m1", "/api/v1/containers?state=%3Cscript%3E", "/api/v1/containers?%3Cscript%3E=1", "/%3Cscript%3E") {
		got := ask(h, "GET", path)
		if strings.HasPrefix(got.Header().Get("Content-Type"), "text/html") {
			continue // a file
		}
		if strings.HasPrefix(path, "/api/") && (bytes.ContainsAny(got.Body.Bytes(), "<>\u2028\x1b\x00") || !json.Valid(got.Body.Bytes())) {
			t.Errorf("%s: %.300q", path, got.Body)
		}
	}
	var all []Container
	if err := json.Unmarshal(ask(h, "GET", "/api/v1/containers").Body.Bytes(), &all); err != nil || len(all) != 1000 || !strings.HasSuffix(all[999].Name, "999") {
		t.Errorf("%d containers, %v", len(all), err)
	}
}

// TestWhatCannotBeWritten: a time or number that JSON does not hold is an error,
// not half an answer.
func TestWhatCannotBeWritten(t *testing.T) {
	s := fullStage()
	never := time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)
	s.engine.Since = never
	s.past[0].At, s.receivers[0].Last = never, &never
	s.list = func(context.Context) ([]Container, error) { return []Container{{Name: "x", NextAt: &never}}, nil }
	h := NewServer(options(s)).Handler()
	for _, path := range []string{"/api/v1/engine", "/api/v1/containers", "/api/v1/incidents", "/api/v1/receivers"} {
		if got := ask(h, "GET", path); got.Code != http.StatusBadGateway || !strings.HasPrefix(got.Body.String(), `{"error":"`) {
			t.Errorf("%s: %d %s", path, got.Code, got.Body)
		}
	}
}

// TestHostNames: without a password a name that anybody could register is not
// answered to, unless it was set.
func TestHostNames(t *testing.T) {
	here := options(fullStage())
	here.Names = []string{"Status.example.org"}
	guarded := here
	guarded.Password = func() (string, error) { return "x", nil }
	for host, own := range map[string]bool{
		"localhost": true, "localhost:9595": true, "LocalHost.:9595": true, "localhost.localdomain": true, "a.localhost:1": true, "127.0.0.1": true, "127.0.0.1:9595": true,
		"[::1]:9595": true, "[::1]": true, "192.168.1.7:80": true, "defib:9595": true, "status.example.org": true,
		"evil.example": false, "evil.example:9595": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false, "": false, "127.1": false, "xstatus.example.org": false,
	} {
		for _, path := range append(paths(), "/nothing") {
			got := ask(NewServer(here).Handler(), "GET", path, "Host", host)
			if own == (got.Code == http.StatusMisdirectedRequest) || hardened(got.Header()) != nil {
				t.Errorf("%s on %q: %d", path, host, got.Code)
			}
			if !own && !strings.Contains(got.Body.String(), "use http://localhost") {
				t.Errorf("%q: %s", host, got.Body)
			}
		}
		if got := ask(NewServer(guarded).Handler(), "GET", "/", "Host", host); got.Code != http.StatusUnauthorized {
			t.Errorf("with a password, %q: %d", host, got.Code)
		}
	}
}

// TestControlServesTheAPI: on the control socket there is the API, without a
// password, and the way to streams, beside the orders.
func TestControlServesTheAPI(t *testing.T) {
	o := options(fullStage())
	o.Password = func() (string, error) { return "", errors.New("gone") }
	socket, _ := serveBoardWith(t, NewServer(o).API())
	c := http.Client{Transport: dialer(socket), Timeout: 5 * time.Second}
	defer c.CloseIdleConnections()
	get := func(method, path string) (int, string) {
		t.Helper()
		r, _ := http.NewRequestWithContext(t.Context(), method, "http://defib"+path, nil)
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close() //nolint:errcheck // only read from
		buf := make([]byte, 1<<16)
		n, _ := resp.Body.Read(buf)
		return resp.StatusCode, string(buf[:n])
	}
	for _, path := range []string{"/api/v1/engine", "/api/v1/containers", "/api/v1/incidents", "/api/v1/incidents/storm-m0", "/api/v1/receivers", "/api/v1/events"} {
		if code, text := get("GET", path); code != http.StatusOK || text == "" {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
	if code, text := get("POST", "/api/v1/engine"); code != http.StatusMethodNotAllowed || !strings.HasPrefix(text, `{"error":"`) {
		t.Errorf("POST: %d %s", code, text)
	}
	if code, _ := get("GET", "/v1/pauses"); code != http.StatusOK {
		t.Errorf("the orders are gone: %d", code)
	}
	if code, _ := get("GET", "/"); code != http.StatusNotFound {
		t.Errorf("the page is there: %d", code)
	}
}

// TestCrowd: strangers that open connections and say nothing cost so many, and
// make room within seconds.
func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe, _ := servePipe(t, NewServer(options(fullStage())))
		var wg sync.WaitGroup
		for range maxConns {
			wg.Go(func() {
				c, err := pipe.DialContext(t.Context(), "", "")
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = c.Read(make([]byte, 1)) // until it is closed
			})
		}
		synctest.Wait()
		begun := time.Now()
		if code, text := fetch(t, pipe, "/healthz"); code != http.StatusOK {
			t.Errorf("%d %s", code, text)
		}
		if took := time.Since(begun); took != headerTimeout {
			t.Errorf("answered after %s", took)
		}
		wg.Wait()
	})
}

// servePipe serves in memory, until the test's end.
func servePipe(t *testing.T, s *Server) (pipe *dockertest.Pipe, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	pipe = dockertest.NewPipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Serve(ctx, pipe); err != nil {
			t.Error(err)
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return pipe, stop
}

// fetch gives what is at a path.
func fetch(t *testing.T, pipe *dockertest.Pipe, path string) (code int, body string) {
	t.Helper()
	c := http.Client{Transport: &http.Transport{DialContext: pipe.DialContext}}
	defer c.CloseIdleConnections()
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x"+path, nil)
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(text)
}
