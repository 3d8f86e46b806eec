package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"defib/internal/spell"
)

// call is one call of the command line.
type call struct {
	args, environ  []string
	stdout, stderr io.Writer
}

// subcommand is one command of the command line.
type subcommand struct {
	name    string
	aliases []string
	brief   string // for the list of all
	help    string // what --help prints
	run     func(ctx context.Context, c call) int
}

// subcommands gives all, in the order in which the help lists them.
func subcommands() []subcommand {
	return []subcommand{
		{"run", []string{"autoheal"}, "watch and heal; the default", runHelp, bare("run", func(ctx context.Context, c call) int {
			return run(ctx, c.environ, c.stderr)
		})},
		{"check", nil, "what is set, allowed and watched, without a running defib", checkHelp, check},
		{"explain", nil, "whether a container would be healed, and why: defib explain NAME", explainHelp, explain},
		{"status", nil, "what the running defib sees and does: defib status [--watch]", statusHelp, showStatus},
		{"healthcheck", nil, "ask the running defib whether it can do its work", healthcheckHelp, bare("healthcheck", func(ctx context.Context, c call) int {
			return healthcheck(ctx, c.stdout)
		})},
		{"pause", nil, "watch and touch nothing for a while: defib pause 30m [WHAT...]", pauseUsage, control("pause")},
		{"pauses", nil, "list what is paused", pauseUsage, control("pauses")},
		{"resume", nil, "end a pause before its time: defib resume [WHAT...]", pauseUsage, control("resume")},
		{"test-alert", nil, "send a test message to every receiver", testAlertHelp, bare("test-alert", func(ctx context.Context, c call) int {
			return testAlert(ctx, c.environ, c.stdout, c.stderr)
		})},
		{"demo", nil, "show it at work on a simulated engine, without Docker", demoUsage, func(ctx context.Context, c call) int {
			return demo(ctx, c.args, c.stdout, c.stderr)
		}},
		{"version", []string{"--version", "-v"}, "print the version, and what it was made from", versionHelp, bare("version", func(_ context.Context, c call) int {
			showVersion(c.stdout)
			return exitOK
		})},
		{"help", []string{"--help", "-h"}, "print this, or the help of a command: defib help COMMAND", helpHelp, showHelp},
	}
}

// subcommandNamed finds a command by its name or an alias.
func subcommandNamed(name string) (subcommand, bool) {
	all := subcommands()
	i := slices.IndexFunc(all, func(s subcommand) bool { return s.name == name || slices.Contains(s.aliases, name) })
	if i < 0 {
		return subcommand{}, false
	}
	return all[i], true
}

// bare makes a command that takes no arguments.
func bare(name string, run func(ctx context.Context, c call) int) func(ctx context.Context, c call) int {
	return func(ctx context.Context, c call) int {
		if len(c.args) > 0 {
			say(c.stderr, widthFor(c.stderr, c.environ), "", "defib "+name+" takes no arguments; settings are environment variables: see defib help")
			return exitUsage
		}
		return run(ctx, c)
	}
}

// command does what the command line says and gives the exit code.
func command(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	name := "run"
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	s, known := subcommandNamed(name)
	switch {
	case !known:
		fmt.Fprintf(stderr, "defib: there is no command %q%s; see defib help\n", cutTo(name, leastWidth), meant(name))
		return exitUsage
	case s.name != "help" && wantsHelp(args):
		fmt.Fprint(stdout, s.help)
		return exitOK
	}
	return s.run(ctx, call{args: args, environ: environ, stdout: stdout, stderr: stderr})
}

// meant names the command that somebody may have mistyped.
func meant(name string) string {
	var names []string
	for _, s := range subcommands() {
		names = append(names, s.name)
	}
	if near, ok := spell.Nearest(name, names); ok {
		return ": did you mean " + near + "?"
	}
	return ""
}

// wantsHelp tells whether the help of a command is asked for.
func wantsHelp(args []string) bool {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	return slices.ContainsFunc(args, func(a string) bool { return a == "--help" || a == "-help" || a == "-h" })
}

// showHelp prints the help of a command, or of all.
func showHelp(_ context.Context, c call) int {
	if len(c.args) == 0 || wantsHelp(c.args) {
		help(c.stdout, widthFor(c.stdout, c.environ))
		return exitOK
	}
	s, known := subcommandNamed(c.args[0])
	if !known {
		fmt.Fprintf(c.stderr, "defib help: there is no command %q%s\n", cutTo(c.args[0], leastWidth), meant(c.args[0]))
		return exitUsage
	}
	fmt.Fprint(c.stdout, s.help)
	return exitOK
}

// options reads the options of a command, which may stand behind what they are
// about, and gives what else there is. It says what is wrong.
func options(c call, name string, define func(f *flag.FlagSet)) (rest []string, ok bool) {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	define(f)
	for args := c.args; ; {
		if err := f.Parse(args); err != nil {
			refuse(c, name, err)
			return nil, false
		}
		if f.NArg() == 0 {
			return rest, true
		}
		if n := len(args) - f.NArg(); n > 0 && args[n-1] == "--" {
			return append(rest, f.Args()...), true
		}
		rest, args = append(rest, f.Arg(0)), f.Args()[1:]
	}
}

// refuse says what is wrong with a command line.
func refuse(c call, name string, err error) {
	text := strings.Replace(err.Error(), "flag provided but not defined: -", "there is no option --", 1)
	say(c.stderr, widthFor(c.stderr, c.environ), "defib "+name+": ", text+"; see defib "+name+" --help")
}

// errNoArguments refuses arguments of a command that has options only.
var errNoArguments = errors.New("it takes no arguments")
