package main

import (
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"defib/bench/lives"
)

// killedChild marks the process that TestProgramKilledAtRandomMoments kills,
// which is this test binary once more.
const killedChild = "DEFIB_TEST_KILLED"

// TestKilledProgram is no test: it is the program that is killed. It ends with
// the test that has started it, whatever becomes of that.
func TestKilledProgram(t *testing.T) {
	if os.Getenv(killedChild) == "" {
		return
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(exitFailed)
	}()
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM)
	defer stop()
	if code := command(ctx, []string{"run"}, os.Environ(), os.Stdout, os.Stderr); code != exitOK {
		t.Fatalf("it ended with %d", code)
	}
}

// TestProgramKilledAtRandomMoments kills the whole program 200 times, on 20 hosts
// at once with 10 containers in trouble on each, while one of its two receivers
// is down half of the time. What the engine saw it do, and that it gave up, is
// told to both receivers, and so is the end of whatever was told.
//
// What was posted and does not stand in state.json yet is told once more by the
// next life: such doubles are counted. On a host whose disk did not answer in time
// nothing is promised; there are few such hosts. bench/faults does the same more
// often, and with SIGTERM.
func TestProgramKilledAtRandomMoments(t *testing.T) {
	trial, incidents := lives.Trial{
		Hosts: 20, Lives: 10, Signal: syscall.SIGKILL, Dir: t.TempDir(), Log: func(text string) { t.Log(text) },
		Command: func() *exec.Cmd {
			c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledProgram$", "-test.timeout=2m")
			c.Env = []string{killedChild + "=1"}
			return c
		},
	}, 200
	if testing.Short() {
		trial.Hosts, trial.Lives, trial.Few, incidents = 4, 5, true, 20
	}
	v, err := trial.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(v)
	if v.Missing() > 0 || v.Stalled > trial.Hosts/2 || v.Incidents != incidents || v.OverBudget > 0 || v.Unhealed > 0 || v.Needless > 0 {
		t.Errorf("something was lost, or is not as it should be: %+v", v)
	}
}
