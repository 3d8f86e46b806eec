package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// of are the labels that Compose gives a container of a service; depends is
// what version 2 writes of its depends_on.
func (s *scene) of(service, depends string) []string {
	labels := map[string]string{
		"com.docker.compose.project": s.name, "com.docker.compose.service": service,
		"com.docker.compose.oneoff": "False", "com.docker.compose.depends_on": depends,
	}
	var flags []string
	for name, value := range labels {
		flags = append(flags, "--label", name+"="+value)
	}
	return s.watched(flags...)
}

// reaches tells whether the patient reaches the one that listens in the network
// that it shares.
func (p patient) reaches() bool {
	_, err := p.scene.engine.docker(p.scene.Context(), "exec", p.id, "/patient", "reach")
	return err == nil
}

// TestBringsBackTheNetwork: a VPN gateway lends its network to three others,
// which lose it when the gateway is restarted, by defib, and by a person.
func TestBringsBackTheNetwork(t *testing.T) {
	s := newScene(t)
	vpn := s.patient("vpn", s.of("vpn", ""), "-listen")
	share := func(name string) patient {
		return s.patient(name, append(s.of(name, "vpn:service_started:true"), "--network", "container:"+vpn.id))
	}
	dependents := []patient{share("seed"), share("index"), share("films")}
	vpn.awaits(healthy, 1)
	d := s.defib()
	s.await("defib to be ready", func() bool {
		return len(d.said(func(l line) bool { return l.Message == "ready" })) > 0
	})
	for _, p := range dependents {
		if !p.reaches() {
			t.Fatalf("%s does not reach the gateway to begin with", p.name)
		}
	}

	vpn.sicken()
	vpn.isHealed(1)
	for _, p := range dependents {
		p.isHealed(1)
		s.await(p.name+" to reach the gateway again", p.reaches)
		if s.record.when(p.id, "kill", 1).Before(s.record.when(vpn.id, healthy, 2)) {
			t.Errorf("%s was restarted before the gateway was healthy", p.name)
		}
	}

	s.docker("restart", "-t", "1", vpn.id)
	if dependents[0].reaches() {
		t.Fatal("a restart of the gateway takes nobody's network away: the test shows nothing")
	}
	for _, p := range dependents {
		p.isHealed(2)
		s.await(p.name+" to reach the gateway again", p.reaches)
	}
	d.runs()
}

// TestHealsTheCauseFirst: a database under two services falls sick with them.
func TestHealsTheCauseFirst(t *testing.T) {
	s := newScene(t)
	db := s.patient("db", s.of("db", ""))
	api := s.patient("api", s.of("api", "db:service_healthy:false"))
	jobs := s.patient("jobs", s.of("jobs", "db:service_started:false"))
	for _, p := range []patient{db, api, jobs} {
		p.awaits(healthy, 1)
	}
	d := s.defib()
	s.await("defib to be ready", d.watches)

	db.sicken()
	db.awaits(unhealthy, 1)
	api.sicken()
	jobs.sicken()
	api.awaits(unhealthy, 1)
	s.docker("exec", api.id, "/patient", "cure") // it needed nothing but the database

	db.isHealed(1)
	jobs.isHealed(1)
	if s.record.when(jobs.id, "kill", 1).Before(s.record.when(db.id, healthy, 2)) {
		t.Error("jobs was restarted before the database was healthy")
	}
	api.isUntouched()
}

// TestHealsReplicasOneByOne: four of one service fall sick together.
func TestHealsReplicasOneByOne(t *testing.T) {
	s := newScene(t)
	var replicas []patient
	for i := range 4 {
		replicas = append(replicas, s.patient(fmt.Sprintf("web-%d", i+1), s.of("web", "")))
	}
	for _, p := range replicas {
		p.awaits(healthy, 1)
	}
	d := s.defib()
	s.await("defib to be ready", d.watches)
	sickenAll(replicas)
	for _, p := range replicas {
		p.isHealed(1)
	}
	byStart := slices.SortedFunc(slices.Values(replicas), func(a, b patient) int {
		return s.record.when(a.id, "kill", 1).Compare(s.record.when(b.id, "kill", 1))
	})
	for i := range 3 {
		well, next := s.record.when(byStart[i].id, healthy, 2), s.record.when(byStart[i+1].id, "kill", 1)
		if next.Before(well) {
			t.Errorf("%s was restarted %s before %s was healthy", byStart[i+1].name, well.Sub(next), byStart[i].name)
		}
	}
}

