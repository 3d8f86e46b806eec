package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"defib/heal"
	"defib/internal/dockertest"
	"defib/watcher"
)

// A story is the whole program, with Docker's real client, against an engine
// in the process, in virtual time. Each file in testdata/stories holds what
// happens to the containers and, below a line of dashes, everything that defib
// then did: what it asked of the engine, logged and told. "go test -update"
// writes the lower part anew; commit that only if you understand the change.
var update = flag.Bool("update", false, "write the transcripts of the stories and the README's table anew")

func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txt")
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
			got := tell(t, script)
			if *update {
				if err := os.WriteFile(file, []byte(script+"\n----\n"+got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("the story went otherwise:\n%s", firstDifference(got, want))
			}
		})
	}
}

// firstDifference shows where two transcripts part.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		a, b := at(g, i), at(w, i)
		if a != b {
			return fmt.Sprintf("line %d\n  got:  %s\n  want: %s\n\nall of it:\n%s", i+1, a, b, got)
		}
	}
	return ""
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// story is one running story.
type story struct {
	t       *testing.T
	eng     *dockertest.Engine
	watcher *watcher.Watcher
	began   time.Time
	env     []string
	eo      dockertest.Options
	steps   []step
	specs   []dockertest.Spec
	undo    []func()
	slow    bool // inspections take a time that differs from container to container

	mu     sync.Mutex
	lines  []string
	others map[string]int // messages to other receivers, by host
}

type step struct {
	at    time.Duration
	words []string
}

// tell plays a script and gives its transcript.
func tell(t *testing.T, script string) string {
	t.Helper()
	s := &story{t: t, env: []string{"AUTOHEAL_HOST_NAME=box"}}
	for line := range strings.SplitSeq(script, "\n") {
		s.parse(strings.Fields(line))
	}
	synctest.Test(t, s.play)
	return strings.Join(s.lines, "\n") + "\n"
}

// parse reads one line of a script.
func (s *story) parse(words []string) {
	if len(words) == 0 || strings.HasPrefix(words[0], "#") {
		return
	}
	switch words[0] {
	case "env":
		s.env = append(s.env, strings.Join(words[1:], " "))
	case "engine":
		s.eo.Podman = words[1] == "podman"
		if !s.eo.Podman {
			s.eo.Version = words[1]
		}
		s.eo.LiveRestore = slices.Contains(words[2:], "live-restore")
	case "uneven": // so that what happens to many at once has an order
		s.slow = true
	case "container":
		s.specs = append(s.specs, s.spec(words[1:]))
	case "at":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			s.t.Fatalf("story: %v", err)
		}
		s.steps = append(s.steps, step{d, words[2:]})
	default:
		s.t.Fatalf("story: what is %q?", words[0])
	}
}

// spec reads a container: its name, then words that change the usual one,
// which is labelled autoheal=true and probed every 5 s.
func (s *story) spec(words []string) dockertest.Spec {
	c := dockertest.Spec{
		Name: words[0], Image: "shop:1", RestartPolicy: "unless-stopped", StopTakes: 200 * time.Millisecond,
		Labels: map[string]string{"autoheal": "true"},
		Health: &dockertest.Health{Interval: 5 * time.Second, Timeout: time.Second, Retries: 3, HealedByRestart: true},
	}
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "label":
			name, v, _ := strings.Cut(value, "=")
			c.Labels[name] = v
		case "stop-takes":
			c.StopTakes = s.duration(value)
		case "stop-timeout":
			c.StopTimeout = s.duration(value)
		case "stop-signal":
			c.StopSignal = value
		case "restart":
			c.RestartPolicy = value
		case "of": // project/service
			c.Labels["com.docker.compose.project"], c.Labels["com.docker.compose.service"], _ = strings.Cut(value, "/")
			c.Labels["com.docker.compose.container-number"], c.Labels["com.docker.compose.oneoff"] = "1", "False"
		case "depends":
			c.Labels["com.docker.compose.depends_on"] = value
		case "logs":
			c.Logs = strings.ReplaceAll(strings.ReplaceAll(value, "_", " "), "|", "\n") + "\n"
		case "network":
			c.NetworkMode = value
		case "pid":
			c.PidMode = value
		case "no-healthcheck":
			c.Health = nil
		case "slow-probes":
			c.Health.Interval, c.Health.Retries = time.Minute, 1
		case "incurable":
			c.Health.HealedByRestart = false
		case "warm-up":
			c.Health.WarmUp = s.duration(value)
		case "start-period":
			c.Health.StartPeriod = s.duration(value)
		case "never-probed":
			c.Health.Interval = 0
		case "no-start":
			c.FailStart = strings.ReplaceAll(value, "_", " ")
		default:
			s.t.Fatalf("story: what is %q of a container?", w)
		}
	}
	return c
}

func (s *story) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.t.Fatalf("story: %v", err)
	}
	return d
}

