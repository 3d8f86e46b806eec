//go:build linux

package main

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestUnmapProgram: what the program's file takes of the memory is less
// afterwards, and it goes on.
func TestUnmapProgram(t *testing.T) {
	resident := func() int {
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(status), "RssFile:")
		field := strings.Fields(rest)
		if len(field) < 2 || field[1] != "kB" {
			t.Fatalf("no RssFile in %q", status)
		}
		n, err := strconv.Atoi(field[0])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := resident()
	unmapProgram()
	if after := resident(); after > before*3/4 {
		t.Errorf("%d kB of the program's file are resident; before it were %d", after, before)
	}
}
