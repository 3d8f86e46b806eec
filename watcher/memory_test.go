package watcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"defib/heal"
	"defib/internal/dockertest"
)

// life is one run of defib, between two restarts of it.
type life struct {
	*told

	eng *dockertest.Engine
	dir string
	log *syncedText
	end func() // ends this run; what the story does then happens while defib is away
}

// syncedText is a log that a test reads while it is written.
type syncedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *syncedText) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *syncedText) count(part string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.text.String(), part)
}

// lives runs one defib after the other against an engine that stays, in virtual
// time, with the same folder.
func lives(t *testing.T, change func(*Watcher), stories ...func(life)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		eng, pipe := dockertest.New(dockertest.Options{}), dockertest.NewPipe()
		eng.Serve(pipe)
		for _, story := range stories {
			l := life{told: &told{}, eng: eng, dir: dir, log: &syncedText{}}
			l.w = New(Options{
				Endpoint:  Endpoint{Host: "tcp://engine:2375", Dial: pipe.DialContext},
				Selection: Selection{Key: "autoheal"}, Policy: testPolicy(), Interval: 10 * time.Second, Parallel: 8,
				CallTimeout: 30 * time.Second, StateDir: dir, Notifier: l.told, Log: zerolog.New(l.log),
			})
			if change != nil {
				change(l.w)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { l.w.Run(ctx) })
			l.end = func() {
				cancel()
				wg.Wait()
			}
			time.Sleep(time.Second)
			story(l)
			l.end()
			if t.Failed() {
				t.Log(l.log.text.String())
			}
		}
		eng.Close()
	})
}

func sickly(name string, curable bool) dockertest.Spec {
	return dockertest.Spec{Name: name, Labels: map[string]string{"autoheal": "true"}, Health: &dockertest.Health{
		Interval: 5 * time.Second, Timeout: time.Second, Retries: 3, HealedByRestart: curable,
	}}
}

// sicken makes a container fail its probes.
func (l life) sicken(t *testing.T, name string) {
	t.Helper()
	if err := l.eng.Sicken(name, "no answer"); err != nil {
		t.Fatal(err)
	}
}

// calls counts what the engine was asked to do to a container.
func (l life) calls(kind, name string) int {
	n := 0
	for _, c := range l.eng.Calls() {
		if c.Kind == kind && c.Name == name {
			n++
		}
	}
	return n
}

// restartsReach waits until a container was restarted so often.
func (l life) restartsReach(t *testing.T, name string, n int) {
	t.Helper()
	for range 3600 {
		if l.calls("restart", name) >= n {
			time.Sleep(time.Second)
			return
		}
		time.Sleep(time.Second)
	}
	t.Fatalf("%s was restarted %d times within an hour; want %d", name, l.calls("restart", name), n)
}

func (l life) want(t *testing.T, reasons ...heal.Reason) {
	t.Helper()
	if got := l.reasons(); !slices.Equal(got, reasons) {
		t.Errorf("told %v; want %v", got, reasons)
	}
}

