package main

import (
	"testing"
	"time"

	"defib/status"
)

func TestLasting(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 90 * time.Millisecond: "90ms", 1500 * time.Millisecond: "2s", 30 * time.Second: "30s", 90 * time.Second: "1m30s", 30 * time.Minute: "30m",
		time.Hour: "1h", 90*time.Minute + 29*time.Second: "1h30m", 6 * time.Hour: "6h", 10 * time.Second: "10s", 100 * time.Minute: "1h40m", 60 * time.Hour: "60h",
	} {
		if got := lasting(d); got != want {
			t.Errorf("%v: %s; want %s", d, got, want)
		}
	}
}

func TestInTrouble(t *testing.T) {
	for _, c := range []struct {
		c    status.Container
		want bool
	}{
		{status.Container{Watched: true, Phase: "steady", Health: "healthy"}, false},
		{status.Container{Watched: true, Phase: "steady", Health: "unhealthy"}, true},
		{status.Container{Watched: true, Phase: "recovering", Health: "healthy"}, true},
		{status.Container{Watched: true, Phase: "steady", Incident: "1"}, true},
		{status.Container{Phase: "steady", Health: "unhealthy"}, false},
	} {
		if got := inTrouble(c.c); got != c.want {
			t.Errorf("%+v: %v", c.c, got)
		}
	}
}

func TestTimesForPeople(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for got, want := range map[string]string{
		clockTime(now.Add(time.Hour), now):                            "13:00:00",
		clockTime(now.Add(13*time.Hour), now):                         "2026-03-02 01:00",
		when(now.Add(90*time.Second), now):                            "at 12:01:30, in 1m30s",
		when(now.Add(-time.Minute), now):                              "now",
		ago(now.Add(-90*time.Second), now):                            "11:58:30 (1m30s ago)",
		ago(now.Add(time.Second), now):                                "12:00:01 (0s ago)", // a clock that was set back
		counted(1, "container", "are"):                                "1 container is",
		counted(2, "container", "are"):                                "2 containers are",
		counted(0, "restart", ""):                                     "0 restarts",
		counted(1, "restart", "were"):                                 "1 restart was",
		sentence("label x does not exist"):                            "Label x does not exist.",
		sentence("Done."):                                             "Done.",
		stateOf(status.Container{State: "paused", Health: "healthy"}): "paused",
		stateOf(status.Container{State: "running"}):                   "running",
		stateOf(status.Container{}):                                   "unknown",
	} {
		if got != want {
			t.Errorf("%q; want %q", got, want)
		}
	}
}
