package status

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"defib/heal"
)

// board keeps pauses as a watcher does.
type board struct{ pauses heal.Pauses }

func (b *board) Pause(_ context.Context, add []heal.Pause) (heal.Pauses, error) {
	ps := b.pauses
	var err error
	for _, p := range add {
		if ps, err = ps.Add(p); err != nil {
			return nil, err
		}
	}
	b.pauses = ps
	return ps, nil
}

func (b *board) Resume(_ context.Context, of []heal.Pause) (heal.Pauses, int, error) {
	before := len(b.pauses)
	for _, p := range of {
		b.pauses, _ = b.pauses.Remove(p)
	}
	return b.pauses, before - len(b.pauses), nil
}

func (b *board) Pauses(context.Context) (heal.Pauses, error) { return b.pauses, nil }

// serveBoard serves one on a socket of its own.
func serveBoard(t *testing.T) (socket string, stop func()) {
	t.Helper()
	return serveBoardWith(t, nil)
}

func serveBoardWith(t *testing.T, api http.Handler) (socket string, stop func()) {
	t.Helper()
	folder, err := os.MkdirTemp("", "defib-") // the test's own folder may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	socket = filepath.Join(folder, "control.sock")
	return socket, serveBoardAt(t, socket, api)
}

func serveBoardAt(t *testing.T, socket string, api http.Handler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- ServeControl(ctx, socket, &board{}, api) }()
	t.Cleanup(cancel)
	for {
		if _, err := Command(ctx, socket, "", Order{}); err == nil {
			break
		}
		select {
		case err := <-done:
			t.Fatal("the control socket did not open:", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error("the end of the control socket:", err)
		}
	}
}

func TestControl(t *testing.T) {
	socket, stop := serveBoard(t)
	order := func(name, d string, what ...string) (Report, error) {
		return Command(t.Context(), socket, name, Order{For: d, What: what})
	}
	r, err := order("pause", "30m", "shop/db", "web-1")
	if err != nil || len(r.Pauses) != 2 || r.Pauses[0].What() != "shop/db" {
		t.Fatalf("pause: %+v, %v", r, err)
	}
	if left := time.Until(r.Pauses[0].Until); left < 29*time.Minute || left > 30*time.Minute {
		t.Errorf("it ends in %s", left)
	}
	if r, err = order("resume", "", "shop/db"); err != nil || r.Ended != 1 || len(r.Pauses) != 1 {
		t.Errorf("resume: %+v, %v", r, err)
	}
	if r, err = order("pause", "1h"); err != nil || len(r.Pauses) != 2 {
		t.Errorf("pause everything: %+v, %v", r, err)
	}
	if r, err = order("resume", ""); err != nil || r.Ended != 2 || len(r.Pauses) != 0 {
		t.Errorf("resume everything: %+v, %v", r, err)
	}
	for _, bad := range []Order{{For: "1s"}, {For: "8760h"}, {For: "soon"}, {}, {For: "1h", What: []string{"host:x"}}} {
		if r, err := Command(t.Context(), socket, "pause", bad); err == nil {
			t.Errorf("%+v is taken: %+v", bad, r)
		}
	}
	if r, err := Command(t.Context(), socket, "", Order{}); err != nil || len(r.Pauses) != 0 {
		t.Errorf("a refused order left %+v, %v", r, err)
	}
	stop()
	if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket stays behind: %v", err)
	}
	if _, err := order("pause", "1h"); err == nil || !strings.Contains(err.Error(), "no defib answers") {
		t.Errorf("without a defib: %v", err)
	}
}

// TestControlIsAlone: nobody but the owner may open the socket.
func TestControlIsAlone(t *testing.T) {
	socket, _ := serveBoard(t)
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode is %v, %v", info.Mode(), err)
	}
	if err := ServeControl(t.Context(), socket, &board{}, nil); err == nil || !strings.Contains(err.Error(), "another defib answers") {
		t.Errorf("a second defib took the socket of a live one: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(socket), ".control-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestControlAfterAKill: the socket of a killed defib is in nobody's way.
func TestControlAfterAKill(t *testing.T) {
	folder, err := os.MkdirTemp("", "defib-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	socket := filepath.Join(folder, "control.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	u, _ := l.(*net.UnixListener)
	u.SetUnlinkOnClose(false)
	_ = l.Close()
	serveBoardAt(t, socket, nil)()
}

// TestControlTakesNothingElse: what is no socket of a defib stays.
func TestControlTakesNothingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ServeControl(t.Context(), path, &board{}, nil); err == nil || !strings.Contains(err.Error(), "something else is there") {
		t.Errorf("served in the place of a file: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "mine" {
		t.Errorf("the file holds %q, %v", text, err)
	}
}

// TestControlHostile: what is no order is refused with a sentence, at once.
func TestControlHostile(t *testing.T) {
	socket, _ := serveBoard(t)
	c := http.Client{Transport: dialer(socket)}
	for _, body := range []string{"", "{", "[]", `{"for":1}`, `{"until":"never"}`, `{"for":"1h"}{"for":"2h"}`, strings.Repeat("x", 3<<20), `{"what":["` + strings.Repeat("a", 300) + `"]}`} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://defib/v1/pause", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(req)
		if err != nil {
			t.Errorf("%.30q: %v", body, err)
			continue
		}
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), `"error"`) {
			t.Errorf("%.30q: %s %.100s", body, resp.Status, text)
		}
	}
}
