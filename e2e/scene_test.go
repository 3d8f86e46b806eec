package e2e

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// scenes counts them, for names that no other test has.
var scenes atomic.Int32

// patience is how long a test waits for what must happen. It is long since the
// machine may be busy; nothing ever waits for it to pass.
const patience = 45 * time.Second

const sceneLabel = "defib.e2e.scene"

// scene is one test's containers on one engine, and the record of what happens
// to them.
type scene struct {
	*testing.T
	engine engine
	stage  stage
	name   string // of the scene; the containers' names begin with it
	label  string // the label that makes this scene's defib watch a container
	record *recorder
}

// newScene begins a test on this machine's engine. Tests run side by side:
// each watches its own label.
func newScene(t *testing.T) *scene {
	t.Helper()
	t.Parallel()
	return newSceneOn(t, machine())
}

func newSceneOn(t *testing.T, e engine) *scene {
	t.Helper()
	needStage(t)
	name := fmt.Sprintf("e2e-%d-%d", os.Getpid(), scenes.Add(1))
	s := &scene{T: t, engine: e, stage: theStage(), name: name, label: name + ".watched"}
	s.record = startRecorder(t, e, sceneLabel+"="+name)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("what happened:\n" + s.record.String())
		}
	})
	return s
}

// needStage ends a test where there is no engine or no image.
func needStage(t *testing.T) {
	t.Helper()
	if s := theStage(); s.err != nil {
		unavailable(t, s.err.Error())
	}
}

// patient is a container that the tests make sick.
type patient struct {
	scene *scene
	name  string
	id    string
}

// watched are the flags for a patient that defib watches.
func (s *scene) watched(flags ...string) []string {
	return append([]string{"--label", s.label + "=true"}, flags...)
}

// patient starts one: flags are docker run's, habits the patient's.
func (s *scene) patient(name string, flags []string, habits ...string) patient {
	s.Helper()
	p := patient{scene: s, name: s.name + "-" + name}
	if !slices.Contains(flags, "--network") {
		flags = append([]string{"--network", "none"}, flags...)
	}
	args := slices.Concat([]string{"run", "-d", "--name", p.name, "--label", sceneLabel + "=" + s.name},
		flags, []string{patientImage, "serve"}, habits)
	p.id = s.docker(args...)
	s.removeLater(s.engine, p.id)
	return p
}

// docker runs the docker command on the scene's engine; the test ends if it fails.
func (s *scene) docker(args ...string) string {
	s.Helper()
	out, err := s.engine.docker(s.Context(), args...)
	if err != nil {
		s.Fatal(err)
	}
	return out
}

func (s *scene) removeLater(e engine, id string) {
	s.Cleanup(func() {
		// Not the test's context, which has ended by now.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if out, err := e.docker(ctx, "rm", "-f", "-v", id); err != nil && !strings.Contains(err.Error(), "No such container") {
			s.Log("a container stays behind:", err, out)
		}
	})
}

// sicken makes the patient sick until its next start.
func (p patient) sicken() {
	p.scene.Helper()
	p.scene.docker("exec", p.id, "/patient", "sicken")
}

// state gives a field of the inspection, such as .State.Status.
func (p patient) state(field string) string {
	p.scene.Helper()
	return p.scene.docker("inspect", "-f", "{{"+field+"}}", p.id)
}

// count tells how often something has happened to the patient.
func (p patient) count(action string) int { return p.scene.record.count(p.id, action) }

// The engine's words for a change of health.
const (
	healthy   = "health_status: healthy"
	unhealthy = "health_status: unhealthy"
)

// awaits waits until something has happened to the patient at least n times.
func (p patient) awaits(action string, n int) {
	p.scene.Helper()
	p.scene.await(fmt.Sprintf("%q of %s, %d times", action, p.name, n), func() bool { return p.count(action) >= n })
}

// isHealed waits until the patient has been restarted n times in all, and is
// well after the last time.
func (p patient) isHealed(n int) {
	p.scene.Helper()
	p.awaits("restart", n)
	p.scene.await(p.name+" to be healthy after its restart", func() bool { return p.scene.record.follows(p.id, "restart", healthy) })
	if got := p.count("restart"); got != n {
		p.scene.Errorf("%s was restarted %d times; want %d", p.name, got, n)
	}
}

// lag is the time from the engine's word that the patient is unhealthy to its
// being asked to stop.
func (p patient) lag() time.Duration { return p.scene.record.lag(p.id, unhealthy, "kill") }

// sentinel is a patient that is sick and is healed: what defib does not do by
// then it leaves alone.
func (s *scene) sentinel(name string) {
	s.Helper()
	s.patient("sentinel-"+strings.ReplaceAll(name, " ", "-"), s.watched(), "-sick-runs", "1").isHealed(1)
}

// isUntouched fails the test if anybody has stopped, started or restarted the
// patient since it was made.
func (p patient) isUntouched() {
	p.scene.Helper()
	for action, most := range map[string]int{"kill": 0, "die": 0, "stop": 0, "restart": 0, "start": 1} {
		if n := p.count(action); n > most {
			p.scene.Errorf("%s was not to be touched: %d times %q", p.name, n, action)
		}
	}
}

// await waits for a condition.
func (s *scene) await(what string, holds func() bool) {
	s.Helper()
	await(s.T, patience, what, holds)
}

func await(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.After(within)
	for !holds() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited %s in vain for %s", within, what)
		case <-t.Context().Done():
			t.Fatal("the test has ended while it waited for", what)
		}
	}
}