func sickenAll(all []patient) {
	var done sync.WaitGroup
	for _, p := range all {
		done.Go(p.sicken)
	}
	done.Wait()
}

// TestSendsACanaryIntoAStorm: eight services turn unhealthy at once.
func TestSendsACanaryIntoAStorm(t *testing.T) {
	s := newScene(t)
	var all []patient
	for i := range 8 {
		all = append(all, s.patient(fmt.Sprintf("s%d", i), s.of(fmt.Sprintf("s%d", i), "")))
	}
	for _, p := range all {
		p.awaits(healthy, 1)
	}
	d := s.defib()
	s.await("defib to be ready", d.watches)
	sickenAll(all)
	s.await("a storm", func() bool { return len(d.gaveAny("storm")) == 1 })
	for _, p := range all {
		p.awaits("restart", 1)
		s.await(p.name+" to be healthy", func() bool { return s.record.follows(p.id, "restart", healthy) })
	}
	s.await("the end of the storm", func() bool { return len(d.gaveAny("storm-over")) == 1 })

	byStart := slices.SortedFunc(slices.Values(all), func(a, b patient) int {
		return s.record.when(a.id, "kill", 1).Compare(s.record.when(b.id, "kill", 1))
	})
	// Up to three services are healed before it is known that it is a storm.
	early, canary := 0, time.Time{}
	for _, p := range byStart {
		well := s.record.when(p.id, healthy, 2)
		if canary.IsZero() || well.Before(canary) {
			canary = well
		}
	}
	for _, p := range byStart {
		if s.record.when(p.id, "kill", 1).Before(canary) {
			early++
		}
	}
	if early > 4 {
		t.Errorf("%d were restarted before one was healthy; at most the 3 before it was a storm, and the canary", early)
	}
	for _, p := range all {
		if n := len(d.gave(p, "restarted")); n != 1 {
			t.Errorf("%s: %d restarts logged", p.name, n)
		}
	}
}

func (d *watchdog) gaveAny(reason string) []line {
	return d.said(func(l line) bool { return l.Reason == reason })
}

// TestKeepsOutOfADeploy: Compose recreates a service in the middle of its
// incident, with a stop that takes seconds and fails probes.
func TestKeepsOutOfADeploy(t *testing.T) {
	s := newScene(t)
	if _, err := exec.LookPath("docker-compose"); err != nil {
		unavailable(t, "no docker-compose: "+err.Error())
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "docker-compose.yml")
	compose := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "docker-compose", append([]string{"-p", s.name, "-f", file}, args...)...)
		cmd.Env = append(os.Environ(), "DOCKER_HOST=unix://"+s.engine.socket)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("docker-compose %v: %v\n%s", args, err, out)
		}
	}
	write := func(habits string) {
		t.Helper()
		text := fmt.Sprintf(`version: "2.4"
services:
  web:
    image: %s
    command: serve %s
    network_mode: none
    labels: {%s: "true", %s: %s}
    stop_grace_period: 20s
`, patientImage, habits, s.label, sceneLabel, s.name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		ctx := context.Background() // the test's own has ended by now
		out, err := s.engine.docker(ctx, "ps", "-aq", "--filter", "label=com.docker.compose.project="+s.name)
		for id := range strings.FieldsSeq(out) {
			_, err = s.engine.docker(ctx, "rm", "-f", id)
		}
		if err != nil && !strings.Contains(err.Error(), "No such container") {
			s.Log("a container stays behind:", err)
		}
	})
	write("-sick-runs all -stop-takes 3s")
	compose("up", "-d")
	old := patient{scene: s, name: s.name + "_web_1", id: s.docker("ps", "-q", "--filter", "label=com.docker.compose.project="+s.name)}
	old.id = s.docker("inspect", "-f", "{{.Id}}", old.id)
	s.removeLater(s.engine, old.id)
	d := s.defib()
	old.awaits("restart", 1) // the incident is open
	old.awaits(unhealthy, 2)

	write("-sick-runs none")
	compose("up", "-d")
	fresh := patient{scene: s, name: s.name + "_web_1", id: s.docker("inspect", "-f", "{{.Id}}", s.name+"_web_1")}
	s.removeLater(s.engine, fresh.id)
	fresh.awaits(healthy, 1)
	s.await("the incident to end with its container", func() bool { return len(d.gaveAny("removed")) == 1 })
	s.sentinel("after the deploy")
	fresh.isUntouched()
	if n := old.count("start"); n > 1+old.count("restart") {
		t.Errorf("the old container was started %d times, with %d restarts", n, old.count("restart"))
	}
}
