package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"defib/status"
)

// watchEvery is how often "defib status --watch" asks.
const watchEvery = 2 * time.Second

// watchStatus shows what changes until ctx is done: drawn anew on a terminal, a
// line for each change elsewhere. A defib that goes away is waited for.
func watchStatus(ctx context.Context, c call, client *status.Client, s snapshot, all bool, every time.Duration) {
	_, _, terminal := terminalSize(c.stdout)
	timer := time.NewTicker(every)
	defer timer.Stop()
	var err error
	spoken := speaker{c: c}
	for {
		if now := time.Now(); terminal {
			draw(c, s, err, all, now)
		} else {
			spoken.say(s.lines(err), now)
		}
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		var next snapshot
		if next, err = take(ctx, client); err == nil {
			s = next
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// speaker prints the lines that were not true before.
type speaker struct {
	c      call
	before []string
}

func (p *speaker) say(lines []string, now time.Time) {
	width := widthFor(p.c.stdout, p.c.environ)
	for _, line := range lines {
		if !slices.Contains(p.before, line) {
			say(p.c.stdout, width, now.Local().Format(time.TimeOnly)+" ", line)
		}
	}
	p.before = lines
}

// draw draws a terminal anew: over what is there, so that nothing flickers.
func draw(c call, s snapshot, err error, all bool, now time.Time) {
	var text bytes.Buffer
	width := widthFor(c.stdout, c.environ)
	fmt.Fprintf(&text, "%s, every %s; Ctrl-C ends this\n", now.Local().Format("2006-01-02 15:04:05 MST"), lasting(watchEvery))
	if err != nil {
		say(&text, width, "", "Not known any more: "+err.Error()+". What follows is old.")
	}
	s.print(&text, width, all, now)
	_, height, _ := terminalSize(c.stdout)
	_, _ = io.WriteString(c.stdout, screenful(text.String(), height))
}

// screenful makes of a text what draws it on a terminal of so many lines: what
// does not fit is left out.
func screenful(text string, height int) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if height > 1 && len(lines) > height-1 {
		left := len(lines) - height + 2
		lines = append(lines[:height-2], fmt.Sprintf("... and %s", counted(left, "more line", "")))
	}
	// Home; each line is cleared first, since clearing behind a full one would
	// take its last character; then the rest of the screen.
	return "\x1b[H\x1b[K" + strings.Join(lines, "\n\x1b[K") + "\n\x1b[J"
}

// lines gives what there is to say, a line each, in words that change only when
// there is news.
func (s *snapshot) lines(err error) []string {
	if err != nil {
		return []string{err.Error()}
	}
	lines := []string{s.summary()}
	if e := s.Engine; !e.OK { // why holds for how long, which changes each time
		lines[0] = "defib cannot do its work: " + cmp.Or(e.Trouble, "see defib status")
	}
	for _, in := range s.Incidents {
		lines = append(lines, in.Title)
	}
	for _, c := range s.Containers {
		if !inTrouble(c) {
			continue
		}
		line := c.Name + ": " + stateOf(c) + ", " + c.Phase
		if c.Restart > 0 {
			line += fmt.Sprintf(", %d of %d restarts used", c.Restart, c.Budget)
		}
		if c.Hold != "" {
			line += ", " + c.Hold
		}
		if c.NextAt != nil {
			line += ", next at " + c.NextAt.Local().Format(time.TimeOnly)
		}
		lines = append(lines, line)
	}
	for _, r := range s.deaf() {
		lines = append(lines, receiverText(r)+": "+r.Trouble)
	}
	for _, p := range s.Engine.Pauses {
		lines = append(lines, "paused until "+p.Until.Local().Format("2006-01-02 15:04")+": "+p.What)
	}
	return lines
}