// play runs the program and the script in a bubble of virtual time.
func (s *story) play(t *testing.T) {
	s.eng = dockertest.New(s.eo)
	pipe, slackPipe := dockertest.NewPipe(), dockertest.NewPipe()
	s.eng.Serve(pipe)
	s.eng.OnCall(s.onCall)
	slack := &http.Server{Handler: http.HandlerFunc(s.onSlack), ReadHeaderTimeout: time.Minute}
	go func() { _ = slack.Serve(slackPipe) }()

	c, warnings, wrong := load(append(s.env, "SLACK_WEBHOOK_URL=http://hooks.slack.com/services/T0/B0/X", "LOG_FORMAT=json"))
	if len(wrong) > 0 {
		t.Fatalf("configuration: %v", wrong)
	}
	s.began = time.Now()
	log := newLogger(c.Log, logLines{s})
	for _, w := range warnings {
		log.Warn().Msg(w)
	}
	transport := &http.Transport{DialContext: slackPipe.DialContext}
	c.Notify.Transport = transport
	c.Notify.Host = func() string { return "box" }
	p, err := assemble(c, log, func(o *watcher.Options) {
		o.Endpoint = watcher.Endpoint{Host: "tcp://engine:2375", Dial: pipe.DialContext}
	})
	if err != nil {
		t.Fatalf("assemble: %v", err)
	}
	// No two things happen at the same instant: which comes first would be a
	// matter of chance.
	for i, spec := range s.specs {
		if s.slow {
			s.eng.Fail(func(c dockertest.Call) bool { return c.Kind == "inspect" && c.Name == spec.Name },
				dockertest.Fault{Delay: time.Duration(i+1)*time.Millisecond + 300*time.Microsecond})
		}
		s.eng.Run(spec)
		time.Sleep(130 * time.Millisecond)
	}
	time.Sleep(1696 * time.Millisecond)
	s.began = time.Now().Add(4 * time.Millisecond) // so lists come before what steps and probes do in the same second
	ctx, cancel := context.WithCancel(t.Context())
	var told, watched sync.WaitGroup
	voice, hush := context.WithCancel(context.WithoutCancel(ctx))
	s.watcher = p.watcher
	told.Go(func() { _ = p.notifier.Run(voice) })
	watched.Go(func() { p.watcher.Run(ctx) })
	s.follow()
	cancel()
	watched.Wait()
	hush()
	told.Wait()
	for _, u := range s.undo {
		u()
	}
	transport.CloseIdleConnections()
	_ = slack.Close()
	s.eng.Close()
}

// follow does the steps at their times.
func (s *story) follow() {
	for _, st := range s.steps {
		time.Sleep(time.Until(s.began.Add(st.at)))
		synctest.Wait()
		if st.words[0] == "end" {
			return
		}
		s.write("     %s", strings.Join(st.words, " "))
		s.do(st.words)
	}
	s.t.Error("story: it has no end")
}

func (s *story) write(format string, args ...any) {
	d := max(0, time.Since(s.began))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf("%9s %s", clock(d), fmt.Sprintf(format, args...)))
}

// clock shows a time since the beginning: 1:02:03.400.
func clock(d time.Duration) string {
	h, m := int(d.Hours()), int(d.Minutes())%60
	text := fmt.Sprintf("%d:%02d:%05.2f", h, m, (d % time.Minute).Seconds())
	return strings.TrimSuffix(strings.TrimPrefix(text, "0:"), ".00")
}

// onCall notes what changes something.
func (s *story) onCall(c dockertest.Call) {
	if slices.Contains([]string{"restart", "stop", "start", "kill"}, c.Kind) && !strings.HasPrefix(c.Name, "_defib") {
		s.write("  -> %s %s %s", c.Kind, c.Name, c.Query)
	}
}

// onSlack shows a message as a person reads it.
func (s *story) onSlack(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if r.Host != "hooks.slack.com" {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.others == nil {
			s.others = map[string]int{}
		}
		s.others[r.Host]++
		return
	}
	time.Sleep(time.Millisecond) // so that what the program does at the same time comes first
	var m struct {
		Attachments []struct{ Title, Text string }
	}
	if err := json.Unmarshal(body, &m); err != nil || len(m.Attachments) != 1 {
		s.write("  slack got nonsense: %s", body)
	} else {
		s.write("  slack: %s", m.Attachments[0].Title)
		for line := range strings.SplitSeq(m.Attachments[0].Text, "\n") {
			s.write("         %s", line)
		}
	}
	_, _ = w.Write([]byte("ok"))
}

// logLines writes the program's log into the transcript.
type logLines struct{ s *story }

