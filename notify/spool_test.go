package notify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"defib/heal"

	"github.com/rs/zerolog"
)

// box is a receiver for programs that a test opens and shuts; it is a part of
// the world that a kill ends.
type box struct {
	*world

	mu   sync.Mutex
	shut bool
	got  []string // "incident attempt" of each
}

func (b *box) name() string           { return "box" }
func (b *box) place() string          { return "box.example" }
func (b *box) pace() time.Duration    { return 0 }
func (b *box) wants(heal.Notice) bool { return true }
func (b *box) set(shut bool)          { b.mu.Lock(); b.shut = shut; b.mu.Unlock() }

func (b *box) deliver(_ context.Context, m message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shut || !b.step() {
		return &setback{err: errors.New("no connection")}
	}
	b.got = append(b.got, called(m.alerts[0].Notice))
	if !b.step() {
		return &setback{err: errors.New("no answer")} // it came, and nobody will know
	}
	return nil
}

func called(n heal.Notice) string { return fmt.Sprint(n.Incident, " ", n.Attempt) }

// step is a notice of an incident, told apart by its number.
func step(incident string, number int) heal.Notice {
	return heal.Notice{Reason: heal.StillUnhealthy, Incident: incident, Attempt: number, At: time.Unix(int64(1e9+number), 0)}
}

// live runs a notifier whose spool is on this disk.
func live(t *testing.T, d disk, log zerolog.Logger, receivers ...receiver) (n *Notifier, stop func()) {
	t.Helper()
	n = newNotifier(receivers, nil, all, log)
	n.spool = newSpool("/state", log)
	n.spool.disk = d
	return n, start(t, n)
}

// settle gives a disk a second.
func settle(n *Notifier) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	n.Settle(ctx)
}

// report is what came of some lives.
type report struct {
	lost, doubled int
	disorder      string
}

// judge compares what was promised with what came.
func judge(promised, got []string) report {
	var r report
	seen, newest := map[string]bool{}, map[string]int{}
	for _, one := range got {
		var incident string
		var number int
		_, _ = fmt.Sscan(one, &incident, &number)
		if seen[one] {
			r.doubled++
			continue
		}
		if seen[one] = true; number < newest[incident] {
			r.disorder += one + " comes late; "
		}
		newest[incident] = number
	}
	for _, one := range promised {
		if !seen[one] {
			r.lost++
		}
	}
	return r
}

// TestKilledAtAnyStep ends a life after each possible number of steps, by a kill
// and by a power cut: what was settled before arrives in the next one, in order.
func TestKilledAtAnyStep(t *testing.T) {
	doubled, steps := 0, 0
	for ended := false; !ended; steps++ {
		for _, kept := range []func(n int) int{nil, func(int) int { return 0 }, func(n int) int { return n / 2 }} {
			synctest.Test(t, func(t *testing.T) {
				d := newMemDisk()
				b := &box{world: d.world, shut: true}
				d.begin(steps)
				_, log := newLog()
				var promised []string
				n, stop := live(t, d, log, b)
				tell := func(all ...heal.Notice) {
					for _, one := range all {
						n.Post(one)
					}
					settle(n)
					for _, one := range all {
						if !d.dead() {
							promised = append(promised, called(one))
						}
					}
				}
				tell(step("a", 1), step("a", 2), step("b", 1))
				time.Sleep(time.Minute)
				b.set(false)
				time.Sleep(5 * time.Minute)
				tell(step("a", 3), step("b", 2))
				time.Sleep(time.Minute)
				stop()
				if ended = !d.dead(); ended {
					if r := judge(promised, b.got); r.doubled > 0 || len(d.alerts()) > 0 || len(promised) != 5 {
						t.Errorf("without a kill: %+v, files %v", r, d.alerts())
					}
				}
				if kept != nil {
					d.powerCut(kept)
				}
				d.begin(-1)
				n, stop = live(t, d, log, b)
				tell(step("a", 4))
				time.Sleep(10 * time.Minute)
				stop()
				r := judge(promised, b.got)
				if doubled += r.doubled; r.lost > 0 || r.disorder != "" || len(d.alerts()) > 0 {
					t.Fatalf("killed after %d steps: %+v: got %q of %q; files %v", steps, r, b.got, promised, d.alerts())
				}
			})
			if t.Failed() {
				return
			}
		}
	}
	if steps < 30 {
		t.Errorf("only %d steps", steps)
	}
	t.Logf("%d lives, %d alerts delivered twice", 3*steps, doubled)
}

