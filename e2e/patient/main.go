// Command patient is the container that the end-to-end tests watch: it falls
// sick, stops slowly and recovers as its flags say.
//
//	patient serve [flags]   runs until it is asked to stop
//	patient probe           the HEALTHCHECK: fails while the patient is sick
//	patient sicken          makes the patient sick at once (docker exec)
//	patient cure            makes it well again
//	patient reach           tells whether a patient with -listen is in the same network
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Both files lie in the container's own layer, which a restart keeps.
const (
	sickFile = "/sick" // present while the patient is sick; holds the complaint
	runsFile = "/runs" // one byte for each start so far
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("patient: say serve, probe or sicken")
	}
	switch args[0] {
	case "serve":
		return serve(args[1:])
	case "probe":
		return probe()
	case "sicken":
		return sicken("asked to")
	case "cure":
		return cure()
	case "reach":
		return reach()
	default:
		return fmt.Errorf("patient: %q is neither serve, probe, sicken, cure nor reach", args[0])
	}
}

// probe is quiet about a healthy patient and repeats a sick one's complaint.
func probe() error {
	complaint, err := os.ReadFile(sickFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("patient: read the complaint: %w", err)
	}
	return errors.New(string(complaint))
}

func sicken(why string) error {
	if err := os.WriteFile(sickFile, []byte("patient is sick: "+why), 0o600); err != nil {
		return fmt.Errorf("patient: fall sick: %w", err)
	}
	return nil
}

func cure() error {
	if err := os.Remove(sickFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("patient: recover: %w", err)
	}
	return nil
}

// meeting is where a patient with -listen is found.
const meeting = "127.0.0.1:8080"

// listen answers every connection by taking it.
func listen() error {
	l, err := net.Listen("tcp", meeting) //nolint:noctx // it ends with the process
	if err != nil {
		return fmt.Errorf("patient: listen: %w", err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	return nil
}

func reach() error {
	c, err := net.DialTimeout("tcp", meeting, time.Second) //nolint:noctx // it has a deadline
	if err != nil {
		return fmt.Errorf("patient: reach the other: %w", err)
	}
	return c.Close()
}

// habits are how a patient behaves.
type habits struct {
	sickRuns   string        // which of its runs it is sick in, such as "1,2"; "all" for each
	sickAfter  time.Duration // how long it stays well in such a run
	stopTakes  time.Duration // how long it takes to stop when asked
	ignoreTerm bool          // it stops only when killed
	listens    bool          // others that share its network find it
	sickOnTerm bool          // it falls sick when asked to stop, as services that close their port do
}

func serve(args []string) error {
	var h habits
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.StringVar(&h.sickRuns, "sick-runs", "", "runs in which it is sick: 1,3 or all")
	flags.DurationVar(&h.sickAfter, "sick-after", 0, "how long it is well in such a run")
	flags.DurationVar(&h.stopTakes, "stop-takes", 0, "how long it takes to stop")
	flags.BoolVar(&h.ignoreTerm, "ignore-term", false, "stop only when killed")
	flags.BoolVar(&h.sickOnTerm, "sick-on-term", false, "fall sick when asked to stop")
	flags.BoolVar(&h.listens, "listen", false, "be found by others in the same network")
	if err := flags.Parse(args); err != nil {
		return err
	}
	// Before anything else: to PID 1 a signal without a handler is no signal.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()

	run, err := countRun()
	if err != nil {
		return err
	}
	if err := cure(); err != nil {
		return err
	}
	if h.listens {
		if err := listen(); err != nil {
			return err
		}
	}
	var falls <-chan time.Time
	if h.sickIn(run) {
		falls = time.After(h.sickAfter)
	}
	return h.live(ctx, falls)
}

func (h habits) sickIn(run int) bool {
	return h.sickRuns == "all" || slices.Contains(strings.Split(h.sickRuns, ","), strconv.Itoa(run))
}

// live returns when the patient has stopped as slowly as it does.
func (h habits) live(ctx context.Context, falls <-chan time.Time) error {
	for {
		select {
		case <-falls:
			if err := sicken("it was due"); err != nil {
				return err
			}
		case <-ctx.Done():
			return h.die()
		}
	}
}

func (h habits) die() error {
	if h.sickOnTerm {
		if err := sicken("it is being stopped"); err != nil {
			return err
		}
	}
	if h.ignoreTerm {
		time.Sleep(time.Hour) // SIGKILL comes long before
	}
	time.Sleep(h.stopTakes)
	return nil
}

// countRun tells which run of this container this is, the first being 1.
func countRun() (int, error) {
	file, err := os.OpenFile(runsFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, fmt.Errorf("patient: count its runs: %w", err)
	}
	if _, err := file.WriteString("."); err != nil {
		return 0, fmt.Errorf("patient: count its runs: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return 0, fmt.Errorf("patient: count its runs: %w", err)
	}
	return int(info.Size()), file.Close()
}
