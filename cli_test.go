package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"defib/internal/dockertest"
	"defib/status"
	"defib/watcher"
)

// A command line story is a story of containers, in the words of those in
// testdata/stories, at whose end somebody types commands: lines that begin with
// a dollar. Below the line of dashes is what they print on 80 columns, and
// their exit codes. "alone" says that no defib runs, "slack STATUS" what Slack
// answers.
func TestCommandLineStories(t *testing.T) {
	files, err := filepath.Glob("testdata/commands/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories found: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			script, want, _ := strings.Cut(string(text), "\n----\n")
			got := typed(t, script)
			for line := range strings.Lines(got) {
				if strings.HasPrefix(strings.TrimSpace(line), `"`) {
					continue // of JSON
				}
				if n := columnsOf(strings.TrimRight(line, "\n")); n > 80 {
					t.Errorf("%d wide: %s", n, line)
				}
			}
			if *update {
				if err := os.WriteFile(file, []byte(script+"\n----\n"+got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("it is printed otherwise:\n%s", firstDifference(got, want))
			}
		})
	}
}

// shell is one command line story.
type shell struct {
	*story

	alone    bool // no defib runs
	slack    int  // the status that Slack answers with
	commands []string
	dir      string
	out      strings.Builder
}

// typed plays a script and gives what its commands print.
func typed(t *testing.T, script string) string {
	t.Helper()
	s := &shell{story: &story{t: t, env: []string{"AUTOHEAL_HOST_NAME=box"}}, slack: http.StatusOK, dir: shortDir(t)}
	s.env = append(s.env, "AUTOHEAL_STATE_DIR="+s.dir)
	for line := range strings.SplitSeq(script, "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) > 0 && words[0] == "$":
			s.commands = append(s.commands, strings.TrimSpace(strings.TrimPrefix(line, "$")))
		case len(words) == 1 && words[0] == "alone":
			s.alone = true
		case len(words) == 2 && words[0] == "slack":
			_, _ = fmt.Sscan(words[1], &s.slack)
		default:
			s.parse(words)
		}
	}
	s.steps = append(s.steps, step{at: time.Hour, words: []string{"end"}})
	if n := len(s.steps); n > 1 {
		s.steps[n-1].at = s.steps[n-2].at
	}
	synctest.Test(t, s.play)
	text := strings.ReplaceAll(s.out.String(), s.dir, "/tmp/defib-cli-00000000")
	text = regexp.MustCompile(`(?s)tried again .*?\n\(exit`).ReplaceAllString(text, "tried again at some time\n(exit")
	return regexp.MustCompile(`127\.0\.0\.1:\d{5}`).ReplaceAllString(text, "127.0.0.1:54321")
}

// TestMain has times printed as they are in UTC. It is set once, before anything
// else reads it.
func TestMain(m *testing.M) {
	time.Local = time.UTC
	os.Exit(m.Run())
}

// shortDir makes a folder for a socket: paths of those must be short. This one
// is always of the same length, so that lines break where they always do.
func shortDir(t *testing.T) string {
	t.Helper()
	dir := fmt.Sprintf("/tmp/defib-cli-%08d", rand.IntN(1e8))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// play lives through the story and types the commands at its end. While a real
// socket is open the bubble's time stands still, so all is printed at one time.
func (s *shell) play(t *testing.T) {
	s.eng = dockertest.New(s.eo)
	pipe, slackPipe := dockertest.NewPipe(), dockertest.NewPipe()
	s.eng.Serve(pipe)
	slack := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(s.slack) }), ReadHeaderTimeout: time.Minute}
	go func() { _ = slack.Serve(slackPipe) }()
	defer slack.Close() //nolint:errcheck // of a test
	c, _, wrong := load(s.env)
	if len(wrong) > 0 { // the commands are to say so
		s.enter(t, nil)
		s.eng.Close()
		return
	}
	transport := &http.Transport{DialContext: slackPipe.DialContext}
	defer transport.CloseIdleConnections()
	c.Notify.Transport = transport
	p, err := assemble(c, newLogger(c.Log, logLines{s.story}), func(o *watcher.Options) {
		o.Endpoint = watcher.Endpoint{Host: "tcp://engine:2375", Dial: pipe.DialContext}
	})
	if err != nil {
		t.Fatalf("assemble: %v", err)
	}
	for _, spec := range s.specs {
		s.eng.Run(spec)
		time.Sleep(130 * time.Millisecond)
	}
	s.began = time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	defer running.Wait()
	if !s.alone {
		s.watcher = p.watcher
		running.Go(func() { _ = p.notifier.Run(ctx) })
		running.Go(func() { p.watcher.Run(ctx) })
		time.Sleep(time.Second)
	}
	s.follow()
	synctest.Wait()
	if s.alone {
		s.enter(t, nil)
	} else {
		s.enter(t, p.view)
	}
	s.eng.Close() // and its socket, so that time goes on
	cancel()
}

// enter types the commands, with the defib running that a source is of.
func (s *shell) enter(t *testing.T, source status.Source) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.eng.Serve(l)
	if source != nil {
		defer serveAPI(t, filepath.Join(s.dir, "control.sock"), source)()
	}
	for _, line := range s.commands {
		var out bytes.Buffer
		env := append([]string{"DOCKER_HOST=tcp://" + l.Addr().String()}, s.env...)
		code := command(t.Context(), strings.Fields(line), env, &out, &out)
		fmt.Fprintf(&s.out, "$ defib %s\n%s(exit code %d)\n\n", line, &out, code)
	}
}

// serveAPI answers the API of a source on a socket, and gives what ends that.
func serveAPI(t *testing.T, socket string, source status.Source) (stop func()) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	api := status.NewServer(status.Options{Source: source, Health: func() status.Answer { return status.Answer{OK: true} }}).API()
	server := &http.Server{Handler: api, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		_ = server.Serve(l)
		close(done)
	}()
	return func() {
		_ = server.Close()
		<-done
	}
}

// decode reads JSON.
func decode(t *testing.T, text []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
}
