package notify

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// beats runs a notifier with a heartbeat for so long in virtual time, and gives
// the seconds at which the server was called, and the log.
func beats(t *testing.T, long time.Duration, alive func(at time.Duration) bool, answer func(w http.ResponseWriter, r *http.Request, call int)) (at []int, o *output) {
	t.Helper()
	o, log := newLog()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		n := mustNew(t, Options{
			HeartbeatURL: NewSecret("https://hc.example/" + marker + "?token=" + marker + "#x"),
			Alive:        func() bool { return alive(time.Since(began)) },
			Transport: plainHTTP{serve(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				at = append(at, int(time.Since(began)/time.Second))
				call := len(at)
				mu.Unlock()
				if r.Method != http.MethodGet || r.Host != "hc.example" || r.RequestURI != "/"+marker+"?token="+marker {
					t.Errorf("%s %s %s", r.Method, r.Host, r.RequestURI)
				}
				answer(w, r, call)
			})},
		}, log)
		stop := start(t, n)
		time.Sleep(long)
		stopped := time.Now()
		stop()
		if time.Since(stopped) > 0 {
			t.Errorf("the end took %s", time.Since(stopped))
		}
		time.Sleep(time.Hour)
	})
	if leaks(o.String()) {
		t.Error(o)
	}
	return at, o
}

// plainHTTP speaks to a server without TLS, whatever the URL.
type plainHTTP struct{ *http.Transport }

func (p plainHTTP) RoundTrip(r *http.Request) (*http.Response, error) {
	clone := r.Clone(r.Context())
	clone.URL.Scheme = "http"
	return p.Transport.RoundTrip(clone)
}

func always(time.Duration) bool { return true }

func TestHeartbeat(t *testing.T) {
	ok := func(http.ResponseWriter, *http.Request, int) {}
	between := func(from, to time.Duration) func(time.Duration) bool {
		return func(at time.Duration) bool { return at < from || at >= to }
	}
	for name, c := range map[string]struct {
		alive  func(time.Duration) bool
		answer func(http.ResponseWriter, *http.Request, int)
		want   string // the seconds of the calls within 5 min
		logged string // the messages
	}{
		"every minute":          {always, ok, "[0 60 120 180 240]", ""},
		"never while not alive": {func(time.Duration) bool { return false }, ok, "[]", ""},
		"stops and resumes":     {between(61*time.Second, 203*time.Second), ok, "[0 60 205 265]", ""},
		"begins late":           {between(0, 2*time.Second), ok, "[5 65 125 185 245]", ""},
		"one quick retry": {always, func(w http.ResponseWriter, _ *http.Request, call int) {
			if call == 2 {
				w.WriteHeader(503)
			}
		}, "[0 60 62 120 180 240]", ""},
		"failures are logged once": {always, func(w http.ResponseWriter, _ *http.Request, call int) {
			if call > 2 && call < 7 {
				w.WriteHeader(404)
			}
		}, "[0 60 120 122 180 182 240]", "the heartbeat does not arrive, the heartbeat arrives again"},
		"no retry when not alive": {between(61*time.Second, time.Hour), func(w http.ResponseWriter, _ *http.Request, call int) {
			if call == 2 {
				w.WriteHeader(503)
			}
		}, "[0 60]", "the heartbeat does not arrive"},
		"no redirect": {always, func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, "/"+marker+"/elsewhere", http.StatusFound)
		}, "[0 2 60 62 120 122 180 182 240 242]", "the heartbeat does not arrive"},
		"a server that hangs": {always, func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() },
			"[0 7 60 67 120 127 180 187 240 247]", "the heartbeat does not arrive"},
		"an endless answer": {always, func(w http.ResponseWriter, r *http.Request, _ int) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, "[0 60 120 180 240]", ""},
	} {
		at, o := beats(t, 5*time.Minute-time.Second, c.alive, c.answer)
		if fmt.Sprint(at) != c.want {
			t.Errorf("%s: called at %v, not %s", name, at, c.want)
		}
		var messages []string
		for _, line := range lines(o, "") {
			messages = append(messages, fmt.Sprint(line["message"]))
		}
		if got := strings.Join(messages, ", "); got != c.logged {
			t.Errorf("%s: logged %s", name, o)
		}
	}
}

// TestHeartbeatsDoNotPileUp: while one hangs there is no other.
func TestHeartbeatsDoNotPileUp(t *testing.T) {
	var now, most atomic.Int32
	beats(t, time.Hour, always, func(_ http.ResponseWriter, r *http.Request, _ int) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		<-r.Context().Done()
		now.Add(-1)
	})
	if most.Load() != 1 {
		t.Errorf("%d at once", most.Load())
	}
}

func TestHeartbeatOptions(t *testing.T) {
	_, log := newLog()
	_, err := New(Options{HeartbeatURL: NewSecret("ftp://" + marker), CAFile: "/no/such"}, log)
	const want = `AUTOHEAL_ALERT_CA_FILE: stat /no/such: no such file or directory; allowed is a file of certificates (PEM), for example /certs/ca.pem
AUTOHEAL_HEARTBEAT_URL: it is not a URL that begins with https:// or http:// and has a host; allowed is one http or https URL, for example https://hc-ping.com/XXXX`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	mustNew(t, Options{HeartbeatURL: NewSecret("https://hc.example/")}, log) // never alive, and no reason to fail
}
