package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"defib/status"
)

// TestListen: where the page is served, in any spelling; what is no address is
// said at the start.
func TestListen(t *testing.T) {
	for value, want := range map[string]string{
		"127.0.0.1:9595": "127.0.0.1:9595", "0.0.0.0:80": "0.0.0.0:80", ":9595": ":9595", "[::1]:0": "[::1]:0", "localhost:65535": "localhost:65535", "shop-1.example:1": "shop-1.example:1",
		`"[::]:9595"`: "[::]:9595", "off": "", " OFF ": "", "": "", `""`: "", "  ": "",
	} {
		c, warnings, wrong := load([]string{"AUTOHEAL_LISTEN=" + value})
		if len(wrong) > 0 || string(c.Page.Listen) != want {
			t.Errorf("%q: %q, %v; want %q", value, c.Page.Listen, wrong, want)
		}
		if open := want != "" && !status.Loopback(want); open != (len(warnings) == 1) {
			t.Errorf("%q: warned %q", value, warnings)
		}
	}
	for _, value := range []string{"9595", "127.0.0.1", "localhost", "127.0.0.1:65536", ":-1", ":http", ":", "::1:9595", "http://127.0.0.1:9595", "a b:1", "x/y:1", "none", "false", "0"} {
		_, _, wrong := load([]string{"AUTOHEAL_LISTEN=" + value})
		if len(wrong) != 1 || !strings.Contains(wrong[0], "must be host:port with a port from 0 to 65535, :port for all addresses, or off, such as AUTOHEAL_LISTEN=0.0.0.0:9595") {
			t.Errorf("%q: %v", value, wrong)
		}
	}
	if c, _, _ := load(nil); c.Page.Listen != "127.0.0.1:9595" || c.Page.Password.IsSet() {
		t.Errorf("by default: %+v", c.Page)
	}
	_, warnings, wrong := load([]string{"AUTOHEAL_LISTEN=:9595"})
	if len(wrong) > 0 || len(warnings) != 1 || !strings.Contains(warnings[0], "AUTOHEAL_LISTEN_PASSWORD_FILE") {
		t.Errorf("open to all: %q, %v", warnings, wrong)
	}
	if c, warnings, wrong := load([]string{"AUTOHEAL_LISTEN=:9595", "AUTOHEAL_LISTEN_PASSWORD=long"}); len(wrong) > 0 || len(warnings) > 0 || !c.Page.Password.IsSet() {
		t.Errorf("with a password: %q, %v", warnings, wrong)
	}
	if _, _, wrong := load([]string{"AUTOHEAL_LISTEN_PASSWORD=SECRET", "AUTOHEAL_LISTEN_PASSWORD_FILE=/none"}); len(wrong) != 1 || strings.Contains(wrong.Error(), "SECRET") {
		t.Errorf("both: %v", wrong)
	}
}

// mute shows nothing.
type mute struct{}

func (mute) Engine() status.Engine                                  { return status.Engine{} }
func (mute) Containers(context.Context) ([]status.Container, error) { return nil, nil }
func (mute) Incidents() []status.Incident                           { return nil }
func (mute) Incident(string) (status.Incident, bool)                { return status.Incident{}, false }
func (mute) Receivers() []status.Receiver                           { return nil }

// TestPageFromTheSettings: with the password of a file, which may change; a port
// that is taken is said and ends nothing else.
func TestPageFromTheSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first-secret\n")
	c, _, wrong := load([]string{"AUTOHEAL_LISTEN=127.0.0.1:0", "AUTOHEAL_LISTEN_PASSWORD_FILE=" + file})
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	var log output
	p := &parts{c: c, log: zerolog.New(&log)}
	page := newPage(c.Page, status.Options{Source: mute{}, Health: func() status.Answer { return status.Answer{OK: true} }, Log: p.log})
	ctx, stop := context.WithCancel(t.Context())
	var served sync.WaitGroup
	served.Go(func() { p.servePage(ctx, page) })
	var address string
	for begun := time.Now(); address == "" && time.Since(begun) < 5*time.Second; time.Sleep(time.Millisecond) {
		if m := regexp.MustCompile(`"address":"([^"]*)"`).FindStringSubmatch(log.String()); m != nil {
			address = m[1]
		}
	}
	get := func(pass string) int {
		t.Helper()
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/api/v1/engine", nil)
		if pass != "" {
			r.SetBasicAuth("defib", pass)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if none, first := get(""), get("first-secret"); none != http.StatusUnauthorized || first != http.StatusOK {
		t.Errorf("without a password %d, with it %d", none, first)
	}
	write("second-secret\n")
	if first, second := get("first-secret"), get("second-secret"); first != http.StatusUnauthorized || second != http.StatusOK {
		t.Errorf("after a change: the old %d, the new %d", first, second)
	}
	p.c.Page.Listen = listenAddress(address)
	p.servePage(t.Context(), page) // comes back at once
	if said := log.String(); !strings.Contains(said, "another program has the port") || !strings.Contains(said, "healing does not need it") || strings.Contains(said, "-secret") {
		t.Errorf("logged:\n%s", said)
	}
	p.c.Page.Listen = ""
	p.servePage(t.Context(), page) // likewise: it is off
	stop()
	served.Wait()
	var d net.Dialer
	if c, err := d.DialContext(t.Context(), "tcp", address); err == nil {
		_ = c.Close()
		t.Error("the page is served after the end")
	}
}

// output is a log that several goroutines write.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
