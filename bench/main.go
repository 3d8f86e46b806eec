// Command bench measures defib from outside, as a process beside a simulated
// engine, and prints what it finds as Markdown:
//
//	go run ./bench                     all of it, in some ten minutes
//	go run ./bench latency storm       some of it: latency, scale, storm
//	go run ./bench -short              with short windows, to see that it works
//	go run ./bench -o docs/figures.md  into a file
//	go run ./bench compare A [B]       commit A and commit B (or what is checked out), in turn
//
// The engine runs in this process and takes its share of the processors: run it
// on a machine that has nothing else to do.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"defib/bench/rig"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == bareCommand {
		fmt.Fprintln(os.Stderr, bareLoop(os.Args[2]))
		os.Exit(1) // it ends by being killed
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// program is a built defib.
type program struct{ name, path string }

// measurement is one table, with a row or more for each program.
type measurement struct {
	name string
	of   func(ctx context.Context, programs []program, short bool, progress io.Writer) (table, error)
}

func measurements() []measurement {
	return []measurement{{"latency", latency}, {"scale", scale}, {"storm", storm}}
}

// order is what is wanted: measurements, all where there are none, and commits.
type order struct {
	short           bool
	out             string // the file for the tables; empty: none but the standard output
	wanted, commits []string
}

// parse reads the arguments. Its error is for the person who typed them.
func parse(args []string, stderr io.Writer) (order, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	o := order{commits: []string{""}}
	flags.BoolVar(&o.short, "short", false, "short windows: the figures mean little")
	flags.StringVar(&o.out, "o", "", "a `file` for the tables")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: go run ./bench [-short] [-o FILE] [latency] [scale] [storm]\n       go run ./bench [-short] [-o FILE] compare A [B]   (commits; B: what is checked out)")
	}
	if err := flags.Parse(args); err != nil {
		return o, err //nolint:wrapcheck // it is the flag's own
	}
	o.wanted = flags.Args()
	if len(o.wanted) > 0 && o.wanted[0] == "compare" {
		if len(o.wanted) < 2 || len(o.wanted) > 3 {
			flags.Usage()
			return o, errors.New("compare needs one commit or two")
		}
		o.wanted, o.commits = nil, append(o.wanted[1:], "")[:2]
	}
	for _, name := range o.wanted {
		if !slices.ContainsFunc(measurements(), func(m measurement) bool { return m.name == name }) {
			flags.Usage()
			return o, fmt.Errorf("there is no measurement %q", name)
		}
	}
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "defib-bench-")
	if err != nil {
		return fmt.Errorf("make a folder for what is built: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is in the folder for what may be lost
	programs, err := build(ctx, dir, o.commits)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	out := io.MultiWriter(stdout, &text)
	commit, err := git(ctx, "describe", "--always", "--dirty")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "# Figures\n\nMeasured at %s on %s, by `go run ./bench%s`. The engine is simulated in another\n"+
		"process on the same machine, behind a unix socket, so times are those of defib and of nothing else.\n", commit, machine(), called(args))
	for _, m := range measurements() {
		if len(o.wanted) > 0 && !slices.Contains(o.wanted, m.name) {
			continue
		}
		t, err := m.of(ctx, programs, o.short, stderr)
		if err != nil {
			return fmt.Errorf("measure the %s: %w", m.name, err)
		}
		t.print(out, len(programs) > 1)
	}
	if o.out == "" {
		return nil
	}
	if err := os.WriteFile(o.out, text.Bytes(), 0o644); err != nil { //nolint:gosec // a document
		return fmt.Errorf("write the tables: %w", err)
	}
	return nil
}

// called gives the arguments as they are typed, after a blank.
func called(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return " " + strings.Join(args, " ")
}

// build builds commits; an empty one is what is checked out.
func build(ctx context.Context, dir string, commits []string) ([]program, error) {
	root, err := git(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	var programs []program
	for i, commit := range commits {
		source, name := root, "here"
		out := filepath.Join(dir, fmt.Sprint(i))
		if commit != "" {
			if name, err = git(ctx, "rev-parse", "--short", "--verify", commit+"^{commit}"); err != nil {
				return nil, err
			}
			source = filepath.Join(dir, "source-"+fmt.Sprint(i))
			if _, err := git(ctx, "worktree", "add", "--detach", source, name); err != nil {
				return nil, err
			}
			defer git(context.WithoutCancel(ctx), "worktree", "remove", "--force", source) //nolint:errcheck // git prunes it
		}
		path, err := rig.Build(ctx, source, out)
		if err != nil {
			return nil, err //nolint:wrapcheck // it says what was built
		}
		programs = append(programs, program{name, path})
	}
	return programs, nil
}

// machine says on what it is measured.
func machine() string {
	model := "an unknown processor"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, found := strings.Cut(string(info), "model name"); found {
			model, _, _ = strings.Cut(strings.TrimLeft(rest, "\t :"), "\n")
		}
		return fmt.Sprintf("%d × %s", strings.Count(string(info), "processor\t"), model)
	}
	return model
}
