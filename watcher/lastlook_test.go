package watcher

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"defib/heal"
	"defib/internal/dockertest"
)

// TestALogThatHangsDoesNoHarm: while the end of a log is waited for, a container
// may turn healthy, or a person may stop it. It is looked at after that, so it
// is not restarted then.
func TestALogThatHangsDoesNoHarm(t *testing.T) {
	for name, meanwhile := range map[string]func(*dockertest.Engine){
		"healed":  func(eng *dockertest.Engine) { _ = eng.Cure("web") },
		"stopped": func(eng *dockertest.Engine) { _ = eng.Stop("web", 10*time.Second) },
		"paused":  func(eng *dockertest.Engine) { _ = eng.Pause("web") },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{LogLines: 3}, dockertest.Options{}, func(eng *dockertest.Engine, _ *told) {
				var once sync.Once
				var acts []string
				eng.OnCall(func(c dockertest.Call) {
					switch {
					case c.Kind == "logs":
						once.Do(func() {
							time.AfterFunc(500*time.Millisecond, func() { meanwhile(eng) })
						})
					case slices.Contains([]string{"restart", "stop", "start"}, c.Kind) && c.Name == "web":
						acts = append(acts, c.Kind)
					}
				})
				eng.Fail(func(c dockertest.Call) bool { return c.Kind == "logs" }, dockertest.Fault{Hang: true})
				eng.Run(dockertest.Spec{
					Name: "web", Labels: map[string]string{"autoheal": "true"}, StopTakes: time.Second,
					Health: &dockertest.Health{Interval: time.Second, Retries: 2},
				})
				time.Sleep(10 * time.Second)
				if err := eng.Sicken("web", "no answer"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if len(acts) > 0 {
					t.Errorf("%s meanwhile, and still: %v", name, acts)
				}
			})
		})
	}
}

// TestALogThatHangsDelaysOnce: one log that does not come keeps its restart for
// three seconds, and those of the others, who would wait as long each, for none.
func TestALogThatHangsDelaysOnce(t *testing.T) {
	inBubble(t, Options{LogLines: 3, Parallel: 1}, dockertest.Options{}, func(eng *dockertest.Engine, said *told) {
		began := map[string]time.Time{}
		eng.OnCall(func(c dockertest.Call) {
			if c.Kind == "restart" && c.Name != "" && began[c.Name].IsZero() {
				began[c.Name] = time.Now()
			}
		})
		eng.Fail(func(c dockertest.Call) bool { return c.Kind == "logs" }, dockertest.Fault{Hang: true})
		for _, name := range []string{"a", "b", "c"} {
			eng.Run(dockertest.Spec{
				Name: name, Labels: map[string]string{"autoheal": "true"},
				Health: &dockertest.Health{Interval: time.Second, Retries: 1, HealedByRestart: true},
			})
		}
		time.Sleep(10 * time.Second)
		sick := time.Now()
		for _, name := range []string{"a", "b", "c"} {
			if err := eng.Sicken(name, "no answer"); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		for name, at := range began {
			if late := at.Sub(sick); late > logTimeout+2*time.Second {
				t.Errorf("%s was restarted %s after it fell sick", name, late)
			}
		}
		if len(began) != 3 {
			t.Errorf("restarted: %v", began)
		}
		for _, n := range said.all {
			if n.Reason == heal.Restarted && n.Evidence.LogError == "" {
				t.Errorf("%s: nothing says why there is no log", n.Container.Name)
			}
		}
	})
}

// TestTheFileTellsTheStory: each act's evidence and each notice of an incident
// are in its file, which holds nothing of the environment, and is JSON whatever
// a container wrote. What is told is of the run that it is about.
func TestTheFileTellsTheStory(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, Options{LogLines: 3, StateDir: dir}, dockertest.Options{}, func(eng *dockertest.Engine, said *told) {
		eng.Run(dockertest.Spec{
			Name: "web", Labels: map[string]string{"autoheal": "true"}, Env: []string{"PASSWORD=hunter2"}, StopTakes: time.Second,
			Logs:   "one\ntwo\n\xff\xfe\x00binary\n\x1b[31mfour\n",
			Health: &dockertest.Health{Interval: 5 * time.Second, Retries: 3, RestartsToHeal: 2},
		})
		time.Sleep(20 * time.Second)
		if err := eng.Sicken("web", "no \xff answer"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		var id string
		for _, n := range said.all {
			id = n.Incident
			if v := n.Evidence; (v != nil) != (n.Reason == heal.Restarted || n.Reason == heal.StillUnhealthy) {
				t.Errorf("%s with the evidence %+v", n.Reason, v)
			} else if n.Reason == heal.StillUnhealthy && v.Uptime > 20*time.Second {
				t.Errorf("the new run is told to have lasted %s", v.Uptime)
			}
		}
		if e := said.w.entries[eng.State("web").ID]; e != nil && e.evidence != nil {
			t.Error("the evidence of an incident is kept in memory after its end")
		}
		text, err := os.ReadFile(filepath.Join(dir, incidentsDir, id+".json"))
		if err != nil {
			t.Fatal(err)
		}
		in, err := readIncident(filepath.Join(dir, incidentsDir, id+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, h := range in.Happenings {
			told = append(told, h.Reason)
		}
		if want := []string{"restarted", "still-unhealthy", "restarted", "recovered"}; !slices.Equal(told, want) {
			t.Errorf("the file tells %v; want %v", told, want)
		}
		first := in.Happenings[0].Evidence
		if !slices.Equal(first.Log, []string{"two", "\uFFFD\x00binary", "\x1b[31mfour"}) || len(first.Probes) != maxProbes ||
			first.Streak != 3 || first.Image != "app:1" || !in.Since.Before(in.Happenings[0].At) {
			t.Errorf("since %s: %+v", in.Since, first)
		}
		if strings.Contains(string(text), "hunter2") || !utf8.Valid(text) {
			t.Errorf("the file holds\n%s", text)
		}
	})
}

// TestQuarantineHasEvidence: nobody can look at what is stopped.
func TestQuarantineHasEvidence(t *testing.T) {
	policy := testPolicy()
	policy.Treatment = heal.TreatStop
	inBubble(t, Options{LogLines: 3, Policy: policy}, dockertest.Options{}, func(eng *dockertest.Engine, said *told) {
		eng.Run(dockertest.Spec{
			Name: "web", Labels: map[string]string{"autoheal": "true"}, Logs: "one\n",
			Health: &dockertest.Health{Interval: 5 * time.Second, Retries: 3, Sick: true},
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(said.all) != 1 || said.all[0].Reason != heal.Quarantined || said.all[0].Evidence == nil || len(said.all[0].Evidence.Log) != 1 {
			t.Errorf("told %+v", said.all)
		}
	})
}
