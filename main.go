// Defib watches a Docker engine, restarts what is unhealthy without doing
// harm, and tells people what happened, why, and whether it worked.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"defib/status"
	"defib/watcher"
)

// The exit codes.
const (
	exitOK       = 0
	exitFailed   = 1 // what was asked for did not work
	exitUsage    = 2 // the command line or the configuration is wrong
	exitWouldNot = 3 // explain: the container would not be healed
)

func main() {
	zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000Z07:00" // milliseconds: restarts take less than a second
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := command(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
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
		complain(stderr, 0, wrong)
		return exitUsage
	}
	go stayLean(ctx)
	p.run(ctx)
	return exitOK
}

// complain lists the problems of a configuration for a person, in lines that fit
// a width; zero: in one line each.
func complain(w io.Writer, width int, wrong problems) {
	fmt.Fprintln(w, "defib cannot start: its configuration is wrong.")
	for _, p := range wrong {
		if width == 0 { // a log, which is searched
			fmt.Fprintln(w, "  "+p)
			continue
		}
		say(w, width, "  ", p)
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
