package status

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// answering serves a handler on a socket of its own.
func answering(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "defib-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "control.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	c := NewClient(socket)
	t.Cleanup(c.Close)
	return c
}

// TestClient: it asks for what the API calls so, and reads what that answers.
func TestClient(t *testing.T) {
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		_, _ = w.Write([]byte(map[string]string{
			"/api/v1/engine":           `{"host":"box","ok":true,"pauses":[{"what":"shop/db"}]}`,
			"/api/v1/containers":       `[{"id":"1","name":"web","would":true}]`,
			"/api/v1/incidents":        `[{"id":"i-1","title":"web is sick"}]`,
			"/api/v1/incidents/i-1":    `{"id":"i-1","happenings":[{"reason":"restarted"}]}`,
			"/api/v1/incidents/..%2Fx": `{"id":"escaped"}`,
			"/api/v1/receivers":        `[{"name":"slack","trouble":"403"}]`,
		}[r.URL.EscapedPath()]))
	})
	ctx := t.Context()
	if e, err := c.Engine(ctx); err != nil || e.Host != "box" || !e.OK || e.Pauses[0].What != "shop/db" {
		t.Errorf("engine: %+v, %v", e, err)
	}
	if all, err := c.Containers(ctx); err != nil || len(all) != 1 || !all[0].Would {
		t.Errorf("containers: %+v, %v", all, err)
	}
	if all, err := c.Incidents(ctx); err != nil || len(all) != 1 || all[0].Title != "web is sick" {
		t.Errorf("incidents: %+v, %v", all, err)
	}
	if in, err := c.Incident(ctx, "i-1"); err != nil || len(in.Happenings) != 1 {
		t.Errorf("incident: %+v, %v", in, err)
	}
	if in, err := c.Incident(ctx, "../x"); err != nil || in.ID != "escaped" {
		t.Errorf("an id that is a path: %+v, %v", in, err)
	}
	if all, err := c.Receivers(ctx); err != nil || len(all) != 1 || all[0].Trouble != "403" {
		t.Errorf("receivers: %+v, %v", all, err)
	}
}

// TestClientTroubles: what goes wrong is said in words that tell what to do.
func TestClientTroubles(t *testing.T) {
	for want, h := range map[string]http.HandlerFunc{
		"the engine is away": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte(`{"error":"the engine is away"}`))
		},
		"of another version than this command": http.NotFound,
		"read the answer of":                   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"no defib answers on":                  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"gave no answer in time": func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if all, err := answering(t, h).Containers(ctx); err == nil || !strings.Contains(err.Error(), want) || len(all) > 0 {
			t.Errorf("%v, %v; want %q", all, err, want)
		}
		cancel()
	}
	_, err := NewClient(filepath.Join(t.TempDir(), "none")).Engine(t.Context())
	if !errors.Is(err, ErrNoDefib) || !strings.Contains(err.Error(), "is it running, and in this container?") {
		t.Errorf("without a defib: %v", err)
	}
}
