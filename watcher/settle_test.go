package watcher

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"defib/heal"
	"defib/internal/dockertest"
)

// TestFileSaysOnlyWhatWasSettled: the records are those from before the alerts
// were settled, and the file is written after it.
func TestFileSaysOnlyWhatWasSettled(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, stateFile)
	entryOf := func(digit string) *entry {
		return &entry{container: heal.Container{ID: strings.Repeat(digit, 64)}, state: heal.State{Phase: heal.Failing}}
	}
	m := newMemory(dir, zerolog.Nop())
	settled := 0
	m.settled = func(ctx context.Context) {
		settled++
		if deadline, set := ctx.Deadline(); !set || time.Until(deadline) > writeWait {
			t.Errorf("it may take until %s", deadline)
		}
		if _, err := os.Stat(path); err == nil {
			t.Error("the file is there already")
		}
		m.note(entryOf("b")) // told after the records were taken
	}
	m.note(entryOf("a"))
	m.write()
	text := string(mustRead(t, path))
	if settled != 1 || !strings.Contains(text, "aaaa") || strings.Contains(text, "bbbb") {
		t.Errorf("settled %d times; the file says %s", settled, text)
	}
}

// slowVoice takes its time to settle.
type slowVoice struct{ *told }

func (slowVoice) Settle(ctx context.Context) { <-ctx.Done() }

// TestSettlingHoldsNobody: a spool on a disk that hangs delays a restart by no
// more than the time that is allowed for a write, each time anew.
func TestSettlingHoldsNobody(t *testing.T) {
	lives(t, func(w *Watcher) { w.memory.settled = slowVoice{}.Settle }, func(l life) {
		var ill time.Time
		waited := make(chan time.Duration, 10)
		l.eng.OnCall(func(c dockertest.Call) {
			if c.Kind == "restart" && c.ID != "" {
				waited <- time.Since(ill)
			}
		})
		for _, name := range []string{"web", "db"} {
			l.eng.Run(dockertest.Spec{Name: name, Labels: map[string]string{"autoheal": "true"}, Health: &dockertest.Health{}})
		}
		for _, name := range []string{"web", "db"} {
			time.Sleep(20 * time.Second)
			ill = time.Now()
			if err := l.eng.SetHealth(name, "unhealthy", "no answer"); err != nil {
				t.Fatal(err)
			}
			if took := <-waited; took == 0 || took > writeWait {
				t.Errorf("%s was restarted after %s; at most %s", name, took, writeWait)
			}
		}
	})
}

// witness looks, when something is posted, whether the memory says already that
// it was told.
type witness struct {
	*told

	found []string
}

func (w *witness) Post(n heal.Notice) {
	m := w.w.memory
	m.mu.Lock()
	known := m.records[n.Container.ID].State.Told
	m.mu.Unlock()
	if !n.Repeat && slices.Contains(known, n.Reason.String()) {
		w.found = append(w.found, n.Reason.String())
	}
	w.told.Post(n)
}

// TestToldIsRememberedAfterItIsPosted: a write between the two would say that
// people were told, and a kill after it would see that they never are.
func TestToldIsRememberedAfterItIsPosted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		eng, pipe := dockertest.New(dockertest.Options{}), dockertest.NewPipe()
		eng.Serve(pipe)
		v := &witness{told: &told{}}
		w := New(Options{
			Endpoint: Endpoint{Host: "tcp://engine:2375", Dial: pipe.DialContext}, Selection: Selection{Key: "autoheal"},
			Policy: testPolicy(), Interval: 10 * time.Second, Parallel: 8, CallTimeout: 30 * time.Second, StateDir: t.TempDir(),
			Notifier: v, Log: zerolog.Nop(),
		})
		v.w = w
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.Run(ctx); close(ended) }()
		time.Sleep(time.Second)
		eng.Run(sickly("web", false))
		time.Sleep(20 * time.Second)
		if err := eng.Sicken("web", "no answer"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		cancel()
		<-ended
		if len(v.reasons()) < 3 || len(v.found) > 0 {
			t.Errorf("of %v these were remembered before they were posted: %v", v.reasons(), v.found)
		}
		eng.Close()
	})
}

// snapshot keeps what the file held when it was told that a container is
// unhealthy: what a kill in that moment would leave.
type snapshot struct {
	*told

	of, dir string
	file    []byte
}

func (s *snapshot) Post(n heal.Notice) {
	if n.Container.Name == s.of && s.file == nil {
		s.file, _ = os.ReadFile(filepath.Join(s.dir, stateFile))
	}
	s.told.Post(n)
}

// TestKilledRightAfterTelling: what people are only told of is one incident to
// the next defib too, whether it is over by then or not.
func TestKilledRightAfterTelling(t *testing.T) {
	for _, over := range []bool{false, true} {
		s, incident, dir := &snapshot{of: "two"}, "", ""
		lives(t, func(w *Watcher) {
			if s.told == nil {
				s.told, s.dir = w.o.Notifier.(*told), w.memory.dir
				w.o.Notifier = s
			}
		}, func(l life) {
			for _, name := range []string{"one", "two"} { // the file is written once a second
				spec := sickly(name, false)
				spec.Labels["autoheal.action"] = "notify"
				l.eng.Run(spec)
				time.Sleep(300 * time.Millisecond)
			}
			time.Sleep(20 * time.Second)
			l.sicken(t, "one")
			l.sicken(t, "two")
			time.Sleep(20 * time.Second)
			l.want(t, heal.OnlyTold, heal.OnlyTold)
			incident, dir = l.notices()[1].Incident, l.dir
			l.end()
			if err := os.WriteFile(filepath.Join(dir, stateFile), s.file, 0o600); err != nil {
				t.Fatal(err)
			}
			if over {
				if err := l.eng.Cure("two"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(20 * time.Second)
			}
		}, func(l life) {
			time.Sleep(3 * time.Minute)
			var got []string
			for _, n := range l.notices() {
				if n.Container.Name == "two" {
					got = append(got, n.Reason.String()+" "+n.Incident)
					if n.Unsure != over {
						t.Errorf("%s: unsure %v", n.Reason, n.Unsure)
					}
				}
			}
			want := map[bool]heal.Reason{false: heal.OnlyTold, true: heal.Recovered}[over].String() + " " + incident
			if !slices.Equal(got, []string{want}) {
				t.Errorf("over %v: told %q; want %q", over, got, want)
			}
		})
	}
}