func (l logLines) Write(p []byte) (int, error) {
	var fields map[string]any
	d := json.NewDecoder(bytes.NewReader(p))
	if d.Decode(&fields) != nil {
		l.s.write("  log is no JSON: %s", p)
	}
	text := fmt.Sprintf("  %-5v %v", fields["level"], fields["message"])
	for _, hidden := range []string{"level", "message", "time", "id", "incident", "next"} {
		delete(fields, hidden)
	}
	keys := make([]string, 0, len(fields))
	for k := range fields {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		text += fmt.Sprintf(" %s=%s", k, strconv.Quote(fmt.Sprint(fields[k])))
	}
	l.s.write("%s", text)
	return len(p), nil
}

// do is one thing that happens.
func (s *story) do(words []string) {
	verb, args := words[0], append(words[1:], "", "", "")
	name := args[0]
	var err error
	switch verb {
	case "sicken":
		err = s.eng.Sicken(name, strings.TrimSpace(strings.Join(args[1:], " ")))
	case "cure":
		err = s.eng.Cure(name)
	case "run":
		s.eng.Run(s.spec(words[1:]))
	case "stop", "restart":
		grace := 10 * time.Second
		if args[1] != "" {
			grace = s.duration(args[1])
		}
		act := map[string]func(string, time.Duration) error{"stop": s.eng.Stop, "restart": s.eng.Restart}[verb]
		go func() { _ = act(name, grace) }()
	case "start":
		err = s.eng.Start(name)
	case "kill":
		err = s.eng.Kill(name, args[1])
	case "pause":
		err = s.eng.Pause(name)
	case "unpause":
		err = s.eng.Unpause(name)
	case "remove":
		err = s.eng.Remove(name, true)
	case "remove-rename": // as Compose recreates: the new one takes the old one's name
		if err = s.eng.Remove(name, true); err == nil {
			err = s.eng.Rename(args[1], name)
		}
	case "crash":
		err = s.eng.Crash(name, 1)
	case "oom":
		err = s.eng.OOM(name)
	case "set-health":
		err = s.eng.SetHealth(name, args[1], "")
	case "cannot-start":
		err = s.eng.Edit(name, func(c *dockertest.Spec) { c.FailStart = strings.Join(words[2:], " ") })
	case "pause-defib", "resume-defib":
		err = s.order(verb, args)
	default:
		s.doToEngine(verb, args)
	}
	if err != nil {
		s.t.Errorf("story: %s: %v", strings.Join(words, " "), err)
	}
}

// order is what a person asks of defib.
func (s *story) order(verb string, args []string) error {
	if verb == "resume-defib" {
		p, err := heal.ParsePause(args[0])
		if err != nil {
			return err
		}
		_, _, err = s.watcher.Resume(context.Background(), []heal.Pause{p})
		return err
	}
	p, err := heal.ParsePause(args[1])
	if err != nil {
		return err
	}
	p.Since = time.Now()
	p.Until = p.Since.Add(s.duration(args[0]))
	_, err = s.watcher.Pause(context.Background(), []heal.Pause{p})
	return err
}

// doToEngine is one thing that happens to the engine.
func (s *story) doToEngine(verb string, args []string) {
	kind := func(k string) func(dockertest.Call) bool {
		return func(c dockertest.Call) bool { return c.Kind == k && (c.Name != "" || k != "restart") }
	}
	switch verb {
	case "cut":
		s.eng.CutStreams(args[0] == "mid-line")
	case "mute":
		s.eng.MuteStreams(true)
	case "lose-events":
		s.eng.DropEvents(args[0] != "off")
	case "inject":
		s.eng.Inject([]byte(strings.TrimSpace(strings.Join(args, " "))))
	case "inject-huge":
		s.eng.Inject([]byte(`{"Type":"container","Action":"` + strings.Repeat("x", 5<<20) + `"}`))
	case "down":
		s.eng.Down()
	case "shutdown":
		s.eng.Shutdown()
	case "up":
		if err := s.eng.Up(); err != nil {
			s.t.Errorf("story: up: %v", err)
		}
	case "hang":
		s.eng.Hang(args[0] != "off")
	case "forbid":
		s.undo = append(s.undo, s.eng.Fail(kind(args[0]), dockertest.Fault{Status: 403, Body: "<html><body><h1>403 Forbidden</h1></body></html>"}))
	case "break":
		s.undo = append(s.undo, s.eng.Fail(kind(args[0]), dockertest.Fault{Status: 500, Body: "something broke inside"}))
	case "swallow":
		s.undo = append(s.undo, s.eng.Fail(kind(args[0]), dockertest.Fault{Hang: true}))
	case "late": // the answer is made at once, and comes later
		s.undo = append(s.undo, s.eng.Fail(kind(args[0]), dockertest.Fault{Delay: s.duration(args[1]), AfterEffect: true}))
	case "slow":
		s.undo = append(s.undo, s.eng.Fail(kind(args[0]), dockertest.Fault{Delay: s.duration(args[1])}))
	case "mend":
		for _, u := range s.undo {
			u()
		}
		s.undo = nil
	default:
		s.t.Fatalf("story: what is %q?", verb)
	}
}
