package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
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
// nothing is promised; there are few such hosts.
func TestProgramKilledAtRandomMoments(t *testing.T) {
	hosts, lives, troubles := 20, 10, kinds()
	if testing.Short() {
		hosts, lives, troubles = 4, 5, []kind{troubles[0], troubles[1], troubles[3], troubles[5], troubles[7]}
	}
	reckonings := make([]reckoning, hosts)
	var running sync.WaitGroup
	for i := range hosts {
		h := newHost(t, i, lives, troubles)
		running.Go(func() {
			for n := range lives {
				h.live(n)
			}
			h.last()
			reckonings[i] = h.judge()
		})
	}
	running.Wait()
	var v reckoning
	for _, one := range reckonings {
		v.add(one)
	}
	t.Logf("%d kills, %d of them within 100 ms of a call to the engine or to a receiver: %d incidents, %d restarts, %d messages",
		hosts*lives, v.near, v.incidents, v.restarts, v.messages)
	t.Logf("lost: %d beginnings, %d times that it gave up, %d ends", v.beginnings, v.gaveUps, v.ends)
	t.Logf("the disk did not answer in time on %d of %d hosts: %d losses there", v.stalled, hosts, v.excused)
	t.Logf("told twice: %d with the same id and %d with another to the program, %d to the chat; %d incidents in two parts, %d messages out of order",
		v.doubled, v.anew, v.chatDoubled, v.split, v.disorder)
	if v.beginnings+v.gaveUps+v.ends > 0 || v.stalled > hosts/2 || v.incidents != hosts*len(troubles) {
		t.Errorf("something was lost: %+v", v)
	}
}

// live starts the program and kills it: while it starts, at any time, right after
// something has happened that it has to tell or to remember, or in the moment in
// which an alert is in the spool and nothing that follows from that is written.
func (h *host) live(n int) {
	h.fallIll(n)
	c := h.start()
	switch h.r.IntN(5) {
	case 0:
		h.sleep(200 * time.Millisecond)
	case 1:
		h.sleep(4 * time.Second)
	case 2:
		h.spooled(4 * time.Second)
		h.sleep(8 * time.Millisecond)
	default:
		h.sleep(3 * time.Second)
		select {
		case <-h.moments:
		case <-time.After(time.Second):
		}
		h.sleep([]time.Duration{10 * time.Millisecond, 100 * time.Millisecond}[h.r.IntN(2)])
	}
	if time.Since(time.Unix(0, h.moved.Load())) < 100*time.Millisecond {
		h.near++
	}
	_ = c.Process.Kill()
	if err := c.Wait(); err == nil || c.ProcessState.Exited() {
		h.t.Errorf("the program ended by itself: %v\n%s", err, h.log)
	}
	fmt.Fprintf(h.log, "KILLED %s\n", time.Now().Format(time.RFC3339Nano))
}

// sleep waits for a random time.
func (h *host) sleep(most time.Duration) { time.Sleep(time.Duration(h.r.Int64N(int64(most)))) }

// spooled waits until there is one more alert in the spool.
func (h *host) spooled(most time.Duration) {
	before := -1 // not looked yet
	for until := time.Now().Add(most); time.Now().Before(until); time.Sleep(500 * time.Microsecond) {
		alerts, err := filepath.Glob(filepath.Join(h.dir, "spool", "*-msg_*.json"))
		if err != nil || (before >= 0 && len(alerts) > before) {
			return
		}
		before = len(alerts)
	}
}

// last is the life in which all goes well. It ends when there is nothing left to
// tell, after a minute at most.
func (h *host) last() {
	ready := func() int { return strings.Count(h.log.String(), `"message":"ready"`) }
	before := ready()
	c := h.start()
	h.fates.Wait()
	h.calm()
	for until := time.Now().Add(time.Minute); time.Now().Before(until) && (!h.settled() || ready() == before); {
		time.Sleep(50 * time.Millisecond)
	}
	h.end()
	_ = c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		h.t.Errorf("the program ended badly: %v\n%s", err, h.log)
	}
	left, err := filepath.Glob(filepath.Join(h.dir, "spool", "*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "ledger.json" {
		h.t.Errorf("left in the spool: %q, %v", left, err)
	}
	for _, bad := range []string{"panic", "put aside", "kept aside", "alert dropped", "are kept for the next start"} {
		if lines := h.log.of(bad); len(lines) > 0 {
			h.t.Errorf("the log speaks of it:\n%s", strings.Join(lines, "\n"))
		}
	}
}