// TestPowerCutAfterDelivery: what was delivered a second before the power is cut
// is not delivered again.
func TestPowerCutAfterDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMemDisk()
		b := &box{world: d.world, shut: true}
		n, stop := live(t, d, zerolog.Nop(), b)
		n.Post(step("a", 1))
		settle(n)
		time.Sleep(500 * time.Millisecond) // the first attempt fails; nothing is written later but what follows the second
		b.set(false)
		time.Sleep(2 * time.Second) // the second one
		synctest.Wait()
		if len(b.got) != 1 || len(d.alerts()) != 0 {
			t.Fatalf("got %q, files %q", b.got, d.alerts())
		}
		d.begin(0)
		stop()
		d.powerCut(func(int) int { return 0 }) // nothing is there but what was synced
		d.begin(-1)
		_, stop = live(t, d, zerolog.Nop(), b)
		time.Sleep(time.Minute)
		stop()
		if len(b.got) != 1 {
			t.Errorf("delivered again: %q", b.got)
		}
	})
}

// TestKilledWhileItRemoves: people hear the end last, wherever a kill comes in the
// removal of what a message has told all at once.
func TestKilledWhileItRemoves(t *testing.T) {
	steps := 0
	for ended := false; !ended; steps++ {
		synctest.Test(t, func(t *testing.T) {
			d := newMemDisk()
			h := &human{called: "chat", fails: &setback{err: errors.New("no connection")}}
			n, stop := live(t, d, zerolog.Nop(), h)
			for _, r := range []heal.Reason{heal.Restarted, heal.StillUnhealthy, heal.Recovered} {
				n.Post(notice("web", r))
			}
			settle(n)
			time.Sleep(time.Minute)
			d.begin(steps)
			h.fail(nil)
			time.Sleep(5 * time.Minute)
			stop()
			ended = !d.dead()
			d.begin(-1)
			_, stop = live(t, d, zerolog.Nop(), h)
			time.Sleep(5 * time.Minute)
			stop()
			if titles := h.titles(); len(titles) == 0 || !strings.Contains(titles[len(titles)-1], "["+statusResolved+"]") {
				t.Errorf("killed after %d steps: told %q", steps, titles)
			}
		})
	}
	if steps < 5 {
		t.Errorf("only %d steps", steps)
	}
}

// TestFullDisk: alerts go on from memory, that is said once, what was delivered
// is removed all the same, and what waits is written when there is room again.
func TestFullDisk(t *testing.T) {
	for _, wrong := range []error{syscall.ENOSPC, syscall.EROFS, syscall.EACCES, syscall.EIO} {
		synctest.Test(t, func(t *testing.T) {
			d := newMemDisk()
			b := &box{world: d.world, shut: true}
			o, log := newLog()
			n, stop := live(t, d, log, b)
			n.Post(step("a", 1))
			settle(n)
			d.set(wrong, nil)
			for i := range 5 {
				n.Post(step("a", 2+i))
				settle(n)
			}
			time.Sleep(10 * time.Minute)
			b.set(false)
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			if len(b.got) != 6 || len(d.alerts()) != 0 || len(lines(o, "cannot be kept on disk")) != 1 || len(lines(o, "written again")) != 0 {
				t.Fatalf("%v: got %v, files %v, logged\n%s", wrong, b.got, d.alerts(), o)
			}
			b.set(true)
			n.Post(step("a", 7))
			settle(n)
			d.set(nil, nil)
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			if len(d.alerts()) != 1 || len(lines(o, "written again")) != 1 || len(lines(o, "cannot be kept on disk")) != 1 {
				t.Errorf("%v: files %v, logged\n%s", wrong, d.alerts(), o)
			}
			stop()
		})
	}
}

// TestFileThatCannotBeRemoved is said once and removed later.
func TestFileThatCannotBeRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMemDisk()
		b := &box{world: d.world, shut: true}
		o, log := newLog()
		n, stop := live(t, d, log, b)
		for i := range 3 {
			n.Post(step("a", i))
		}
		settle(n)
		d.set(syscall.EROFS, syscall.EROFS)
		b.set(false)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if len(d.alerts()) != 3 || len(lines(o, "cannot be removed")) != 1 {
			t.Errorf("files %v, logged\n%s", d.alerts(), o)
		}
		d.set(nil, nil)
		time.Sleep(2 * time.Minute)
		stop()
		if len(d.alerts()) != 0 {
			t.Errorf("files %v", d.alerts())
		}
	})
}

