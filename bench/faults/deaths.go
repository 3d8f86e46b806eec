package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"defib/bench/lives"
)

// deaths are faults of defib itself: it is ended again and again.
func deaths() []fault {
	return []fault{
		{name: "SIGKILL at random moments", said: "The host ran out of memory, again.", long: true, play: dying(syscall.SIGKILL)},
		{name: "SIGTERM at random moments", said: "defib is being updated, again.", long: true, play: dying(syscall.SIGTERM)},
	}
}

// hostsAtOnce is how many hosts share the lives.
const hostsAtOnce = 25

// dying plays lives that end with a signal.
func dying(with syscall.Signal) func(context.Context, fault, settings) (row, error) {
	return func(ctx context.Context, f fault, o settings) (row, error) {
		dir, err := os.MkdirTemp("", "defib-lives-")
		if err != nil {
			return row{}, fmt.Errorf("make a folder for what hosts keep: %w", err)
		}
		defer os.RemoveAll(dir) //nolint:errcheck // it is in the folder for what may be lost
		trial := lives.Trial{
			Hosts: hostsAtOnce, Lives: max(1, o.lives/hostsAtOnce), Signal: with, Dir: dir,
			Command: func() *exec.Cmd {
				c := exec.Command(o.program) //nolint:noctx,gosec // the caller's own program; the trial ends it
				c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
				return c
			},
		}
		r := row{fault: f, engine: "20.10.24"}
		trial.Log = func(text string) { r.log += text + "\n" }
		v, err := trial.Run(ctx)
		if err != nil {
			return row{}, fmt.Errorf("play %q: %w", f.name, err)
		}
		r.healed = v.Unhealed == 0 && v.OverBudget == 0
		r.restarts, r.done, r.needless = v.Restarts, v.Restarts, v.Needless
		r.lost, r.doubled = v.Missing()+v.Excused, v.Doubled+v.Anew
		r.detail = v.String()
		return r, nil
	}
}
