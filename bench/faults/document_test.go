package main

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestDocument: docs/faults.md has a row for each fault, and no others.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	var told, known []string
	for line := range strings.Lines(string(text)) {
		if name, rest, found := strings.Cut(strings.TrimPrefix(line, "| "), "<br>"); found && strings.HasPrefix(line, "| ") {
			told = append(told, name)
			if n := strings.Count(rest, " | "); n != len(heads())-1 {
				t.Errorf("%s: %d cells; want %d", name, n+1, len(heads()))
			}
		}
	}
	for _, f := range everything() {
		known = append(known, f.name)
	}
	if !slices.Equal(told, known) {
		t.Errorf("docs/faults.md tells of\n%s\nand the faults are\n%s\nrun: go run ./bench/faults -o docs/faults.md",
			strings.Join(told, "\n"), strings.Join(known, "\n"))
	}
}
