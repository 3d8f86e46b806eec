package notify

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// scripted is a server, or what is in the way to one, that a test drives.
type scripted struct {
	began  time.Time
	first  func(w http.ResponseWriter) // what it answers at first
	times  int                         // how often it does so; then it says ok
	mu     sync.Mutex
	at     []time.Duration // requests since began
	bodies []string
}

func (s *scripted) handle(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body := readAll(t, r.Body)
		s.mu.Lock()
		s.at, s.bodies = append(s.at, time.Since(s.began)), append(s.bodies, body)
		n := len(s.at)
		s.mu.Unlock()
		if n <= s.times {
			s.first(w)
		}
	}
}

func status(code int, header ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

func saying(code int, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.WriteHeader(code); _, _ = io.WriteString(w, body) }
}

// beside gives a notifier of Slack, with the longest back-off, and of a person
// who works.
func beside(t *testing.T, transport http.RoundTripper, other *human) (*Notifier, *output) {
	o, log := newLog()
	n := newNotifier([]receiver{
		mustNew(t, Options{SlackWebhookURL: NewSecret("http://hooks.example/x"), Transport: transport}, log).workers[0].receiver, other,
	}, func() string { return "host1" }, all, log)
	for _, w := range n.workers {
		w.together = 0
	}
	return n, o
}

// TestOutcomesOfAttempts goes through the rules of delivery row by row: when the same
// alert is sent again, whether it is dropped, and whether people hear of it on
// another receiver.
func TestOutcomesOfAttempts(t *testing.T) {
	const hour = time.Hour
	for _, row := range []struct {
		name   string
		answer func(http.ResponseWriter)
		times  int // 0: once
		waits  []time.Duration
		lost   bool
		told   string // how the title on the other receiver goes on
	}{
		{name: "200", answer: status(200)},
		{name: "202", answer: status(202)},
		{name: "408", answer: status(408), waits: []time.Duration{time.Second}},
		{name: "425", answer: status(425), waits: []time.Duration{time.Second}},
		{name: "500 three times", answer: status(500), times: 3, waits: []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}},
		{name: "502", answer: status(502), waits: []time.Duration{time.Second}},
		{name: "504", answer: status(504), waits: []time.Duration{time.Second}},
		{name: "599", answer: status(599), waits: []time.Duration{time.Second}},
		{name: "503 with a time", answer: status(503, "Retry-After", "8"), waits: []time.Duration{8 * time.Second}},
		{name: "429 with seconds", answer: status(429, "Retry-After", "7.5"), waits: []time.Duration{7500 * time.Millisecond}},
		{name: "429 in the body", answer: saying(429, `{"retry_after":2.5}`), waits: []time.Duration{2500 * time.Millisecond}},
		{name: "429 in the parameters", answer: saying(429, `{"parameters":{"retry_after":11}}`), waits: []time.Duration{11 * time.Second}},
		{name: "429 without a time", answer: status(429), waits: []time.Duration{30 * time.Second}},
		{name: "429 for an hour", answer: status(429, "Retry-After", "3600"), waits: []time.Duration{hour}},
		{name: "429 for longer", answer: status(429, "Retry-After", "3601"), waits: []time.Duration{hour}, told: "cannot reach"},
		{name: "501", answer: status(501), lost: true},
		{name: "505", answer: status(505), lost: true},
		{name: "409", answer: status(409), lost: true},
		{name: "301", answer: status(301, "Location", "https://elsewhere.example/"), waits: []time.Duration{hour}, told: "cannot reach"},
		{name: "308", answer: status(308), waits: []time.Duration{hour}, told: "cannot reach"},
		{name: "401", answer: status(401), waits: []time.Duration{hour}, told: "cannot reach"},
		{name: "403", answer: status(403), waits: []time.Duration{hour}, told: "cannot reach"},
		{name: "404 twice", answer: status(404), times: 2, waits: []time.Duration{hour, hour}, told: "cannot reach"},
		{name: "405", answer: status(405), waits: []time.Duration{hour}, told: "cannot reach"},
		{name: "410", answer: status(410), waits: []time.Duration{hour}, told: "cannot reach"},
		{name: "400", answer: status(400), waits: []time.Duration{0}},
		{name: "413", answer: status(413), waits: []time.Duration{0}},
		{name: "415", answer: status(415), waits: []time.Duration{0}},
		{name: "422", answer: status(422), waits: []time.Duration{0}},
		{name: "431", answer: status(431), waits: []time.Duration{0}},
		{name: "400 for ever", answer: status(400), times: 9, waits: []time.Duration{0}, lost: true, told: "cannot reach"},
		{name: "no answer", answer: func(http.ResponseWriter) { time.Sleep(time.Minute) }, waits: []time.Duration{11 * time.Second}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{began: time.Now(), first: row.answer, times: max(1, row.times)}
			other := &human{called: "mail"}
			n, o := beside(t, serve(t, s.handle(t)), other)
			start(t, n)
			n.Post(unhealthy())
			time.Sleep(30 * time.Minute)
			synctest.Wait()
			if got := about(other, row.told); row.told != "" && (len(got) != 1 || got[0] != "[FIRING] defib cannot reach slack (hooks.example) on host1") {
				t.Errorf("%s: the other was told %q", row.name, got)
			}
			time.Sleep(8 * hour)
			synctest.Wait()
			var waits []time.Duration
			for i := range s.at[1:] {
				waits = append(waits, (s.at[i+1] - s.at[i]).Round(time.Millisecond))
			}
			if !slices.Equal(waits, row.waits) {
				t.Errorf("%s: sent again after %v; want %v", row.name, waits, row.waits)
			}
			if lost := len(lines(o, "alert not delivered")) > 0 && lines(o, "alert not delivered")[0]["message"] == "alert not delivered"; lost != row.lost {
				t.Errorf("%s: lost is %t:\n%s", row.name, lost, o)
			}
			if got := about(other, "cannot reach"); (len(got) > 0) != (row.told != "") {
				t.Errorf("%s: the other was told %q", row.name, got)
			}
			if row.told != "" && !row.lost && len(about(other, "works again")) != 1 {
				t.Errorf("%s: the other does not hear the end: %q", row.name, other.titles())
			}
		})
	}
}

