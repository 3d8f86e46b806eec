// Command faults breaks what is around defib, one fault after the other, and
// writes a table of what became of it. Each fault has an engine, a defib that
// is a process of its own, and a receiver of alerts.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"

	"defib/bench/rig"
)

// options are those of the command line.
type options struct {
	out, run, program string
	short, require    bool
	parallel, lives   int
	verbose           bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

// command plays the faults that are asked for.
func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.out, "o", "", "write the document to this file")
	flags.StringVar(&o.run, "run", "", "only the faults whose name matches this regular expression")
	flags.StringVar(&o.program, "program", "", "the defib that is tried; default: one that is built from the source in this folder")
	flags.BoolVar(&o.short, "short", false, "leave out what takes longer than 15 s")
	flags.BoolVar(&o.require, "require", false, "what cannot be tried here is a failure")
	flags.BoolVar(&o.verbose, "v", false, "print the log of a defib that broke a promise")
	flags.IntVar(&o.parallel, "parallel", 6, "so many faults at the same time")
	flags.IntVar(&o.lives, "lives", 250, "so many SIGKILLs, and so many SIGTERMs")
	if err := flags.Parse(args); err != nil {
		return err //nolint:wrapcheck // it was printed with the usage
	}
	only, err := regexp.Compile(o.run)
	if err != nil {
		return fmt.Errorf("read -run: %w", err)
	}
	chosen := slices.DeleteFunc(everything(), func(f fault) bool { return !only.MatchString(f.name) || (o.short && f.long) })
	scratch, err := os.MkdirTemp("", "defib-faults-")
	if err != nil {
		return fmt.Errorf("make a folder to build in: %w", err)
	}
	defer os.RemoveAll(scratch) //nolint:errcheck // it is in the folder for what may be lost
	s := newSettings(o.program, ".", scratch, o.lives)
	if s.program == "" {
		if s.program, err = rig.Build(ctx, ".", scratch); err != nil {
			return err //nolint:wrapcheck // it says what was built
		}
	}
	rows, err := playAll(ctx, chosen, s, o.parallel, stderr)
	if err != nil {
		return err
	}
	writeTable(stdout, rows)
	if o.out != "" {
		if err := writeDocument(ctx, o.out, args, rows); err != nil {
			return err
		}
	}
	return o.verdict(rows, stderr)
}

// playAll plays some at a time, the long ones first, and those that need the
// machine for themselves last. The rows have the order of the faults.
func playAll(ctx context.Context, faults []fault, s settings, parallel int, progress io.Writer) ([]row, error) {
	order := make([]int, len(faults))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return faults[a].urgency() - faults[b].urgency() })
	rows, errs := make([]row, len(faults)), make([]error, len(faults))
	turns := make(chan struct{}, parallel)
	var playing sync.WaitGroup
	for _, i := range order {
		if faults[i].play != nil {
			playing.Wait()
		}
		turns <- struct{}{}
		playing.Go(func() {
			defer func() { <-turns }()
			rows[i], errs[i] = perform(ctx, faults[i], s)
			if errs[i] == nil {
				fmt.Fprintf(progress, "%s\n", strings.Join(rows[i].cells(), " | "))
			}
		})
	}
	playing.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// urgency orders the faults: the less, the earlier.
func (f fault) urgency() int {
	switch {
	case f.play != nil:
		return 2
	case f.long:
		return 0
	}
	return 1
}

// verdict says which promises were broken.
func (o options) verdict(rows []row, w io.Writer) error {
	broken := 0
	for _, r := range rows {
		why := r.broken()
		if r.untried != "" && o.require {
			why = append(why, "it was not tried: "+r.untried)
		}
		if len(why) == 0 {
			continue
		}
		broken++
		fmt.Fprintf(w, "%s: %s\n", r.fault.name, strings.Join(why, "; "))
		if o.verbose {
			fmt.Fprintln(w, r.log)
		}
	}
	if broken > 0 {
		return fmt.Errorf("%d of %d faults broke a promise", broken, len(rows))
	}
	return nil
}
