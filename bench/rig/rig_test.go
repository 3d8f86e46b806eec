package rig_test

import (
	"slices"
	"testing"
	"time"

	"defib/bench/rig"
	"defib/internal/dockertest"
)

// TestRig: a defib that is built here heals a container of the simulated
// engine, tells of it, and its usage can be read.
func TestRig(t *testing.T) {
	program, err := rig.Build(t.Context(), "../..", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h, err := rig.NewHost(dockertest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	h.Engine.Run(dockertest.Spec{
		Name: "web", StopTimeout: 900 * time.Millisecond,
		Health: &dockertest.Health{Interval: 50 * time.Millisecond, Retries: 1, HealedByRestart: true},
	})
	p, err := h.Start(program, "AUTOHEAL_CONTAINER_LABEL=all")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if err := p.AwaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.Engine.Sicken("web", "no answer"); err != nil {
		t.Fatal(err)
	}
	told := func() []string {
		alerts, err := h.Inbox.Alerts()
		if err != nil {
			t.Fatal(err)
		}
		var status []string
		for _, a := range alerts {
			if a.Container.Name == "web" {
				status = append(status, a.Status)
			}
		}
		return status
	}
	for until := time.Now().Add(time.Minute); len(told()) < 2 && time.Now().Before(until); {
		time.Sleep(10 * time.Millisecond)
	}
	if got := told(); !slices.Equal(got, []string{"firing", "resolved"}) {
		t.Errorf("told: %q\n%s", got, p.Log())
	}
	if u, err := p.Usage(); err != nil || u.CPU <= 0 || u.Anonymous <= 0 || u.Resident <= u.Anonymous || u.Peak < u.Resident {
		t.Errorf("usage: %+v, %v", u, err)
	}
	if h.Sent() == 0 {
		t.Error("the engine has sent nothing")
	}
	if u, err := p.Stop(); err != nil || u.CPU <= 0 || u.Peak <= 0 {
		t.Errorf("stopped: %+v, %v", u, err)
	}
}
