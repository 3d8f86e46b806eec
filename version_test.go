package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

// TestMadeFrom: the linker's word counts, then what Go found in the checkout.
func TestMadeFrom(t *testing.T) {
	checkout := &debug.BuildInfo{Settings: []debug.BuildSetting{
		{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"},
	}}
	changed := &debug.BuildInfo{Settings: append(checkout.Settings[:3:3], debug.BuildSetting{Key: "vcs.modified", Value: "true"})}
	for _, c := range []struct {
		commit, date string
		info         *debug.BuildInfo
		from, at     string
	}{
		{"", "", nil, "unknown", "unknown"},
		{"", "", &debug.BuildInfo{}, "unknown", "unknown"},
		{"", "", checkout, "abc", "2026-01-02T03:04:05Z"},
		{"", "", changed, "abc, with changes", "2026-01-02T03:04:05Z"},
		{"def", "2026-05-06T07:08:09Z", changed, "def", "2026-05-06T07:08:09Z"},
		{"def", "", changed, "def", "unknown"}, // not another commit's date
	} {
		if from, at := madeFrom(c.commit, c.date, c.info); from != c.from || at != c.at {
			t.Errorf("%q of %q and %+v: %q of %q; want %q of %q", c.commit, c.date, c.info, from, at, c.from, c.at)
		}
	}
}

// TestVersionOfABuild: a program built as the Dockerfile does says what it was
// told to.
func TestVersionOfABuild(t *testing.T) {
	file, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"version=$VERSION", "commit=$REVISION", "date=$CREATED"} {
		if !strings.Contains(string(file), "-X main."+name) {
			t.Errorf("the Dockerfile does not set main.%s", name)
		}
	}
	path := filepath.Join(t.TempDir(), "defib")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path,
		"-ldflags", "-X main.version=1.2.3 -X main.commit=abc -X main.date=2026-01-02T03:04:05Z", ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	out, err := exec.CommandContext(context.WithoutCancel(t.Context()), path, "version").Output()
	want := "defib 1.2.3\ncommit  abc\ndate    2026-01-02T03:04:05Z\ngo      go1."
	if err != nil || !strings.HasPrefix(string(out), want) {
		t.Errorf("%v, %s; want %s", err, out, want)
	}
}
