package notify

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"defib/heal"

	"github.com/rs/zerolog"
)

// put writes a file of a spool as some defib might have left it.
func (d *memDisk) put(name string, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files["/state/spool/"+name] = []byte(text)
}

// fileOf gives the text of a good file.
func fileOf(t *testing.T, receiver string, order int64, queued time.Time, n heal.Notice) string {
	t.Helper()
	text, err := json.Marshal(spooled{Version: spoolVersion, Receiver: receiver, Order: order, Queued: queued, Notice: n})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const boxKey = "box-box.example-1"

// relive starts a notifier on a disk for a while and gives what came and what
// was logged.
func relive(t *testing.T, d *memDisk, act func(n *Notifier)) (*box, *output) {
	t.Helper()
	b := &box{world: d.world}
	o, log := newLog()
	n := newNotifier([]receiver{b}, nil, all, log)
	n.spool = newSpool("/state", log)
	n.spool.disk = d
	if act != nil {
		act(n)
	}
	stop := start(t, n)
	time.Sleep(2 * time.Minute)
	stop()
	return b, o
}

// TestStrangeFiles: whatever lies in the spool, what is good is delivered, what
// is not is put aside, and each sort is one line of the log.
func TestStrangeFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Add(-time.Minute)
		good := func(n int) string { return fileOf(t, boxKey, int64(n), now, step("a", n)) }
		verb := strings.Replace(good(90), `"Verb":0`, `"Verb":77`, 1)
		status := strings.Replace(good(91), `"Status":0`, `"Status":250`, 1)
		if verb == good(90) || status == good(91) {
			t.Fatal("a file has other names now")
		}
		d := newMemDisk()
		for name, text := range map[string]string{
			"01-x-y.json": good(2), "zz.json": good(1), // a name that lies about the order
			"02-aaaa-slack-1.json":  good(3), // and one about the receiver
			"03.json":               "",      // truncated to nothing
			"04.json":               good(92)[:100],
			"05.json":               strings.Replace(good(93), `"version":1`, `"version":2`, 1),
			"06.json":               `{"version":2,"notice":"another type"}`,
			"07.json":               "null",
			"08.json":               `{"version":1}`,
			"09.json":               verb,
			"10.json":               status,
			"11.json":               strings.Replace(good(94), "still-unhealthy", "unheard-of", 1),
			"12.json":               "\x00\xff" + strings.Repeat("x", 1000),
			"13.json":               strings.Repeat("y", spoolFile+1),
			"14.json.tmp":           good(95)[:50],
			"15.json":               good(2), // once more
			"note.txt":              "not ours",
			"20-a-gone.json":        fileOf(t, "mail-gone.example-1", 1, now, step("m", 1)),
			"21-a-old.json":         fileOf(t, boxKey, 1, now.Add(-25*time.Hour), step("o", 1)),
			"22-a-future.json":      fileOf(t, boxKey, 9, now.Add(1000*time.Hour), step("f", 1)),
			ledgerFile:              "{",
			"00000.json.bad":        "of an earlier start",
			"23-a-huge-order.json":  fileOf(t, boxKey, 1<<62, now, step("h", 1)),
			"24-a-minus-order.json": fileOf(t, boxKey, -1<<62, now, step("g", 1)),
		} {
			d.put(name, text)
		}
		b, o := relive(t, d, func(n *Notifier) { n.Post(step("h", 2)) })
		if r := judge([]string{"a 1", "a 2", "a 3", "f 1", "h 1", "h 2", "g 1"}, b.got); r != (report{}) || len(b.got) != 7 {
			t.Errorf("got %q: %+v", b.got, r)
		}
		var bad []string
		rest := slices.DeleteFunc(d.names(), func(name string) bool {
			if strings.HasSuffix(name, ".bad") {
				bad = append(bad, name)
				return true
			}
			return false
		})
		if !slices.Equal(rest, []string{"20-a-gone.json", ledgerFile, "note.txt"}) {
			t.Errorf("left %q", rest)
		}
		if len(bad) != spoolBad || bad[0] == "00000.json.bad" {
			t.Errorf("put aside %q", bad)
		}
		for text, number := range map[string]float64{"put aside (.bad)": 12, "not set any more": 1, "delivered now": 6} {
			got := lines(o, text)
			if len(got) != 1 || got[0]["files"] != number && got[0]["alerts"] != number {
				t.Errorf("%s: logged %v", text, got)
			}
		}
		if got := lines(o, "older than a day"); len(got) != 1 || got[0]["incident"] != "o" {
			t.Errorf("logged %v", got)
		}
	})
}

