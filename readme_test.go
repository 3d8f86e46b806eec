package main

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"defib/watcher"
)

// TestReadmeTable holds the README's table of settings against the code.
func TestReadmeTable(t *testing.T) {
	const begin, end = "<!-- settings: written by \"go test . -update\", held by \"go test .\" -->\n", "<!-- end of settings -->"
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	got, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatal("README.md has no place for the table of settings")
	}
	want := settingsTable()
	if *update {
		if err := os.WriteFile("README.md", []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("the README's table is not that of the code: run go test . -update and read the difference\n%s", firstDifference(got, want))
	}
}

func settingsTable() string {
	var b strings.Builder
	b.WriteString("\n| variable | default | meaning |\n|---|---|---|\n")
	for _, f := range fieldsOf(reflect.ValueOf(&config{}).Elem()) {
		preset := f.preset
		if preset != "" {
			preset = "`" + preset + "`"
		}
		name := "`" + f.name + "`"
		if f.secret {
			name += ", `" + f.name + "_FILE`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, preset, f.help)
	}
	b.WriteString("\n| label | meaning |\n|---|---|\n")
	for _, l := range labels() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", l.name, l.help)
	}
	b.WriteString("\n")
	return b.String()
}

// TestLabelsAreDescribed: every label that is read has a line in the help and
// the table, and no other has.
func TestLabelsAreDescribed(t *testing.T) {
	var names []string
	for _, l := range labels() {
		names = append(names, l.name)
	}
	if !reflect.DeepEqual(names, watcher.Labels()) {
		t.Errorf("described: %v; read: %v", names, watcher.Labels())
	}
}