// start starts the program.
func (h *host) start() *exec.Cmd {
	c := exec.CommandContext(h.t.Context(), os.Args[0], "-test.run=^TestKilledProgram$", "-test.timeout=2m")
	c.Env, c.Stderr = h.env, h.log
	_, err := c.StdinPipe() // which ends with this process, or with Wait
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		h.t.Errorf("start the program: %v", err)
		runtime.Goexit()
	}
	return c
}

// reckoning is what became of the alerts of a host.
type reckoning struct {
	near, incidents, restarts, messages         int
	beginnings, gaveUps, ends                   int // lost
	stalled, excused                            int // the disk did not answer; what was lost then
	doubled, anew, chatDoubled, split, disorder int
}

func (v *reckoning) add(o reckoning) {
	for _, n := range [][2]*int{
		{&v.near, &o.near}, {&v.incidents, &o.incidents}, {&v.restarts, &o.restarts}, {&v.messages, &o.messages},
		{&v.beginnings, &o.beginnings}, {&v.gaveUps, &o.gaveUps}, {&v.ends, &o.ends}, {&v.doubled, &o.doubled},
		{&v.anew, &o.anew}, {&v.chatDoubled, &o.chatDoubled}, {&v.split, &o.split}, {&v.disorder, &o.disorder}, {&v.stalled, &o.stalled}, {&v.excused, &o.excused},
	} {
		*n[0] += *n[1]
	}
}

// judge compares what the engine saw with what the receivers were told.
func (h *host) judge() reckoning {
	v := reckoning{near: h.near}
	for _, c := range h.containers {
		v.incidents++
		v.restarts += h.asked(c.name)
		for _, b := range []*inbox{h.program, h.chat} {
			said := b.about(c.name)
			beginnings, gaveUps, ends := h.missing(c, said)
			v.beginnings, v.gaveUps, v.ends = v.beginnings+beginnings, v.gaveUps+gaveUps, v.ends+ends
			if beginnings+gaveUps+ends > 0 {
				h.t.Logf("%s to the %s: lost %d beginnings, %d times that it gave up, %d ends of %d restarts; told: %v\n%s",
					c.name, b.name, beginnings, gaveUps, ends, h.asked(c.name), said, strings.Join(h.log.of(c.name), "\n"))
			}
			v.count(said, b == h.chat)
		}
	}
	if len(h.log.of("the disk does not answer")) > 0 {
		v.stalled, v.excused = 1, v.beginnings+v.gaveUps+v.ends
		v.beginnings, v.gaveUps, v.ends = 0, 0, 0
	}
	return v
}

// missing counts what was not told of a container.
func (h *host) missing(c *troubled, said []told) (beginnings, gaveUps, ends int) {
	restarted, began, gaveUp := h.asked(c.name) > 0, false, false
	open := map[string]bool{}
	for _, a := range said {
		began = true
		gaveUp = gaveUp || a.gaveUp
		open[a.incident] = !a.over
	}
	if (restarted || c.onlyTold) && !began {
		beginnings++
	}
	if c.hopeless && !gaveUp {
		gaveUps++
	}
	for _, still := range open {
		if still {
			ends++
		}
	}
	return beginnings, gaveUps, ends
}

// count adds what was told more than once of a container.
func (v *reckoning) count(said []told, chat bool) {
	ids, news, over := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, a := range said {
		v.messages++
		what := a.incident + " " + a.reason
		switch {
		case ids[a.id] && chat:
			v.chatDoubled++
		case ids[a.id]:
			v.doubled++
		case news[what] && !chat:
			v.anew++
		case !a.over && over[a.incident]:
			v.disorder++
		}
		ids[a.id], news[what] = true, true
		over[a.incident] = over[a.incident] || a.over
	}
	v.split += max(0, len(over)-1)
}