// names gives all of the spool's.
func (d *memDisk) names() []string {
	names, _ := d.list("/state/spool")
	return names
}

// TestStrangersAreKeptForADay, of this life or of another.
func TestStrangersAreKeptForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMemDisk()
		d.put("1.json", fileOf(t, "mail-gone.example-1", 1, time.Now().Add(-20*time.Hour), step("m", 1)))
		o, log := newLog()
		_, stop := live(t, d, log, &box{world: d.world})
		time.Sleep(3 * time.Hour)
		if len(d.alerts()) != 1 {
			t.Error("it is gone too soon")
		}
		time.Sleep(2 * time.Hour)
		stop()
		if len(d.alerts()) != 0 || len(lines(o, "not set any more are dropped")) != 1 {
			t.Errorf("files %v, logged\n%s", d.alerts(), o)
		}
	})
}

// TestTenThousandFiles are read one by one: the queue keeps what people miss
// most, the rest is dropped and removed, and the start does not take long.
func TestTenThousandFiles(t *testing.T) {
	dir := t.TempDir()
	spool := filepath.Join(dir, "spool")
	if err := os.Mkdir(spool, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 10_000 {
		text := fileOf(t, boxKey, int64(i), time.Now(), step(fmt.Sprint("i", i), i))
		if i%10 == 0 {
			text = text[:len(text)/2]
		}
		write(t, filepath.Join(spool, fmt.Sprintf("%019d-a-b.json", i)), text)
	}
	b := &box{world: newMemDisk().world}
	o, log := newLog()
	n := newNotifier([]receiver{b}, nil, all, log)
	n.spool = newSpool(dir, log)
	began := time.Now()
	n.load()
	took := time.Since(began)
	waiting := n.workers[0].queue.look()
	if len(waiting) != maxWaiting || waiting[0].Notice.Attempt < 9700 || waiting[maxWaiting-1].Notice.Attempt != 9999 {
		t.Errorf("%d wait, from %d to %d", len(waiting), waiting[0].Notice.Attempt, waiting[len(waiting)-1].Notice.Attempt)
	}
	n.save()
	names, err := realDisk{}.list(spool)
	if err != nil || len(names) != maxWaiting+spoolBad+1 || strings.Count(o.String(), "\n") > 4 {
		t.Errorf("%d files left, %v; logged\n%.2000s", len(names), err, o)
	}
	t.Logf("read in %s", took)
}

// TestSameAlertIsQueuedOnce: posted twice, posted and in the spool, settled
// before the spool was read.
func TestSameAlertIsQueuedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMemDisk()
		d.put("1.json", fileOf(t, boxKey, 1, time.Now().Add(-time.Minute), step("a", 1)))
		d.put("2.json", fileOf(t, boxKey, 2, time.Now().Add(-time.Minute), step("a", 2)))
		b, _ := relive(t, d, func(n *Notifier) {
			for _, number := range []int{2, 3, 3} {
				n.Post(step("a", number))
				settle(n)
			}
		})
		if want := []string{"a 1", "a 2", "a 3"}; !slices.Equal(b.got, want) || len(d.alerts()) != 0 {
			t.Errorf("got %q, files %v", b.got, d.alerts())
		}
	})
}

// TestOldAlertsComeFirst, though new ones were posted before the spool was read,
// and though the clock was set back.
func TestOldAlertsComeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMemDisk()
		ahead := time.Now().Add(time.Hour)
		for i := range 3 {
			d.put(fmt.Sprintf("%d.json", 9-i), fileOf(t, boxKey, ahead.UnixNano()+int64(i), ahead, step("a", i)))
		}
		o, log := newLog()
		b := &box{world: d.world, shut: true}
		n := newNotifier([]receiver{b}, nil, all, log)
		n.spool = newSpool("/state", log)
		n.spool.disk = d
		n.Post(step("a", 3))
		stop := start(t, n)
		time.Sleep(time.Minute)
		n.Post(step("a", 4))
		stop() // a third life reads what two have written
		b, _ = relive(t, d, func(n *Notifier) { n.Post(step("a", 5)) })
		if want := []string{"a 0", "a 1", "a 2", "a 3", "a 4", "a 5"}; !slices.Equal(b.got, want) {
			t.Errorf("got %q; logged\n%s", b.got, o)
		}
	})
}