func (l life) notices() []heal.Notice {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// TestBudgetOverRestartsOfDefib: who was restarted three times gets two more,
// whatever defib itself goes through, and a human is called once.
func TestBudgetOverRestartsOfDefib(t *testing.T) {
	var incident string
	lives(t, nil, func(l life) {
		l.eng.Run(sickly("web", false))
		time.Sleep(10 * time.Second)
		l.sicken(t, "web")
		l.restartsReach(t, "web", 3)
		incident = l.notices()[0].Incident
	}, func(l life) {
		time.Sleep(20 * time.Minute)
		if n := l.calls("restart", "web"); n != 5 {
			t.Errorf("%d restarts within 20 min; want 5", n)
		}
		if got := l.reasons(); len(got) == 0 || got[len(got)-1] != heal.GaveUp {
			t.Errorf("told %v; want that it gave up at last", got)
		}
		for _, n := range l.notices() {
			if n.Incident != incident {
				t.Errorf("%s tells of the incident %s; want %s", n.Reason, n.Incident, incident)
			}
		}
	}, func(l life) {
		time.Sleep(5 * time.Minute)
		l.want(t)
		if n := l.calls("restart", "web"); n != 5 {
			t.Errorf("%d restarts; want 5", n)
		}
		if err := l.eng.Cure("web"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Minute)
		l.want(t, heal.Recovered)
	})
}

// TestActIsOnDiskBeforeTheCall: when the engine is asked for a restart the file
// says that one is under way.
func TestActIsOnDiskBeforeTheCall(t *testing.T) {
	lives(t, nil, func(l life) {
		id, seen := l.eng.Run(sickly("web", true)), make(chan string, 10)
		l.eng.OnCall(func(c dockertest.Call) {
			if c.Kind == "restart" && c.Name == "web" {
				text, _ := os.ReadFile(filepath.Join(l.dir, stateFile))
				seen <- string(text)
			}
		})
		l.sicken(t, "web")
		time.Sleep(time.Minute)
		if len(seen) != 1 {
			t.Fatalf("%d restarts; want 1", len(seen))
		}
		if text := <-seen; !strings.Contains(text, id) || !strings.Contains(text, `"phase":"restarting"`) {
			t.Errorf("at the restart the file held %s", text)
		}
	})
}

// TestLeftDownIsStartedByTheNext: what our restart left down is started by the
// defib that comes after, though the stream tells it of a stop signal.
func TestLeftDownIsStartedByTheNext(t *testing.T) {
	lives(t, nil, func(l life) {
		l.eng.Run(sickly("web", true))
		if err := l.eng.Edit("web", func(s *dockertest.Spec) { s.FailStart = "port is already allocated" }); err != nil {
			t.Fatal(err)
		}
		l.sicken(t, "web")
		l.restartsReach(t, "web", 1)
		time.Sleep(10 * time.Second)
		if s := l.eng.State("web").Status; s != "exited" {
			t.Fatalf("it is %s; the story wants it down", s)
		}
	}, func(l life) {
		if err := l.eng.Edit("web", func(s *dockertest.Spec) { s.FailStart = "" }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		l.want(t, heal.Restarted, heal.Recovered)
		if s := l.eng.State("web").Status; s != "running" {
			t.Errorf("it is %s", s)
		}
	})
}

// TestLeftDownWhileTheStreamIsLate: the list comes before the stream tells of the
// stop signal of our own restart, which the defib before this one has judged.
func TestLeftDownWhileTheStreamIsLate(t *testing.T) {
	lives(t, func(w *Watcher) { w.o.Interval = 3 * time.Second }, func(l life) {
		spec := sickly("web", true)
		l.eng.Run(spec)
		time.Sleep(10 * time.Second)
		if err := l.eng.Edit("web", func(s *dockertest.Spec) { s.FailStart = "port is already allocated" }); err != nil {
			t.Fatal(err)
		}
		l.sicken(t, "web")
		l.restartsReach(t, "web", 1)
		time.Sleep(5 * time.Second)
		l.end()
		l.eng.Fail(func(c dockertest.Call) bool { return c.Kind == "events" }, dockertest.Fault{Delay: 8 * time.Second})
	}, func(l life) {
		time.Sleep(30 * time.Second)
		if err := l.eng.Edit("web", func(s *dockertest.Spec) { s.FailStart = "" }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if s := l.eng.State("web").Status; s != "running" {
			t.Errorf("it is %s", s)
		}
		if got := l.reasons(); !slices.Contains(got, heal.Restarted) || got[len(got)-1] != heal.Recovered {
			t.Errorf("told %v; want that it was restarted and recovered", got)
		}
	})
}

// TestRestartThatFailsAtTheEnd: a restart that fails while defib ends leaves the
// container down, and the next defib does not take that for a person's stop.
func TestRestartThatFailsAtTheEnd(t *testing.T) {
	lives(t, nil, func(l life) {
		l.eng.Run(sickly("web", true))
		if err := l.eng.Edit("web", func(s *dockertest.Spec) { s.FailStart = "port is already allocated" }); err != nil {
			t.Fatal(err)
		}
		l.eng.Fail(func(c dockertest.Call) bool { return c.Kind == "restart" }, dockertest.Fault{Delay: 500 * time.Millisecond})
		l.sicken(t, "web")
		for l.calls("restart", "web") == 0 {
			time.Sleep(time.Millisecond)
		}
		l.end()
		if s := l.eng.State("web").Status; s != "exited" {
			t.Fatalf("it is %s; the story wants it down", s)
		}
		time.Sleep(10 * time.Second)
	}, func(l life) {
		if err := l.eng.Edit("web", func(s *dockertest.Spec) { s.FailStart = "" }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		l.want(t, heal.RestartFailed, heal.Restarted, heal.Recovered)
		if s := l.eng.State("web").Status; s != "running" {
			t.Errorf("it is %s", s)
		}
	})
}

// TestRestartUnderWayAtTheEnd: whether the engine did what it was asked before
// defib ended or not, there is one restart and one story of it.
func TestRestartUnderWayAtTheEnd(t *testing.T) {
	for name, f := range map[string]dockertest.Fault{
		"it happened":       {Hang: true, AfterEffect: true},
		"it never happened": {Hang: true},
	} {
		t.Run(name, func(t *testing.T) {
			var mend func()
			var asked time.Time
			lives(t, nil, func(l life) {
				l.eng.Run(sickly("web", true))
				mend = l.eng.Fail(func(c dockertest.Call) bool { return c.Kind == "restart" && c.Name == "web" }, f)
				l.sicken(t, "web")
				l.restartsReach(t, "web", 1)
				asked = time.Now()
				l.want(t)
			}, func(l life) {
				mend()
				time.Sleep(2 * time.Minute)
				var again time.Time
				for _, c := range l.eng.Calls() {
					if c.Kind == "restart" && c.Name == "web" && c.At.After(asked) {
						again = c.At
					}
				}
				l.want(t, heal.Restarted, heal.Recovered)
				switch {
				case f.AfterEffect && !again.IsZero():
					t.Errorf("restarted again, %s after the first", again.Sub(asked))
				case !f.AfterEffect && again.Sub(asked) < 8*time.Second: // its stop may take 10 s; asked is a second or two late
					t.Errorf("restarted again %s after a restart that may have been under way", again.Sub(asked))
				}
			})
		})
	}
}

// TestRestartThatEndsInTheNextLife: the container is down when the next defib
// looks, and comes up by the restart of the one before: that is told, and no
// person's doing.
func TestRestartThatEndsInTheNextLife(t *testing.T) {
	lives(t, nil, func(l life) {
		spec := sickly("web", true)
		spec.StopTakes, spec.StartTakes = time.Second, 8*time.Second
		l.eng.Run(spec)
		l.sicken(t, "web")
		l.restartsReach(t, "web", 1)
	}, func(l life) {
		if s := l.eng.State("web").Status; s != "exited" {
			t.Fatalf("it is %s; the story wants it down", s)
		}
		time.Sleep(2 * time.Minute)
		l.want(t, heal.Restarted, heal.Recovered)
		for _, n := range l.notices() {
			if n.ByPerson || n.Attempt != 1 {
				t.Errorf("%s: by a person %v, restart %d", n.Reason, n.ByPerson, n.Attempt)
			}
		}
		if n := l.calls("restart", "web") + l.calls("start", "web"); n != 1 {
			t.Errorf("asked for %d restarts and starts; want 1", n)
		}
	})
}

// TestWhatHappenedWhileDefibWasAway: incidents that ended meanwhile are closed,
// and one that began is opened.
func TestWhatHappenedWhileDefibWasAway(t *testing.T) {
	selection := Selection{Key: "autoheal"}
	lives(t, func(w *Watcher) { w.o.Selection = selection }, func(l life) {
		both := []string{"well", "gone", "remade", "stopped"}
		for _, name := range append(both, "unwatched") {
			spec := sickly(name, false)
			if slices.Contains(both, name) {
				spec.Labels["other"] = "true"
			}
			l.eng.Run(spec)
			l.sicken(t, name)
		}
		spec := sickly("new", true)
		spec.Labels["other"] = "true"
		l.eng.Run(spec)
		l.restartsReach(t, "unwatched", 1)
		if n := l.w.Condition().Remembered; n != 5 {
			t.Fatalf("%d are remembered; want 5", n)
		}
		l.end()
		for _, err := range []error{
			l.eng.Cure("well"), l.eng.Remove("gone", true), l.eng.Remove("remade", true), l.eng.Stop("stopped", time.Second),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		spec.Name = "remade"
		l.eng.Run(spec)
		l.sicken(t, "new")
		time.Sleep(time.Hour) // longer than an engine tells of the past
		selection.Key = "other"
	}, func(l life) {
		time.Sleep(3 * time.Minute)
		got := map[string][]heal.Reason{}
		for _, n := range l.notices() {
			got[n.Container.Name] = append(got[n.Container.Name], n.Reason)
		}
		for name, want := range map[string][]heal.Reason{
			"well": {heal.Recovered}, "gone": {heal.Removed}, "remade": {heal.Removed}, "unwatched": nil,
			"stopped": {heal.ExitedByItself}, "new": {heal.Restarted, heal.Recovered},
		} {
			if !slices.Equal(got[name], want) {
				t.Errorf("of %s was told %v; want %v", name, got[name], want)
			}
		}
		if l.log.count("is not watched any more") != 1 {
			t.Error("that one is not watched any more was not said")
		}
	})
}

// TestDiskThatFails: healing goes on, it is said once, and the next change is
// written when the disk works again.
func TestDiskThatFails(t *testing.T) {
	d := &brokenDisk{fails: errors.New("no space left on device")}
	lives(t, func(w *Watcher) { w.memory.disk = d }, func(l life) {
		for _, name := range []string{"web", "db"} {
			l.eng.Run(sickly(name, true))
			l.sicken(t, name)
		}
		time.Sleep(2 * time.Minute)
		if l.calls("restart", "web") != 1 || l.calls("restart", "db") != 1 {
			t.Error("they were not healed")
		}
		if n := l.log.count("no space left on device"); n != 1 {
			t.Errorf("said %d times; want once", n)
		}
		d.set(nil, nil)
		l.sicken(t, "web")
		time.Sleep(2 * time.Minute)
		if n := l.log.count("can be written again"); n != 1 {
			t.Errorf("that it works again was said %d times", n)
		}
		if text := mustRead(t, filepath.Join(l.dir, stateFile)); !strings.Contains(string(text), `"name":"web"`) {
			t.Errorf("the file holds %s", text)
		}
	})
}

// TestDiskThatHangs: an act waits for a second, and only the first one does.
func TestDiskThatHangs(t *testing.T) {
	d := &brokenDisk{}
	begun := map[string]time.Duration{}
	for _, hangs := range []bool{false, true} {
		var hang chan struct{}
		lives(t, func(w *Watcher) { w.memory.disk = d }, func(l life) {
			if hangs {
				hang = make(chan struct{})
			}
			d.set(nil, hang)
			from := time.Now()
			for _, name := range []string{"web", "db"} {
				l.eng.Run(sickly(name, true))
				l.sicken(t, name)
				time.Sleep(time.Minute)
			}
			for _, c := range l.eng.Calls() {
				if c.Kind == "restart" && (c.Name == "web" || c.Name == "db") {
					begun[fmt.Sprint(c.Name, hangs)] = c.At.Sub(from)
				}
			}
			if n := l.log.count("the disk does not answer: healing goes on"); n > 1 || (n == 1) != hangs {
				t.Errorf("hangs %v: said %d times", hangs, n)
			}
			if hang != nil {
				close(hang)
			}
			d.set(nil, nil)
		})
	}
	if late := begun["webtrue"] - begun["webfalse"]; late != writeWait {
		t.Errorf("the first act came %s late; want %s", late, writeWait)
	}
	if late := begun["dbtrue"] - begun["dbfalse"]; late != 0 {
		t.Errorf("the second act came %s late; want it at once", late)
	}
}

// TestFolderThatIsNone: it is said at the start what to do, and healing works.
func TestFolderThatIsNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	lives(t, func(w *Watcher) { w.memory.dir = file }, func(l life) {
		if n := l.log.count("AUTOHEAL_STATE_DIR"); n != 1 {
			t.Errorf("said %d times: %s", n, l.log.text.String())
		}
		l.eng.Run(sickly("web", true))
		l.sicken(t, "web")
		time.Sleep(time.Minute)
		l.want(t, heal.Restarted, heal.Recovered)
		if n := l.log.count("AUTOHEAL_STATE_DIR"); n != 1 {
			t.Errorf("said %d times", n)
		}
	})
}

// TestNothingIsWrittenWhileNothingHappens: probes and lists of the healthy do
// not wear out a disk.
func TestNothingIsWrittenWhileNothingHappens(t *testing.T) {
	lives(t, nil, func(l life) {
		l.eng.Run(sickly("web", true))
		l.sicken(t, "web")
		time.Sleep(2 * time.Minute)
		path := filepath.Join(l.dir, stateFile)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the file was written though nothing has changed: %v", err)
		}
		time.Sleep(30 * time.Minute)
		if text := mustRead(t, path); strings.Contains(string(text), "web") {
			t.Errorf("what is forgotten is in the file: %s", text)
		}
	})
}

// TestKilledAroundARestart: whenever defib is killed, with the file as it is at
// that instant, the budget holds, no restart follows another too soon, and a
// human is called once.
func TestKilledAroundARestart(t *testing.T) {
	const from, to, step = 14 * time.Second, 16 * time.Second, 50 * time.Millisecond // the restart is at about 15 s
	before, during, after := 0, 0, 0
	for kill := from; kill < to; kill += step {
		var left []byte
		lives(t, nil, func(l life) {
			spec := sickly("web", false)
			spec.StopTakes = 500 * time.Millisecond
			l.eng.Run(spec)
			l.sicken(t, "web")
			time.Sleep(kill)
			synctest.Wait() // what this instant holds is over: the end below must find nothing more to do
			switch {
			case l.calls("restart", "web") == 0:
				before++
			case len(l.reasons()) == 0:
				during++
			default:
				after++
			}
			left = mustRead(t, filepath.Join(l.dir, stateFile))
			l.end()
			// What it wrote and told in its orderly end a kill would have lost.
			if err := os.WriteFile(filepath.Join(l.dir, stateFile), left, 0o600); err != nil {
				t.Fatal(err)
			}
		}, func(l life) {
			time.Sleep(25 * time.Minute)
			var last time.Time
			for _, c := range l.eng.Calls() {
				if c.Kind != "restart" || c.Name != "web" {
					continue
				}
				if gap := c.At.Sub(last); gap < 10*time.Second {
					t.Errorf("killed after %s: a restart %s after another", kill, gap)
				}
				last = c.At
			}
			gaveUp := 0
			for _, r := range l.reasons() {
				if r == heal.GaveUp {
					gaveUp++
				}
			}
			if n := l.calls("restart", "web"); n != 5 || gaveUp != 1 {
				t.Errorf("killed after %s: %d restarts, gave up %d times; want 5, once", kill, n, gaveUp)
			}
		})
		if t.Failed() {
			return
		}
	}
	if before == 0 || during == 0 || after == 0 {
		t.Errorf("killed %d times before, %d during and %d after the restart; want each", before, during, after)
	}
}

// TestReplayedIsMarked: what a new stream tells of the past is known as that.
func TestReplayedIsMarked(t *testing.T) {
	for _, e := range []heal.Event{heal.Observed{Health: heal.Healthy}, heal.Killed{}, heal.Died{}, heal.Started{}} {
		if old, live := fmt.Sprintf("%+v", replayed(e, true)), fmt.Sprintf("%+v", replayed(e, false)); !strings.Contains(old, "Replayed:true") || old == live {
			t.Errorf("of the past: %s, of now: %s", old, live)
		}
	}
}
