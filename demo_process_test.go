package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestDemoChild is the program itself, for the tests below.
func TestDemoChild(t *testing.T) {
	if args := os.Getenv("DEFIB_TEST_ARGS"); args != "" {
		os.Args = append([]string{"defib"}, strings.Fields(args)...)
		main()
	}
}

// child is a demo in a process of its own.
type child struct {
	*exec.Cmd

	out  *bufio.Reader // of both outputs
	pipe *os.File
	seen bytes.Buffer
	temp string
}

// demoChild starts one whose environment is hostile: nothing of it may count.
func demoChild(t *testing.T, environ ...string) *child {
	t.Helper()
	temp, err := os.MkdirTemp("", "defib-") // the test's own folder may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(temp) })
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	c := &child{Cmd: exec.CommandContext(ctx, os.Args[0], "-test.run=^TestDemoChild$"), out: bufio.NewReader(r), pipe: r, temp: temp}
	c.Env = append(os.Environ(), "DEFIB_TEST_ARGS=demo --listen 127.0.0.1:0", "TMPDIR="+temp)
	c.Env = append(c.Env, environ...)
	c.Stdout, c.Stderr = w, w
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	return c
}

// until reads on until a line matches, and gives its first group.
func (c *child) until(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for {
		line, err := c.out.ReadString('\n')
		c.seen.WriteString(line)
		if m := re.FindStringSubmatch(line); m != nil {
			return m[len(m)-1]
		}
		if err != nil {
			t.Fatalf("no line matches %q:\n%s", pattern, c.seen.String())
		}
	}
}

// TestDemoEnds: a signal, or a terminal that is gone, ends it at once, with code
// 0, and nothing is left behind.
func TestDemoEnds(t *testing.T) {
	for name, end := range map[string]func(c *child) error{
		"SIGINT":      func(c *child) error { return c.Process.Signal(syscall.SIGINT) },
		"SIGTERM":     func(c *child) error { return c.Process.Signal(syscall.SIGTERM) },
		"SIGHUP":      func(c *child) error { return c.Process.Signal(syscall.SIGHUP) },
		"closed pipe": func(c *child) error { return c.pipe.Close() },
	} {
		limit := 2 * time.Second
		if name == "closed pipe" {
			limit = 30 * time.Second // it is found out when there is something to print
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := demoChild(t)
			c.until(t, "look at +http://127.0.0.1:[1-9]")
			c.until(t, "unhealthy: restarting it") // so that an act is under way
			if left, _ := filepath.Glob(c.temp + "/defib-demo-*/control.sock"); len(left) != 1 {
				t.Errorf("it cannot be steered: %v", left)
			}
			began := time.Now()
			if err := end(c); err != nil {
				t.Fatal(err)
			}
			rest, _ := io.ReadAll(c.out) // nothing where the pipe is closed
			if err := c.Wait(); err != nil || time.Since(began) > limit {
				t.Errorf("it ended after %s: %v", time.Since(began), err)
			}
			t.Logf("it ended after %s", time.Since(began))
			if name != "closed pipe" && !strings.HasSuffix(string(rest), "The demo is over. Nothing of it is left behind.\n") {
				t.Errorf("it ended with %s", rest)
			}
			if left, _ := filepath.Glob(c.temp + "/*"); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestDemoTakesNoSettings: nothing that the user has set is called or opened,
// and what people are told is on the page.
func TestDemoTakesNoSettings(t *testing.T) {
	var mu sync.Mutex
	var called []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		called = append(called, what)
	}
	trap := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { note(r.Method + " " + r.URL.String()) }))
	t.Cleanup(trap.Close)
	folder, err := os.MkdirTemp("", "defib-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	var lc net.ListenConfig
	socket, err := lc.Listen(t.Context(), "unix", folder+"/docker.sock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	go func() {
		for {
			conn, err := socket.Accept()
			if err != nil {
				return
			}
			note("the user's engine")
			_ = conn.Close()
		}
	}()
	script := folder + "/script"
	if err := os.WriteFile(script, []byte("#!/bin/sh\ntouch "+folder+"/ran\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	c := demoChild(t,
		"SLACK_WEBHOOK_URL="+trap.URL+"/slack", "AUTOHEAL_ALERT_URLS=json+"+trap.URL+"/json", "WEBHOOK_URL="+trap.URL+"/webhook",
		"APPRISE_URL="+trap.URL+"/apprise", "AUTOHEAL_HEARTBEAT_URL="+trap.URL+"/beat", "POST_RESTART_SCRIPT="+script,
		"HTTP_PROXY="+trap.URL, "http_proxy="+trap.URL, "ALL_PROXY="+trap.URL,
		"DOCKER_HOST=unix://"+folder+"/docker.sock", "DOCKER_SOCK="+folder+"/docker.sock", "AUTOHEAL_DOCKER_HOST_WRITE=unix://"+folder+"/docker.sock",
		"AUTOHEAL_STATE_DIR="+folder+"/state", "AUTOHEAL_LISTEN="+strings.TrimPrefix(trap.URL, "http://"), "AUTOHEAL_ACTION=none",
		"AUTOHEAL_CONTAINER_LABEL=nothing", "AUTOHEAL_START_PERIOD=1h", "LOG_LEVEL=error", "LOG_FORMAT=json", "AUTOHEAL_MAX_RESTARTS=nonsense",
	)
	address := c.until(t, "look at +(http://\\S+)")
	c.until(t, `alert: \[FIRING\]`)
	var alerts []chatAlert
	err = fetch(t.Context(), http.DefaultClient, address+strings.TrimPrefix(chatPath, "/"), &alerts)
	if err != nil || len(alerts) < 2 || alerts[0].Status != "firing" || alerts[len(alerts)-1].Status != "started" {
		t.Errorf("the page has %+v, %v", alerts, err)
	}
	_ = c.Process.Signal(syscall.SIGINT)
	rest, _ := io.ReadAll(c.out)
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(called) > 0 {
		t.Errorf("called: %v", called)
	}
	if made, _ := filepath.Glob(folder + "/*"); len(made) != 2 {
		t.Errorf("beside the socket and the script there is something new: %v", made)
	}
	if all := c.seen.String() + string(rest); strings.Contains(all, trap.URL) || strings.Contains(all, folder) {
		t.Errorf("something of the environment is shown:\n%s", all)
	}
}