// TestHangingDisk holds nobody: neither Post nor Settle nor a delivery nor the
// end of defib.
func TestHangingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMemDisk()
		d.hang = make(chan struct{})
		defer close(d.hang)
		b := &box{world: d.world}
		o, log := newLog()
		n, stop := live(t, d, log, b)
		began := time.Now()
		n.Post(step("a", 1))
		if took := time.Since(began); took != 0 {
			t.Errorf("Post took %s", took)
		}
		settle(n)
		if took := time.Since(began); took != time.Second {
			t.Errorf("Settle took %s", took)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(b.got) != 1 || len(lines(o, "disk does not answer")) != 1 {
			t.Errorf("got %v, logged\n%s", b.got, o)
		}
		b.set(true)
		n.Post(step("a", 2))
		synctest.Wait()
		before := time.Now()
		stop()
		if took := time.Since(before); took > flushTimeout+settleAtEnd {
			t.Errorf("the end took %s", took)
		}
		if got := lines(o, "were not delivered before the shutdown"); len(got) != 1 || got[0]["undelivered"] != 1.0 {
			t.Errorf("logged\n%s", o)
		}
	})
}

// TestEndOfALife: what cannot be delivered is kept and said so, what is
// delivered in the last seconds is not delivered again, and what was posted in
// the last moment is in neither way lost.
func TestEndOfALife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMemDisk()
		b, dead := &box{world: d.world}, &fake{did: func(context.Context, alert) error { return &setback{err: errors.New("down")} }}
		o, log := newLog()
		n, stop := live(t, d, log, b, dead)
		for i := range 5 {
			n.Post(step("a", i))
		}
		stop()
		if left := lines(o, "are kept for the next start"); len(b.got) != 5 || len(left) != 1 || left[0]["alerts"] != 5.0 || left[0]["receiver"] != "fake" {
			t.Errorf("got %v, logged\n%s", b.got, o)
		}
		if len(lines(o, "were not delivered")) != 0 || len(d.alerts()) != 5 {
			t.Errorf("files %v, logged\n%s", d.alerts(), o)
		}
		dead.did = nil
		tried := len(dead.attempts())
		_, stop = live(t, d, log, b, dead)
		time.Sleep(time.Minute)
		stop()
		if len(b.got) != 5 || len(dead.attempts()) != tried+5 || len(d.alerts()) != 0 {
			t.Errorf("the next start gives %v and %d, files %v", b.got, len(dead.attempts())-tried, d.alerts())
		}
	})
}

// TestSpoolIsPrivate: who may read it, and that it holds no address.
func TestSpoolIsPrivate(t *testing.T) {
	dir := t.TempDir()
	_, log := newLog()
	n := mustNew(t, Options{
		WebhookURL: NewSecret(hooks("http://127.0.0.1:1")), SlackWebhookURL: NewSecret(hooks("http://127.0.0.1:1")), StateDir: dir,
		Host: func() string { return "host1" },
	}, log)
	n.Post(unhealthy())
	settle(n)
	info, err := os.Stat(filepath.Join(dir, "spool"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Fatal(info, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "spool", "*"))
	if err != nil || len(files) != 3 { // with the ledger
		t.Fatal(files, err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		text, wrong := os.ReadFile(file)
		if err != nil || wrong != nil || info.Mode().Perm() != 0o600 || leaks(file+string(text)) || strings.Contains(string(text), "http") {
			t.Errorf("%s %s %v: %s", file, info.Mode(), err, text)
		}
		if name := filepath.Base(file); name != ledgerFile && (!strings.Contains(string(text), `"version":1`) || !strings.Contains(string(text), `"host":"host1"`)) {
			t.Errorf("%s: %s", name, text)
		}
	}
	if !slices.ContainsFunc(files, func(f string) bool { return strings.HasSuffix(f, "-slack-127.0.0.1-1-1.json") }) {
		t.Errorf("files %v", files)
	}
	n.spool.end()
}

// TestKeysAreNeverTheSame, whatever the hosts are called.
func TestKeysAreNeverTheSame(t *testing.T) {
	var all []receiver
	for _, host := range []string{"h", "h", "h-2", "h_2", "h-2-1", "h.1", "h-1", "h"} {
		all = append(all, &human{called: host})
	}
	seen := map[string]bool{}
	for _, w := range newNotifier(all, nil, none, zerolog.Nop()).workers {
		if seen[w.key] {
			t.Errorf("%s is there twice", w.key)
		}
		seen[w.key] = true
	}
}
