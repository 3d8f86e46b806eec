package watcher

import (
	"slices"
	"strings"
	"testing"
	"time"

	"defib/heal"
)

func TestSelection(t *testing.T) {
	for _, c := range []struct {
		variable, labels string
		watched          bool
	}{
		{"autoheal", "autoheal=true", true},
		{"autoheal", "autoheal=True", true},
		{"autoheal", "autoheal=1", true},
		{"autoheal", "autoheal=yes", true},
		{"autoheal", "", false},
		{"autoheal", "autoheal=false", false},
		{"autoheal", "autoheal=", false},
		{"autoheal", "autoheal=treu", false},
		{"all", "", true},
		{"ALL", "", true},
		{"all", "autoheal=true", true},
		{"all", "autoheal=False", false},
		{"all", "autoheal=false", false},
		{"all", "autoheal=FALSE", false},
		{"all", "autoheal=0", false},
		{"all", "autoheal=no", false},
		{"all", "autoheal=off", false},
		{"all", "autoheal= off ", false},
		{"all", "autoheal=flase", false}, // not understood: better left alone
		{"com.acme.heal", "com.acme.heal=true", true},
		{"com.acme.heal", "autoheal=true", false},
		{"com.acme.heal", "com.acme.heal=true autoheal=off", false},
		{"tier=web", "tier=web", true},
		{"tier=web", "tier=db", false},
		{"tier=web", "tier=web autoheal=no", false},
		{"autoheal=prod", "autoheal=prod", true},
		{"autoheal=prod", "autoheal=true", false},
	} {
		s, err := ParseSelection(c.variable)
		if err != nil {
			t.Fatalf("%s: %v", c.variable, err)
		}
		watched, why := s.choose(labelsOf(c.labels))
		if watched != c.watched || why == "" {
			t.Errorf("%s with %q: watched %v because %q; want %v", c.variable, c.labels, watched, why, c.watched)
		}
	}
}

// labelsOf reads labels separated by single spaces; "x= off " keeps its own.
func labelsOf(text string) map[string]string {
	labels := map[string]string{}
	for _, l := range strings.Split(text, " ") {
		if k, v, ok := strings.Cut(l, "="); ok {
			labels[k] = v
		} else if l == "off" {
			labels["autoheal"] = " off "
		}
	}
	return labels
}

func TestSelectionRefusesNonsense(t *testing.T) {
	for _, text := range []string{"", "=true", "a b", "x=", "a,b"} {
		if s, err := ParseSelection(text); err == nil {
			t.Errorf("%q was taken as %+v", text, s)
		}
	}
}

func TestPolicyFromLabels(t *testing.T) {
	base := heal.Policy{StopTimeout: -1}
	for _, c := range []struct {
		labels map[string]string
		want   heal.Policy
		wrong  string // part of what is said; empty: nothing
	}{
		{map[string]string{"autoheal.stop.timeout": "20"}, heal.Policy{StopTimeout: 20 * time.Second}, ""},
		{map[string]string{"autoheal.stop.timeout": "1m30s"}, heal.Policy{StopTimeout: 90 * time.Second}, ""},
		{map[string]string{"autoheal.stop.timeout": "0"}, heal.Policy{}, ""},
		{map[string]string{"autoheal.stop.timeout": ""}, base, ""}, // docker-autoheal: the engine's default
		{map[string]string{"autoheal.stop.timeout": "-1"}, base, "autoheal.stop.timeout=-1 is ignored"},
		{map[string]string{"autoheal.stop.timeout": "ten"}, base, "must be seconds or a duration"},
		{map[string]string{"autoheal.stop.timeout": "1e300"}, base, "is ignored"},
		{map[string]string{"autoheal.action": "STOP"}, heal.Policy{Treatment: heal.TreatStop, StopTimeout: -1}, ""},
		{map[string]string{"autoheal.action": "reboot"}, base, "must be restart, stop, notify or none"},
		{map[string]string{"autoheal.stoptimeout": "5"}, base, "label autoheal.stoptimeout does not exist: autoheal.stop.timeout does"},
		{map[string]string{"autoheal": "ture"}, base, "neither true nor false"},
		{map[string]string{"autoheal.start-exited": "Yes"}, heal.Policy{StartExited: true, StopTimeout: -1}, ""},
		{map[string]string{"autoheal.start-exited": "false"}, base, ""},
		{map[string]string{"autoheal.start-exited": "ever"}, base, "autoheal.start-exited=ever is ignored"},
		{map[string]string{"autoheal.start-exited": "true", "com.docker.compose.oneoff": "True"}, base, ""},
		{map[string]string{"org.label": "x", "autohealing": "x"}, base, "label autohealing does not exist"},
		{map[string]string{"autoheal.stop.timeout": strings.Repeat("9", 200<<10)}, base, "is ignored"},
	} {
		got, wrong := Selection{All: true}.policyFor(base, c.labels)
		said := strings.Join(wrong, "; ")
		if got != c.want {
			t.Errorf("%.60v: %+v; want %+v", c.labels, got, c.want)
		}
		if !strings.Contains(said, c.wrong) || (c.wrong == "") != (said == "") || len(said) > 1000 {
			t.Errorf("%.60v: said %.300q; want %q", c.labels, said, c.wrong)
		}
	}
	task, _ := Selection{All: true}.policyFor(base, map[string]string{"com.docker.swarm.task.id": "x", "autoheal.action": "restart"})
	if task.Treatment != heal.TreatNotify || task.Detail == "" {
		t.Errorf("a Swarm task is treated with %s, %q", task.Treatment, task.Detail)
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"5": 5 * time.Second, "0.5": 500 * time.Millisecond, " 1m ": time.Minute, "0": 0, "-3": -3 * time.Second, "1h30m": 90 * time.Minute,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%q: %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "abc", "1x", "1e300", "NaN", "inf", "5 s"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q was taken as %s", text, got)
		}
	}
}

// FuzzLabels: whatever the labels, a policy comes out that is in its limits.
func FuzzLabels(f *testing.F) {
	f.Add("autoheal.stop.timeout", "10", "autoheal.action", "stop")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string) {
		labels := map[string]string{k1: v1, k2: v2}
		p, wrong := Selection{All: true}.policyFor(heal.Policy{StopTimeout: -1}, labels)
		if p.StopTimeout < -1 || p.StopTimeout > maxStopTimeout || p.Treatment > heal.TreatNone {
			t.Errorf("%q: %+v", labels, p)
		}
		if !slices.IsSorted(wrong) || len(strings.Join(wrong, "")) > 2000 {
			t.Errorf("%q: said too much: %q", labels, wrong)
		}
	})
}
