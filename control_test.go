package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"defib/heal"
	"defib/status"
)

// TestPauseCommandLine: what is wrong is said before anybody is asked.
func TestPauseCommandLine(t *testing.T) {
	env := []string{"AUTOHEAL_STATE_DIR=" + t.TempDir()}
	for line, want := range map[string]struct {
		code int
		text string
	}{
		"pause":              {exitUsage, "defib pause DURATION"},
		"pause soon":         {exitUsage, `"soon" must be a duration from 1m to 168h`},
		"pause 10s":          {exitUsage, "must be a duration from 1m to 168h"},
		"pause 9000h":        {exitUsage, "must be a duration from 1m to 168h"},
		"pause 30m host:x":   {exitUsage, "only service:NAME and project:NAME are known"},
		"pauses web":         {exitUsage, "defib pause DURATION"},
		"pause --help":       {exitOK, "Exit codes"},
		"resume -h":          {exitOK, "Exit codes"},
		"pause 1800 shop/db": {exitFailed, "no defib answers"},
		"resume":             {exitFailed, "no defib answers"},
		"pauses":             {exitFailed, "no defib answers"},
		"resume project:":    {exitUsage, "a name is missing"},
	} {
		var out bytes.Buffer
		code := command(t.Context(), strings.Fields(line), env, &out, &out)
		if code != want.code || !strings.Contains(out.String(), want.text) {
			t.Errorf("defib %s: %d, want %d and %q in:\n%s", line, code, want.code, want.text, &out)
		}
	}
	var out bytes.Buffer
	if code := command(t.Context(), []string{"pauses"}, nil, &out, &out); code != exitFailed || !strings.Contains(out.String(), "AUTOHEAL_STATE_DIR") {
		t.Errorf("without a folder: %d, %s", code, &out)
	}
}

// TestPauseTable fits a terminal, whatever a name is.
func TestPauseTable(t *testing.T) {
	now := time.Now()
	var out bytes.Buffer
	showPauses(&out, 80, "", status.Report{Pauses: heal.Pauses{
		{Container: strings.Repeat("é\x1b[31m", 50), Until: now.Add(7 * 24 * time.Hour)},
		{Project: "shop", Service: "db", Until: now.Add(time.Hour)},
	}}, now)
	for line := range strings.Lines(out.String()) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 || strings.Contains(line, "\x1b") {
			t.Errorf("%d wide: %q", n, line)
		}
	}
	if !strings.Contains(out.String(), "shop/db") {
		t.Error(out.String())
	}
}