// about gives the titles that hold a text.
func about(h *human, what string) []string {
	return slices.DeleteFunc(h.titles(), func(title string) bool { return !strings.Contains(title, what) })
}

// roundTrip is a transport that is a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestWhatKeepsAConnectionFromComingAbout: such failures are tried again at the
// back-off, those of a certificate at its cap, and said once with what to do.
func TestWhatKeepsAConnectionFromComingAbout(t *testing.T) {
	for name, row := range map[string]struct {
		err  error
		want []time.Duration
		says string
	}{
		"reset":       {errors.New("connection reset by peer"), []time.Duration{0, 1, 3, 7}, "not delivered yet"},
		"end of file": {io.EOF, []time.Duration{0, 1, 3, 7}, "not delivered yet"},
		"x509": {
			&tls.CertificateVerificationError{Err: errors.New("x509: certificate signed by unknown authority")},
			[]time.Duration{0, 300, 600, 900}, "a setting is wrong",
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			var at []time.Duration
			began := time.Now()
			other := &human{called: "mail"}
			n, o := beside(t, roundTrip(func(*http.Request) (*http.Response, error) {
				if at = append(at, time.Since(began)/time.Second); len(at) <= 3 {
					return nil, row.err
				}
				return &http.Response{StatusCode: 200, Body: http.NoBody, Header: http.Header{}}, nil
			}), other)
			start(t, n)
			n.Post(unhealthy())
			time.Sleep(time.Hour)
			synctest.Wait()
			if !slices.Equal(at, row.want) {
				t.Errorf("%s: sent after %d s", name, at)
			}
			got := lines(o, row.says)
			if len(got) != 1 || name == "x509" && !strings.Contains(got[0]["err"].(string), "AUTOHEAL_ALERT_CA_FILE") {
				t.Errorf("%s: logged %v", name, got)
			}
			if len(about(other, "cannot reach")) != 0 {
				t.Errorf("%s: told %q", name, other.titles())
			}
		})
	}
}

// TestRefusedIsSentOnceInBrief: the second attempt holds less, and a setback
// between does not make it three.
func TestRefusedIsSentOnceInBrief(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		codes := []int{400, 503, 503, 413}
		s := &scripted{began: time.Now(), times: 9}
		s.first = func(w http.ResponseWriter) {
			code := 200
			if i := len(s.at); i <= len(codes) {
				code = codes[i-1]
			}
			w.WriteHeader(code)
		}
		n, o := beside(t, serve(t, s.handle(t)), &human{called: "mail"})
		start(t, n)
		long := unhealthy()
		long.Detail = strings.Repeat("word ", 100)
		n.Post(long)
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(s.bodies) != 4 {
			t.Fatalf("%d attempts", len(s.bodies))
		}
		for i, body := range s.bodies {
			if strings.Contains(body, `"Incident"`) != (i == 0) {
				t.Errorf("attempt %d is of %d bytes: %s", i, len(body), body)
			}
		}
		if got := lines(o, "alert not delivered"); got[len(got)-1]["attempts"] != 4.0 || got[len(got)-1]["message"] != "alert not delivered" {
			t.Errorf("logged %v", got)
		}
	})
}
