package main

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// aWeek plays the whole program for a virtual week and counts the messages that
// a chat and a program get. what names something that happens every so often,
// to so many containers.
func aWeek(t *testing.T, containers int, flags, what string, every time.Duration) (chat, program int, titles map[string]int) {
	t.Helper()
	const week = 7 * 24 * time.Hour
	s := &story{t: t, env: []string{"AUTOHEAL_ALERT_URLS=json+http://json.example/hook", "AUTOHEAL_INTERVAL=1m", "LOG_LEVEL=error"}}
	for i := range containers {
		s.parse(strings.Fields(fmt.Sprintf("container web-%d %s", i, flags)))
	}
	for at := time.Minute; at < week; at += every {
		for i := range containers {
			s.steps = append(s.steps, step{at, strings.Fields(fmt.Sprintf(what, i))})
		}
	}
	s.steps = append(s.steps, step{week, []string{"end"}})
	synctest.Test(t, s.play)
	titles = map[string]int{}
	for _, line := range s.lines {
		if _, title, ok := strings.Cut(line, "  slack: "); ok {
			chat++
			titles[title]++
		}
	}
	return chat, s.others["json.example"], titles
}

// TestMessagesOfAWeek: a bad week is a handful of messages.
func TestMessagesOfAWeek(t *testing.T) {
	if testing.Short() {
		t.Log("in short, only the first")
	}
	for _, c := range []struct {
		name       string
		containers int
		flags      string
		what       string
		every      time.Duration
		most       int // messages to a chat
	}{
		{"one that never recovers", 1, "incurable", "sicken web-%d out of disk", 1000 * time.Hour, 15},
		{"one that flaps every 3 min", 1, "", "sicken web-%d hiccup", 3 * time.Minute, 15},
		{"100 that fail together each hour", 100, "slow-probes", "sicken web-%d the disk hangs", time.Hour, 1000},
	} {
		if testing.Short() && c.containers > 1 {
			continue
		}
		chat, program, titles := aWeek(t, c.containers, c.flags, c.what, c.every)
		t.Logf("%s: %d messages to a chat, %d to a program", c.name, chat, program)
		for title, n := range titles {
			t.Logf("  %3d x %s", n, title)
		}
		if chat > c.most || chat == 0 {
			t.Errorf("%s: %d messages, at most %d", c.name, chat, c.most)
		}
	}
}
