package watcher

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"defib/heal"
)

func framed(stream byte, text string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{stream, 0, 0, 0}, uint32(len(text))), text...)
}

func TestLogText(t *testing.T) {
	two := append(framed(1, "one\n"), framed(2, "two\n")...)
	for name, c := range map[string]struct {
		in   []byte
		want []string
	}{
		"both streams":        {two, []string{"one", "two"}},
		"cut in mid-frame":    {two[:len(two)-2], []string{"one", "tw"}},
		"cut in a header":     {two[:15], []string{"one"}},
		"a terminal":          {[]byte("a\r\nb\r\n"), []string{"a", "b"}},
		"binary":              {framed(1, "\xff\xfe\x00\n"), []string{"\uFFFD\x00"}},
		"a length that lies":  {append([]byte{1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, "x\n"...), []string{"x"}},
		"nothing":             {nil, nil},
		"the last three only": {framed(1, "1\n2\n3\n4\n5\n"), []string{"3", "4", "5"}},
	} {
		text, err := logText(bytes.NewReader(c.in))
		if got := lastLines(text, 3); !slices.Equal(got, c.want) || err != nil {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
	if got := lastLines([]byte(strings.Repeat("é", 5000)), 3); len(got[0]) > maxLogLine+3 || !utf8.ValidString(got[0]) {
		t.Errorf("a long line has %d bytes", len(got[0]))
	}
}

// TestTheEndOfALongLog: of a log longer than what is kept the end is kept, in
// whole lines; and what came before the connection broke is not lost.
func TestTheEndOfALongLog(t *testing.T) {
	var text []byte
	for n := range 200 {
		text = append(text, framed(byte(1+n%2), fmt.Sprintf("%03d %s\n", n, strings.Repeat("x", 990)))...)
	}
	kept, err := logText(bytes.NewReader(text))
	lines := lastLines(kept, 200)
	if err != nil || len(kept) > maxLog || !strings.HasPrefix(lines[len(lines)-1], "199 ") || !strings.HasPrefix(lines[0], "135 ") {
		t.Errorf("%d bytes, %d lines, from %.10q to %.10q, %v", len(kept), len(lines), lines[0], lines[len(lines)-1], err)
	}
	kept, err = logText(io.MultiReader(bytes.NewReader(framed(1, "one\n")), iotest.ErrReader(os.ErrDeadlineExceeded)))
	if !errors.Is(err, os.ErrDeadlineExceeded) || string(kept) != "one\n" {
		t.Errorf("%q, %v", kept, err)
	}
}

// TestAnIncidentsFileIsSmall: not even binary logs, of which each byte takes six
// in JSON, make a file larger than its limit, and the notices stay.
func TestAnIncidentsFileIsSmall(t *testing.T) {
	dir := t.TempDir()
	var all []heal.Notice
	for n := range 12 {
		notice := noticeOf("one", n)
		notice.Evidence.Log = slices.Repeat([]string{strings.Repeat("\x00", 327)}, 200)
		notice.Evidence.Probes = slices.Repeat([]heal.ProbeRun{{Output: strings.Repeat("\x00", maxProbeOutput)}}, maxProbes)
		all = append(all, notice)
	}
	for _, many := range []int{1, 2, 12} {
		keep(t, dir, zerolog.Nop(), all[:many]...)
		path := filepath.Join(dir, incidentsDir, "one.json")
		info, err := os.Stat(path)
		if err != nil || info.Size() > maxIncidentFile {
			t.Fatalf("%d notices: %v, %v", many, info, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if len(all[11].Evidence.Log) != 200 {
		t.Error("the alert's evidence was cut as well")
	}
}

// TestEvidenceIsNotRepeated: a restart that fails for days is told of again and
// again, with the evidence of its one act.
func TestEvidenceIsNotRepeated(t *testing.T) {
	dir := t.TempDir()
	n := noticeOf("one", 1)
	keep(t, dir, zerolog.Nop(), n, n)
	keep(t, dir, zerolog.Nop(), n)
	in, err := readIncident(filepath.Join(dir, incidentsDir, "one.json"))
	if err != nil || len(in.Happenings) != 3 || in.Happenings[0].Evidence == nil || in.Happenings[1].Evidence != nil || in.Happenings[2].Evidence != nil {
		t.Errorf("%+v, %v", in, err)
	}
}

// TestLeftoversGo: what a kill left half-written is removed at the next start,
// and what is no file of ours is not waited for.
func TestLeftoversGo(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, incidentsDir)
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "old.json.new"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(folder, "one.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	keep(t, dir, zerolog.Nop())
	if _, err := os.Stat(filepath.Join(folder, "old.json.new")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	keep(t, dir, zerolog.Nop(), noticeOf("one", 1))
	if in, err := readIncident(filepath.Join(folder, "one.json")); err != nil || len(in.Happenings) != 1 {
		t.Errorf("%+v, %v", in, err)
	}
}

// TestEvidenceIsOfItsRun: a verdict on a container that is still starting has
// none, since what was kept is of the run before its restart.
func TestEvidenceIsOfItsRun(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for _, c := range []struct {
		reason heal.Reason
		age    time.Duration
		want   bool
	}{
		{heal.Restarted, time.Minute, true}, {heal.RestartFailed, time.Hour, true}, {heal.Quarantined, time.Minute, true},
		{heal.StillUnhealthy, 0, true}, {heal.StillUnhealthy, time.Minute, false},
		{heal.GaveUp, 0, true}, {heal.GaveUp, time.Minute, false},
		{heal.Recovered, 0, false}, {heal.Followed, 0, false}, {heal.OutOfMemory, 0, false}, {heal.ExitedByItself, 0, false},
	} {
		e := &entry{evidence: &heal.Evidence{At: now.Add(-c.age)}}
		if got := e.evidenceFor(heal.Notice{Reason: c.reason, At: now}) != nil; got != c.want {
			t.Errorf("%s, %s after it was taken: evidence is told: %t", c.reason, c.age, got)
		}
	}
}

// noticeOf makes a notice of an incident.
func noticeOf(incident string, n int) heal.Notice {
	return heal.Notice{
		Reason: heal.StillUnhealthy, Incident: incident, At: time.Unix(int64(1_800_000_000+n), 0), Attempt: n,
		Container: heal.Container{Name: "web"}, Evidence: &heal.Evidence{At: time.Unix(int64(n), 0), Streak: n, Probes: []heal.ProbeRun{{Output: "\x1b[31m no"}}},
	}
}

// keep writes notices as a running watcher does.
func keep(t *testing.T, dir string, log zerolog.Logger, notices ...heal.Notice) {
	t.Helper()
	i := newIncidents(dir, log)
	closed := i.open()
	for _, n := range notices {
		for len(i.in) > 200 {
			time.Sleep(time.Millisecond) // a person's pace is slower than a test's
		}
		i.note(n)
	}
	for len(i.in) > 0 {
		time.Sleep(time.Millisecond) // closed waits for a second only, and a disk may be slow
	}
	closed()
}

func TestIncidentsAreKept(t *testing.T) {
	dir := t.TempDir()
	var all []heal.Notice
	for n := range maxIncidents + 5 {
		all = append(all, noticeOf(fmt.Sprintf("a-%d", n), n))
	}
	keep(t, dir, zerolog.Nop(), all...)
	files, err := filepath.Glob(filepath.Join(dir, incidentsDir, "*.json"))
	if err != nil || len(files) != maxIncidents {
		t.Errorf("%d files of %d incidents, %v", len(files), len(all), err)
	}
	info, err := os.Stat(files[0])
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
}

// TestAnIncidentIsBounded: its beginning and its end are kept, over a restart
// of defib too.
func TestAnIncidentIsBounded(t *testing.T) {
	dir := t.TempDir()
	for half := range 2 {
		var all []heal.Notice
		for n := range 50 {
			all = append(all, noticeOf("one", 50*half+n))
		}
		keep(t, dir, zerolog.Nop(), all...)
	}
	text, err := os.ReadFile(filepath.Join(dir, incidentsDir, "one.json"))
	if err != nil {
		t.Fatal(err)
	}
	var in incident
	if err := json.Unmarshal(text, &in); err != nil {
		t.Fatal(err)
	}
	n := len(in.Happenings)
	if n != maxHappenings || in.Left != 60 || in.Happenings[0].Attempt != 0 || in.Happenings[n-1].Attempt != 99 {
		t.Errorf("%d happenings, %d left out, from %d to %d", n, in.Left, in.Happenings[0].Attempt, in.Happenings[n-1].Attempt)
	}
	if in.Happenings[n-1].Evidence.Streak != 99 {
		t.Errorf("the evidence is lost: %+v", in.Happenings[n-1].Evidence)
	}
}

// TestIncidentsWithoutADisk: a folder that cannot be is said once and stops nothing.
func TestIncidentsWithoutADisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	keep(t, dir, zerolog.New(&log), noticeOf("one", 1), noticeOf("one", 2), noticeOf("../../etc/passwd", 3))
	if n := strings.Count(log.String(), "cannot be written"); n != 1 {
		t.Errorf("said %d times:\n%s", n, log.String())
	}
}

// TestIncidentNames: an id that could leave the folder is no file's name.
func TestIncidentNames(t *testing.T) {
	dir := t.TempDir()
	keep(t, dir, zerolog.Nop(), noticeOf("../evil", 1), noticeOf("a/b", 2), noticeOf("", 3), noticeOf("A b", 4))
	if files, _ := os.ReadDir(filepath.Join(dir, incidentsDir)); len(files) > 0 {
		t.Errorf("written: %v", files)
	}
}
