package watcher

import (
	"slices"
	"sync"
	"testing"
	"time"

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
				if len(acts) > 0 {
					t.Errorf("%s meanwhile, and still: %v", name, acts)
				}
			})
		})
	}
}
