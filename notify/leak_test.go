package notify

import (
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hooks puts the marker in every part of a URL that may be secret.
func hooks(base string) string {
	scheme, host, _ := strings.Cut(base, "://")
	return fmt.Sprintf("%s://user%s:pass%s@%s/hook/%s/x%%2F%s?token=%s&%s=1#mention=%s",
		scheme, marker, marker, host, marker, marker, marker, marker, marker)
}

// echo answers like a server that repeats the request, as debugging ones do.
func echo(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		dump, _ := httputil.DumpRequest(r, false)
		key := r.Header.Get("X-Gotify-Key") + r.Header.Get("Authorization")
		if _, after, found := strings.Cut(r.URL.Path, "/bot123456:"); found {
			key, _, _ = strings.Cut(after, "/")
		}
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "bad key %s: http://%s%s\n%s\n%s", key, r.Host, r.RequestURI, body[:min(len(body), 40)], dump)
	}
}

// TestNoSecretLeaves tries everything that can go wrong with every receiver and
// looks for the marker in errors, results and the log.
func TestNoSecretLeaves(t *testing.T) {
	t.Setenv("DEFIB_TEST_HOOK", hooks("https://example.org"))
	servers := map[string]*httptest.Server{
		"tls": withTLS(),
		"redirect": httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://other.example"+r.RequestURI, http.StatusTemporaryRedirect)
		})),
		"garbage": httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 "+r.RequestURI+"\r\n\r\n")
			_ = conn.Close()
		})),
	}
	for _, status := range []int{200, 204, 400, 404, 424, 429, 500} {
		servers[fmt.Sprint(status)] = httptest.NewServer(echo(status))
	}
	urls := map[string]string{"refused": deadServer(t), "no such host": "http://no-such-host.invalid"}
	for name, s := range servers {
		defer s.Close()
		urls[name] = s.URL
	}
	for name, base := range urls {
		t.Run(name, func(t *testing.T) {
			secret, kinds := hooks(base), kindsAt(base)
			seen := tryAll(t, NewSecret(secret), NewSecret(kinds))
			file, list := filepath.Join(t.TempDir(), "hook"), filepath.Join(t.TempDir(), "list")
			write(t, file, secret+"\n")
			write(t, list, kinds+"\n")
			seen += tryAll(t, SecretFile(file), SecretFile(list))
			if leaks(seen) {
				t.Errorf("the secret leaves: %s", seen)
			}
			if strings.Contains(seen, `Post \"`) || strings.Contains(seen, `Post "`) {
				t.Errorf("a *url.Error was not taken apart: %s", seen)
			}
			if !strings.Contains(seen, "127.0.0.1") && name != "no such host" {
				t.Errorf("nothing was seen: %s", seen)
			}
		})
	}
}

// kindsAt gives a URL of each kind, with the marker in every secret part and, by
// turns, as user and password.
func kindsAt(base string) string {
	scheme, host, _ := strings.Cut(base, "://")
	var all []string
	for _, k := range webKinds() {
		all = append(all, exampleAt(k, base), exampleAt(k, scheme+"://user"+marker+":pass"+marker+"@"+host))
	}
	auth := base64.RawURLEncoding.EncodeToString([]byte("Bearer " + marker))
	return strings.Join(append(all, "ntfy+"+base+"/topic?auth="+auth), " ")
}

// TestEachKindAloneHidesItsSecrets: what one receiver has learnt hides nothing
// for another here, and servers say what they were sent part by part.
func TestEachKindAloneHidesItsSecrets(t *testing.T) {
	for _, status := range []int{200, 400, 403, 429, 500} {
		server := httptest.NewServer(echo(status))
		for one := range strings.FieldsSeq(kindsAt(server.URL)) {
			_, log := newLog()
			err := mustNew(t, Options{AlertURLs: NewSecret(one)}, log).workers[0].receiver.deliver(t.Context(), say(unhealthy()))
			if err != nil && (leaks(err.Error()) || !strings.Contains(err.Error(), hidden)) {
				t.Errorf("%s: %v", one, err)
			}
			if err == nil && status != 200 {
				t.Errorf("%s: %d is a success", one, status)
			}
		}
		server.Close()
	}
}

// tryAll sends with every receiver, those of one URL and those of a list, and
// gives all that leaves the package.
func tryAll(t *testing.T, s, list Secret) string {
	t.Helper()
	o, log := newLog()
	options := Options{SlackWebhookURL: s, AlertURLs: list, WebhookURL: s, AppriseURL: s, PostRestartScript: "/bin/sh -c env;exit${IFS}3"}
	n := mustNew(t, options, log)
	for _, w := range n.workers {
		w.together = 0
	}
	stop := start(t, n)
	n.Post(unhealthy())
	for range 300 {
		if strings.Count(o.String(), `"attempts"`)+strings.Count(o.String(), `"retry_in"`) >= len(n.workers) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	results := n.Test(t.Context())
	stop()
	n.Post(unhealthy())
	seen := o.String()
	for _, r := range results {
		seen += fmt.Sprintf("%+v %#v %v\n", r, r, r.Err)
	}
	values := []any{options, &options, n, n.workers, n.Receivers()}
	for _, w := range n.workers {
		values = append(values, w, w.receiver)
	}
	for _, value := range values {
		seen += fmt.Sprintf("%v %+v %#v\n", value, value, value)
	}
	return seen
}

// withTLS gives a server whose certificate nobody trusts.
func withTLS() *httptest.Server {
	s := httptest.NewUnstartedServer(echo(200))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	return s
}

// deadServer gives the address of a server that is gone.
func deadServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	return "http://" + l.Addr().String()
}

func TestBadURLsDoNotLeak(t *testing.T) {
	o, log := newLog()
	for _, bad := range []string{hooks("https://h") + "\nx\x7f", "ht tp://" + marker, "https://h:" + marker + "/", "https://h/%" + marker} {
		_, err := New(Options{SlackWebhookURL: NewSecret(bad), WebhookURL: NewSecret(bad), AppriseURL: NewSecret(bad)}, log)
		if err == nil || leaks(err.Error()) || leaks(fmt.Sprintf("%+v %#v", err, err)) {
			t.Errorf("%q gives %v", bad, err)
		}
	}
	if leaks(o.String()) {
		t.Error(o)
	}
}

// TestProxyPasswordDoesNotLeak uses a redactor alone: net/http reads the
// variables once in a process.
func TestProxyPasswordDoesNotLeak(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://user:"+marker+"@proxy:port")
	r := newRedactor()
	learnProxies(r)
	if got := r.hide(`invalid proxy address "` + os.Getenv("HTTPS_PROXY") + `"`); leaks(got) {
		t.Error(got)
	}
}