// TestNoticeSurvivesAFile in all that matters, and the worst of them fits.
func TestNoticeSurvivesAFile(t *testing.T) {
	hostile := strings.Repeat("\x00\xff<\u2028", 5000)
	for name, n := range stories() {
		for _, worst := range []bool{false, true} {
			if worst {
				n.Container = heal.Container{ID: hostile, Name: hostile, Image: hostile, Project: hostile, Service: hostile}
				n.Incident, n.Probe.Output, n.Err, n.Detail, n.Owner = hostile, hostile, hostile, hostile, hostile
				n.Names = slices.Repeat([]string{hostile}, 100)
				n.Evidence = &heal.Evidence{Log: slices.Repeat([]string{hostile}, 200), LogError: hostile}
			}
			trim(&n)
			d := newMemDisk()
			s := newSpool("/state", zerolog.Nop())
			s.disk = d
			file, err := s.put("k", alert{Notice: n, Host: "host1", Queued: n.At, order: 7})
			if err != nil {
				t.Fatal(err)
			}
			k, size, err := s.read(file)
			if err != nil || size > spoolFile/2 || k.Order != 7 || k.Host != "host1" {
				t.Fatalf("%s: %v; %d bytes, %+v", name, err, size, k)
			}
			was, is := tell(alert{Notice: n, Host: "host1"}, n.At), tell(alert{Notice: k.Notice, Host: k.Host}, n.At)
			if !worst && (was.title != is.title || was.text != is.text || !slices.Equal(was.facts, is.facts)) {
				t.Errorf("%s: was\n%+v, is\n%+v", name, was, is)
			}
		}
	}
}

// TestSpoolHasARoom of its own: what is more stays in memory and is delivered.
func TestSpoolHasARoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMemDisk()
		b := &box{world: d.world, shut: true}
		o, log := newLog()
		n, stop := live(t, d, log, b)
		n.spool.ask(t.Context(), func() { n.spool.bytes = spoolBytes - 1000 })
		for i := range 10 {
			n.Post(step("a", i))
			settle(n)
		}
		if len(d.alerts()) != 1 || len(lines(o, "the spool is full")) != 1 {
			t.Errorf("files %v, logged\n%s", d.alerts(), o)
		}
		b.set(false)
		time.Sleep(10 * time.Minute)
		stop()
		if len(b.got) != 10 || len(d.alerts()) != 0 {
			t.Errorf("got %v, files %v", b.got, d.alerts())
		}
	})
}

// TestSpoolWithoutLedger: who is told of a beginning out of the spool is told of
// its end, though a kill came before the ledger was written.
func TestSpoolWithoutLedger(t *testing.T) {
	for _, reason := range []heal.Reason{heal.OnlyTold, heal.Restarted} {
		synctest.Test(t, func(t *testing.T) {
			d := newMemDisk()
			begun := step("a", 1)
			begun.Reason = reason
			d.put("1.json", fileOf(t, boxKey, 1, time.Now(), begun))
			b, _ := relive(t, d, func(n *Notifier) {
				settle(n) // which reads the spool
				for i, incident := range []string{"a", "nobody heard of"} {
					over := step(incident, 2+i)
					over.Reason, over.Unsure = heal.Recovered, true
					n.Post(over)
				}
			})
			if want := []string{"a 1", "a 2"}; !slices.Equal(b.got, want) {
				t.Errorf("%s: told %q; want %q", reason, b.got, want)
			}
		})
	}
}

// TestRecalledIsNoNews: what people were not to hear of opens no conversation,
// and an end in the spool closes its own.
func TestRecalledIsNoNews(t *testing.T) {
	l, now := newLedger(), time.Now()
	aside, over := step("aside", 1), step("a", 2)
	aside.Aside, over.Reason = true, heal.Recovered
	for _, n := range []heal.Notice{aside, {Reason: heal.GaveUp}, over, step("a", 1), over} {
		l.recalled("box", n, now)
	}
	if t1 := l.talks["a"]; len(l.talks) != 1 || t1 == nil || t1.Over.IsZero() || len(t1.Heard) != 1 {
		t.Errorf("%+v", l.talks)
	}
}
