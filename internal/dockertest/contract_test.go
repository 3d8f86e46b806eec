package dockertest_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"defib/internal/dockertest"
	"defib/internal/enginelock"
)

// contract is what a real engine does and the simulated one must do alike.
// Where the two differ the simulated one is wrong.
type contract struct {
	name string
	hold func(t *testing.T, s subject)
}

func contracts() []contract {
	return slices.Concat(eventContracts(), healthContracts(), answerContracts(), lifeContracts())
}

func TestContractSimulated(t *testing.T) {
	for _, version := range []string{"20.10.24", "29.7.2"} {
		for _, c := range contracts() {
			t.Run(version+"/"+c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { c.hold(t, simulated(t, dockertest.Options{Version: version, ExecNoise: true})) })
			})
		}
	}
}

func TestContractRealEngine(t *testing.T) {
	s := realEngine(t)
	release, err := enginelock.Take()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	for _, c := range contracts() {
		t.Run(c.name, func(t *testing.T) { c.hold(t, s) })
	}
}

// past asks for the events of one container that the engine remembers, without
// the noise of probes and of sicken.
func (s subject) past(t *testing.T, id string, since string, f ...filters.KeyValuePair) []events.Message {
	t.Helper()
	f = append(f, filters.Arg("container", id))
	time.Sleep(time.Millisecond) // until must not be before since
	until := time.Now().Format(time.RFC3339Nano)
	msgs, errs := s.cli.Events(t.Context(), events.ListOptions{Since: since, Until: until, Filters: filters.NewArgs(f...)})
	var found []events.Message
	for {
		select {
		case m := <-msgs:
			noise := strings.HasPrefix(string(m.Action), "exec_") || m.Action == "extract-to-dir"
			if !noise || len(f) > 1 {
				found = append(found, m)
			}
		case err := <-errs:
			if err.Error() != "EOF" {
				t.Fatalf("past events: %v", err)
			}
			return found
		}
	}
}

// actions spells events shortly, with the attributes that say the most.
func actions(msgs []events.Message) []string {
	var found []string
	for _, m := range msgs {
		word := string(m.Action)
		for _, key := range []string{"signal", "exitCode", "oldName"} {
			if v := m.Actor.Attributes[key]; v != "" {
				word += " " + v
			}
		}
		found = append(found, word)
	}
	return found
}

// began makes a mark in time: events from here on. In virtual time things happen
// at the same instant, hence the pause.
func began() string {
	time.Sleep(time.Millisecond)
	return time.Now().Format(time.RFC3339Nano)
}

// saw waits until the engine remembers exactly these events since then.
func (s subject) saw(t *testing.T, id, since string, want ...string) {
	t.Helper()
	var got []string
	s.eventually(t, func() bool {
		got = actions(s.past(t, id, since))
		if s.major > 20 && s.major < 29 {
			got = dieFirst(got)
		}
		return slices.Equal(got, want)
	}, func() { t.Errorf("events\n got %q\nwant %q", got, want) })
}

// exitEvents gives die and stop in the engine's order (fact 4.2). Between 20
// and 29 it was not looked at; saw takes either order there.
func (s subject) exitEvents(code string) []string {
	if s.major >= 29 {
		return []string{"stop", "die " + code}
	}
	return []string{"die " + code, "stop"}
}

// dieFirst puts die before a stop just before it.
func dieFirst(actions []string) []string {
	for i := 1; i < len(actions); i++ {
		if actions[i-1] == "stop" && strings.HasPrefix(actions[i], "die ") {
			actions[i-1], actions[i] = actions[i], actions[i-1]
		}
	}
	return actions
}

// eventually asks again for at most 8 s.
func (s subject) eventually(t *testing.T, done func() bool, complain func()) {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < 8*time.Second; time.Sleep(20 * time.Millisecond) {
		if done() {
			return
		}
	}
	complain()
}

func (s subject) inspect(t *testing.T, id string) container.InspectResponse {
	t.Helper()
	in, err := s.cli.ContainerInspect(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func (s subject) awaitHealth(t *testing.T, id, want string) {
	t.Helper()
	got := ""
	s.eventually(t, func() bool {
		got = s.inspect(t, id).State.Health.Status
		return got == want
	}, func() { t.Fatalf("health is %s, want %s", got, want) })
}

func (s subject) awaitStatus(t *testing.T, id, want string) {
	t.Helper()
	got := ""
	s.eventually(t, func() bool {
		got = s.inspect(t, id).State.Status
		return got == want
	}, func() { t.Fatalf("status is %s, want %s", got, want) })
}

// listed gives the names in a list, restricted to one container of this test.
func (s subject) listed(t *testing.T, id string, all bool, f ...filters.KeyValuePair) []container.Summary {
	t.Helper()
	f = append(f, filters.Arg("id", id))
	list, err := s.cli.ContainerList(t.Context(), container.ListOptions{All: all, Filters: filters.NewArgs(f...)})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func seconds(n int) container.StopOptions { return container.StopOptions{Timeout: &n} }
