// Defib watches a Docker engine, restarts what is unhealthy without doing
// harm, and tells people what happened, why, and whether it worked.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"defib/status"
	"defib/watcher"
)

// Version is set by the linker (-X main.version=1.2.3).
var version = "dev"

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // what was asked for did not work
	exitUsage  = 2 // the command line or the configuration is wrong
)

func main() {
	zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000Z07:00" // milliseconds: restarts take less than a second
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := command(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// command does what the command line says and gives the exit code.
func command(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	name := "run"
	if len(args) > 0 {
		name = args[0]
	}
	if slices.Contains([]string{"pause", "resume", "pauses"}, name) {
		return control(ctx, name, args[1:], environ, stdout, stderr)
	}
	if name == "demo" {
		return demo(ctx, args[1:], stdout, stderr)
	}
	if len(args) > 1 {
		fmt.Fprintf(stderr, "defib %s takes no arguments; settings are environment variables: see defib help\n", name)
		return exitUsage
	}
	switch name {
	case "run", "autoheal": // autoheal was docker-autoheal's only command
		return run(ctx, environ, stderr)
	case "healthcheck":
		return healthcheck(ctx, stdout)
	case "test-alert":
		return testAlert(ctx, environ, stdout, stderr)
	case "version", "--version", "-v":
		fmt.Fprintf(stdout, "defib %s\n", version)
		return exitOK
	case "help", "--help", "-h":
		help(stdout)
		return exitOK
	}
	fmt.Fprintf(stderr, "defib: there is no command %q; see defib help\n", name)
	return exitUsage
}

// run watches until a signal ends it.
func run(ctx context.Context, environ []string, stderr io.Writer) int {
	c, warnings, wrong := load(environ)
	log := newLogger(c.Log, stderr)
	for _, w := range warnings {
		log.Warn().Msg(w)
	}
	p, err := assemble(c, log)
	if wrong = append(wrong, listed(err)...); len(wrong) > 0 {
		complain(stderr, wrong)
		return exitUsage
	}
	go stayLean(ctx)
	p.run(ctx)
	return exitOK
}

// stayLean keeps the garbage of a burst small and gives its memory back soon:
// the runtime alone would keep some megabytes for good. What defib really holds
// is less than one.
func stayLean(ctx context.Context) {
	debug.SetGCPercent(50)
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if m.HeapIdle-m.HeapReleased > 1<<20 {
			debug.FreeOSMemory()
		}
	}
}

// complain lists the problems of a configuration for a person.
func complain(w io.Writer, wrong problems) {
	fmt.Fprintln(w, "defib cannot start: its configuration is wrong.")
	for _, p := range wrong {
		fmt.Fprintln(w, "  "+p)
	}
	fmt.Fprintln(w, "All settings and their meaning: defib help")
}

// healthcheck asks the defib that runs in this container how it is doing.
func healthcheck(ctx context.Context, stdout io.Writer) int {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	a, err := status.Ask(ctx, status.SocketName(watcher.OwnID("/")))
	if err != nil {
		fmt.Fprintln(stdout, err)
		return exitFailed
	}
	fmt.Fprintln(stdout, a.Why)
	if !a.OK {
		return exitFailed
	}
	return exitOK
}
