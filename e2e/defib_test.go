package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// line is one line of defib's log.
type line struct {
	Level     string
	Message   string
	Container string
	Reason    string
	Err       string
	raw       string
}

// watchdog is a running container of the image under test.
type watchdog struct {
	patient // what is said of a container holds for it too

	host engine // on which it runs, which need not be the one that it watches

	mu    sync.Mutex
	lines []line
}

// hardened is how the README tells people to run it.
func hardened() []string {
	return []string{"--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"}
}

// defib starts the image under test on this machine's engine, to watch the
// scene's; flags are docker run's.
func (s *scene) defib(flags ...string) *watchdog {
	s.Helper()
	return s.defibAt(s.engine.mount, flags...)
}

// defibAt is defib with another way to the engine.
func (s *scene) defibAt(mount []string, flags ...string) *watchdog {
	s.Helper()
	return s.defibOn(machine(), mount, flags...)
}

// defibOn is defibAt, on another engine than this machine's.
func (s *scene) defibOn(host engine, mount []string, flags ...string) *watchdog {
	s.Helper()
	d := &watchdog{patient: patient{scene: s, name: s.name + "-defib"}, host: host}
	args := slices.Concat([]string{"run", "-d", "--name", d.name, "--label", sceneLabel + "=" + s.name,
		"-e", "AUTOHEAL_CONTAINER_LABEL=" + s.label, "-e", "AUTOHEAL_INTERVAL=1s", "-e", "LOG_FORMAT=json", "-e", "LOG_LEVEL=debug"},
		hardened(), mount, flags)
	if !slices.Contains(args, "--network") {
		args = append(args, "--network", "none")
	}
	id, err := host.docker(s.Context(), append(args, s.stage.image)...)
	if err != nil {
		s.Fatal(err)
	}
	d.id = id
	s.removeLater(host, id)
	d.readLog()
	return d
}

// readLog follows the log until the test ends, and shows it if that failed.
func (d *watchdog) readLog() {
	s := d.scene
	ctx, cancel := context.WithCancel(context.Background())
	cmd := d.host.command(ctx, "logs", "-f", d.id)
	in, out := io.Pipe()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		cancel()
		s.Fatal("follow defib's log:", err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		for lines := bufio.NewScanner(in); lines.Scan(); {
			l := line{raw: lines.Text()}
			_ = json.Unmarshal(lines.Bytes(), &l) // what is no JSON is kept as it is
			d.mu.Lock()
			d.lines = append(d.lines, l)
			d.mu.Unlock()
		}
	})
	s.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
		_ = out.Close()
		done.Wait()
		if s.Failed() {
			s.Log("defib's log:\n" + d.log())
		}
	})
}

// log gives all that was logged so far.
func (d *watchdog) log() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var b strings.Builder
	for _, l := range d.lines {
		b.WriteString(l.raw + "\n")
	}
	return b.String()
}

// said gives the log's lines that are so.
func (d *watchdog) said(so func(line) bool) []line {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.lines), func(l line) bool { return !so(l) })
}

// gave gives the lines with a reason about one container.
func (d *watchdog) gave(p patient, reason string) []line {
	return d.said(func(l line) bool { return l.Container == p.name && l.Reason == reason })
}

// watches tells whether it has reached its engine.
func (d *watchdog) watches() bool {
	return len(d.said(func(l line) bool { return l.Message == "connected" })) > 0
}

// isWell tells what the image's own HEALTHCHECK would.
func (d *watchdog) isWell() bool {
	ctx, cancel := context.WithTimeout(d.scene.Context(), 20*time.Second)
	defer cancel()
	_, err := d.host.docker(ctx, "exec", d.id, "/defib", "healthcheck")
	return err == nil
}

// runs fails the test if the container is not running, or was ever started anew.
func (d *watchdog) runs() {
	d.scene.Helper()
	got, err := d.host.docker(d.scene.Context(), "inspect", "-f", "{{.State.Status}} {{.RestartCount}}", d.id)
	if err != nil || got != "running 0" {
		d.scene.Errorf("defib's container: %s %v; want it running without a restart", got, err)
	}
}
