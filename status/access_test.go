package status

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

const password = "correct horse: battery"

// basic is the header that a browser sends.
func basic(user, pass string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, pass)
	return r.Header.Get("Authorization")
}

// locks serves a full stage behind a password, and gives what is logged.
func locks(pass func() (string, error)) (http.Handler, *bytes.Buffer) {
	var log bytes.Buffer
	o := options(fullStage())
	o.Password, o.Log = pass, zerolog.New(&log)
	return NewServer(o).Handler(), &log
}

// TestStrangers: what somebody without the password sees and does on the port:
// whether defib is well, and nothing else.
func TestStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := locks(func() (string, error) { return password, nil })
		all := append(paths(), "/api/v1/events", "/nothing", "/api/v1/containers?project=%zz", "/api/v1/incidents/none", "/app.js")
		for name, header := range map[string]string{
			"nothing": "", "no scheme": password, "another scheme": "Bearer " + password, "no base64": "Basic !!!", "no colon": "Basic eA==",
			"an empty password": basic("defib", ""), "another": basic("defib", "x"), "a longer one": basic("", password+"x"), "a shorter one": basic("", password[1:]),
			"it as the user": basic(password, ""), "other case": basic("", strings.ToUpper(password)), "space around it": basic("", " "+password),
		} {
			for _, path := range all {
				got := ask(h, "GET", path, "Authorization", header)
				if path == "/healthz" {
					if got.Code != http.StatusOK || got.Body.String() != `{"ok":true,"why":""}`+"\n" {
						t.Errorf("%s, %s: %d %s", name, path, got.Code, got.Body)
					}
					continue
				}
				if got.Code != http.StatusUnauthorized || got.Header().Get("WWW-Authenticate") != `Basic realm="defib", charset="UTF-8"` || hardened(got.Header()) != nil {
					t.Errorf("%s, %s: %d %v", name, path, got.Code, got.Header())
				}
				if text := got.Body.String(); !strings.Contains(text, "a password is needed") || len(text) > 120 {
					t.Errorf("%s, %s: %s", name, path, text)
				}
				if got := ask(h, "POST", path, "Authorization", header); got.Code != http.StatusMethodNotAllowed {
					t.Errorf("%s, POST %s: %d", name, path, got.Code)
				}
			}
		}
		begun := time.Now()
		for _, user := range []string{"", "defib", "anybody"} {
			for _, path := range paths() {
				if got := ask(h, "GET", path, "Authorization", basic(user, password)); got.Code != http.StatusOK {
					t.Errorf("the password, %s: %d", path, got.Code)
				}
			}
			if got := ask(h, "GET", "/healthz", "Authorization", basic(user, password)); got.Body.String() != `{"ok":true,"why":"watching"}`+"\n" {
				t.Errorf("the password: %s", got.Body)
			}
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("the right password was kept waiting for %s", took)
		}
	})
}

// TestHealthToAll: the code says it, with and without a password.
func TestHealthToAll(t *testing.T) {
	o := options(fullStage())
	o.Health = func() Answer { return Answer{Why: "no event stream for 1m0s"} }
	if got := ask(NewServer(o).Handler(), "GET", "/healthz"); got.Code != http.StatusServiceUnavailable || got.Body.String() != `{"ok":false,"why":"no event stream for 1m0s"}`+"\n" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	o.Password = func() (string, error) { return password, nil }
	if got := ask(NewServer(o).Handler(), "GET", "/healthz"); got.Code != http.StatusServiceUnavailable || got.Body.String() != `{"ok":false,"why":""}`+"\n" {
		t.Errorf("to a stranger: %d %s", got.Code, got.Body)
	}
}

// TestGuessing: wrong passwords wait, so many at a time, and the right one never.
func TestGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, log := locks(func() (string, error) { return password, nil })
		var mu sync.Mutex
		codes := map[int]int{}
		took := map[int]time.Duration{}
		var wg sync.WaitGroup
		begun := time.Now()
		for range 100 {
			wg.Go(func() {
				got := ask(h, "GET", "/api/v1/engine", "Authorization", basic("x", "guess"))
				mu.Lock()
				defer mu.Unlock()
				codes[got.Code]++
				took[got.Code] = max(took[got.Code], time.Since(begun))
				if got.Code == http.StatusTooManyRequests && (got.Header().Get("Retry-After") == "" || hardened(got.Header()) != nil || !strings.HasPrefix(got.Body.String(), `{"error":`)) {
					t.Errorf("%v %s", got.Header(), got.Body)
				}
			})
		}
		synctest.Wait()
		if got := ask(h, "GET", "/api/v1/engine", "Authorization", basic("x", password)); got.Code != http.StatusOK || time.Since(begun) != 0 {
			t.Errorf("the right password among wrong ones: %d after %s", got.Code, time.Since(begun))
		}
		if got := ask(h, "GET", "/healthz"); got.Code != http.StatusOK || time.Since(begun) != 0 {
			t.Errorf("health among wrong ones: %d after %s", got.Code, time.Since(begun))
		}
		wg.Wait()
		if codes[http.StatusUnauthorized] != maxDelayed || codes[http.StatusTooManyRequests] != 100-maxDelayed ||
			took[http.StatusUnauthorized] != wrongDelay || took[http.StatusTooManyRequests] != 0 {
			t.Errorf("answers %v after %v", codes, took)
		}
		time.Sleep(wrongQuiet)
		for range 3 {
			ask(h, "GET", "/", "Authorization", basic("x", "guess"))
		}
		var said []map[string]any
		for line := range strings.Lines(log.String()) {
			var l map[string]any
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatal(err)
			}
			said = append(said, l)
		}
		if len(said) != 2 || said[0]["remote"] != "192.0.2.1:1234" || said[0]["tries"] != 1.0 || said[1]["tries"] != 100.0 || strings.Contains(log.String(), "guess") {
			t.Errorf("logged:\n%s", log)
		}
	})
}

// TestPasswordChanges: the one of now counts, and while it cannot be read
// nobody is let in, which is logged once.
func TestPasswordChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now, broken := "first", error(nil)
		h, log := locks(func() (string, error) { return now, broken })
		code := func(pass string) int { return ask(h, "GET", "/", "Authorization", basic("", pass)).Code }
		if code("first") != 200 {
			t.Error("the first is not taken")
		}
		now = "second"
		if code("first") != 401 || code("second") != 200 {
			t.Error("the second does not replace the first")
		}
		broken = errors.New("read secret file: /run/secrets/p: permission denied")
		for _, pass := range []string{"first", "second", ""} {
			if got := ask(h, "GET", "/api/v1/engine", "Authorization", basic("", pass)); got.Code != 503 || !strings.Contains(got.Body.String(), "AUTOHEAL_LISTEN_PASSWORD_FILE") || strings.Contains(got.Body.String(), "/run/") {
				t.Errorf("unreadable: %d %s", got.Code, got.Body)
			}
		}
		if got := ask(h, "GET", "/healthz"); got.Code != 200 {
			t.Errorf("health: %d", got.Code)
		}
		if n := strings.Count(log.String(), "permission denied"); n != 1 {
			t.Errorf("logged %d times:\n%s", n, log)
		}
		broken = nil
		if code("second") != 200 {
			t.Error("it stays shut")
		}
		now = "" // no password is no way in
		if got := ask(h, "GET", "/", "Authorization", basic("", "")); got.Code != 503 {
			t.Errorf("an empty password: %d", got.Code)
		}
		if n := strings.Count(log.String(), "cannot be read"); n != 2 {
			t.Errorf("logged %d times:\n%s", n, log)
		}
	})
}
