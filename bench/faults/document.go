package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// family is faults of one kind.
type family struct {
	title  string
	faults []fault
}

// catalogue is all faults, in the order of the document.
func catalogue() []family {
	return []family{
		{"The event stream", streams()},
		{"The engine", engines()},
		{"Restarts", restarts()},
		{"Lists", lists()},
		{"Events", lostEvents()},
		{"Moments", moments()},
		{"The machine", hosts()},
		{"defib itself", deaths()},
	}
}

// everything is all faults in one row.
func everything() []fault {
	var all []fault
	for _, f := range catalogue() {
		all = append(all, f.faults...)
	}
	return all
}

// document is the text of docs/faults.md.
func document(made, commit string, rows []row) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, intro, defaultEngine, made, commit)
	for _, f := range catalogue() {
		of := slices.DeleteFunc(slices.Clone(rows), func(r row) bool {
			return !slices.ContainsFunc(f.faults, func(one fault) bool { return one.name == r.fault.name })
		})
		if len(of) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n", f.title)
		writeTable(&b, of)
		for _, r := range of {
			if r.detail != "" {
				fmt.Fprintf(&b, "\n%s: %s\n", r.fault.name, r.detail)
			}
		}
	}
	b.WriteString(outro)
	return b.String()
}

// writeDocument writes docs/faults.md.
func writeDocument(ctx context.Context, path string, args []string, rows []row) error {
	commit := "unknown"
	if out, err := exec.CommandContext(ctx, "git", "log", "-1", "--format=%h of %cs").Output(); err == nil {
		commit = strings.TrimSpace(string(out))
	}
	text := document(strings.TrimSpace("go run ./bench/faults "+strings.Join(args, " ")), commit, rows)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // everybody may read it
		return fmt.Errorf("write the document: %w", err)
	}
	return nil
}

// writeTable writes rows as Markdown.
func writeTable(w io.Writer, rows []row) {
	heads := heads()
	fmt.Fprintf(w, "| %s |\n|%s\n", strings.Join(heads, " | "), strings.Repeat("---|", len(heads)))
	for _, r := range rows {
		cells := r.cells()
		cells[0] += fmt.Sprintf("<br>*“%s”*", r.fault.said)
		fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
	}
}

const intro = `# What defib does when things around it break

Each row is one fault, played with a defib as it is shipped, as a process of its own, between a simulated Docker engine
(` + "`internal/dockertest`" + `, engine %s unless the row names another) and a receiver of JSON alerts. One container of 25 turns
unhealthy at the worst moment of the fault; its health check runs every 100 ms and the container may take 1 s to stop,
unless the row says otherwise. All settings are the defaults, unless the row names one.

- **after**: from the engine's word that the container is unhealthy to its word that it is healthy again; with a star from
  the engine's return, or defib's, where that came later.
- **at most**: what is promised. 10 s is the rule. What only a list can find waits for the next one (` + "`AUTOHEAL_INTERVAL`" + `, 5 s by
  default), and then for as long as the container may take to stop, since somebody might be stopping it.
  A question that hangs is given up after 10 s, even if others are answered by then.
- **restarts**: calls of restart and start that defib made; "done" are the restarts that the engine completed.
- **needless**: the same to containers that were well. **alerts lost**: of the beginning, of the end, or of what a human must
  know. **doubled**: the same news again.
- **own health bad**: ` + "`/healthz`" + ` said so meanwhile. It does so when the stream is gone or lists fail for more than 30 s; a dash
  where the fault is too short for that.
- **exited**: defib ended by itself.

Times are of one run on a machine with other work to do; they vary from run to run. Made by ` + "`%s`" + ` at commit %s.
The command ends with an error when a promise is broken, and ` + "`go test ./bench/faults`" + ` plays the short ones.
`

const outro = `
How the clocks jump: what the simulated engine tells (its Date header, its events, the times in its answers) follows a
clock of its own, which jumps. defib's own clock jumps in a defib of the same source whose only change is in Go's
` + "`time.Now`" + ` (` + "`bench/faults/jumping.go`" + `), since no process can be given a wall clock of its own. The disks are real ones, of 64 kB.

## On a real engine

The same is tried on real engines by the end-to-end suite (` + "`go test ./e2e`" + `), where a fault can be made there: the engine killed
(` + "`TestOutlivesItsEngine`, `TestOwnHealthIsHonest`, `TestTellsWhatItsEngineLeftDown`" + `), killed with live-restore
(` + "`go test -tags long -run TestLiveRestore ./e2e`" + `, which takes four minutes), hung (` + "`TestOutlivesAHungEngine`" + `), the stream cut, silent, and not there at first (` + "`TestEventsAreCut`,\n`TestEventsAreSilent`, `TestStartsBeforeItsEngine`" + `), defib killed (` + "`TestRemembersOverAKill`" + `), a full disk (` + "`TestHealsOnAFullDisk`" + `).
`
