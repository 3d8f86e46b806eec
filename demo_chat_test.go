package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestChat: a message is shown as Slack shows it, and the newest hundred are
// kept, the newest first.
func TestChat(t *testing.T) {
	var told []string
	c := &chat{told: func(a chatAlert) { told = append(told, a.Title) }}
	post := func(body string) int {
		rec := httptest.NewRecorder()
		c.webhook(rec, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/services/T00/B00/XX", strings.NewReader(body)))
		return rec.Code
	}
	page := c.beside(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "page ", r.Method, " ", r.URL.Path) }))
	get := func(method, path string) (int, string) {
		rec := httptest.NewRecorder()
		page.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody))
		return rec.Code, strings.TrimSpace(rec.Body.String())
	}
	if code, body := get("GET", chatPath); code != http.StatusOK || body != "[]" {
		t.Errorf("before the first: %d %s", code, body)
	}
	for range chatKept {
		post(`{"attachments":[{"title":"[RESOLVED] old","text":"","color":"#2eb67d"}]}`)
	}
	if code := post(`{"attachments":[{"title":"[FIRING] a&amp;lt;b &lt;!channel&gt;","text":"x @\u200bhere\n| y","color":"#d63232"}]}`); code != http.StatusOK {
		t.Errorf("a message is answered with %d", code)
	}
	_, body := get("GET", chatPath)
	var alerts []chatAlert
	if err := json.Unmarshal([]byte(body), &alerts); err != nil || len(alerts) != chatKept {
		t.Fatalf("%d messages, %v", len(alerts), err)
	}
	newest := alerts[0]
	newest.At = alerts[1].At
	if want := (chatAlert{alerts[1].At, "slack", "firing", "[FIRING] a&lt;b <!channel>", "x @here\n| y", "#d63232"}); newest != want {
		t.Errorf("%+v; want %+v", newest, want)
	}
	if alerts[chatKept-1].Status != "resolved" || len(told) != chatKept+1 {
		t.Errorf("the oldest is %+v; %d were told", alerts[chatKept-1], len(told))
	}
	for _, bad := range []string{"", "[]", "{}", `{"attachments":[]}`, `{"attachments":[{"title":"` + strings.Repeat("x", chatMost) + `"}]}`} {
		if code := post(bad); code != http.StatusBadRequest {
			t.Errorf("%.30q is answered with %d", bad, code)
		}
	}
	for _, c := range []struct{ method, path, want string }{
		{"POST", chatPath, "405 this can only be read"}, {"GET", "/", "200 page GET /"}, {"DELETE", "//x", "200 page DELETE //x"},
		{"GET", chatPath + "/", "200 page GET " + chatPath + "/"},
	} {
		if code, body := get(c.method, c.path); fmt.Sprint(code, " ", body) != c.want {
			t.Errorf("%s %s: %d %s; want %s", c.method, c.path, code, body, c.want)
		}
	}
}

// TestDemoArgs is its command line.
func TestDemoArgs(t *testing.T) {
	for args, want := range map[string]string{
		"": "", "--listen 127.0.0.1:80": "127.0.0.1:80", "--listen=:9": ":9", "--listen [::1]:0": "[::1]:0",
		"--listen": "exit 2", "--listen x": "exit 2", "--listen=": "exit 2", "--lisen=:9": "exit 2", "now": "exit 2", "--help": "exit 0", "--listen :9 -h": "exit 0",
	} {
		var out, wrong strings.Builder
		got, code := demoArgs(strings.Fields(args), &out, &wrong)
		if code >= 0 {
			got = fmt.Sprint("exit ", code)
		}
		if got != want || (code == exitOK) != (out.String() == demoUsage) || (code == exitUsage) != (wrong.Len() > 0) {
			t.Errorf("%q: %q; want %q; printed %q %q", args, got, want, out.String(), wrong.String())
		}
	}
}

// TestDemoListens: where nobody says where, on the next port that is free; else
// there or nowhere.
func TestDemoListens(t *testing.T) {
	first, err := demoListen(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close() //nolint:errcheck // it is a test's
	second, err := demoListen(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close() //nolint:errcheck // likewise
	port := func(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }
	if a, b := port(first), port(second); a < demoPort || b <= a || b >= demoPort+demoPorts {
		t.Errorf("they listen on %d and %d", a, b)
	}
	var out strings.Builder
	newTerminal(&out, io.Discard).greet(second.Addr(), "", "")
	if want := fmt.Sprintf("port %d is taken, so it is on %d", demoPort, port(second)); !strings.Contains(out.String(), want) || strings.Contains(out.String(), "steer") {
		t.Errorf("%s\nlacks %q", out.String(), want)
	}
	var wrong strings.Builder
	if code := demo(t.Context(), []string{"--listen", first.Addr().String()}, io.Discard, &wrong); code != exitFailed || !strings.Contains(wrong.String(), "address already in use: choose another address with --listen") {
		t.Errorf("on a port that is taken: %d %s", code, wrong.String())
	}
	out.Reset()
	newTerminal(&out, io.Discard).greet(&net.TCPAddr{IP: net.IPv6zero, Port: 81}, ":81", "/tmp/x")
	if !strings.Contains(out.String(), "http://127.0.0.1:81/\n") || !strings.Contains(out.String(), "AUTOHEAL_STATE_DIR=/tmp/x defib pause") {
		t.Errorf("it says %s", out.String())
	}
}
