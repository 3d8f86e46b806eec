package main

import (
	"os"
	"strings"
	"testing"
)

// TestWhereItRemembers: in /data in the image, nowhere elsewhere, and nowhere
// where somebody empties the variable.
func TestWhereItRemembers(t *testing.T) {
	for environ, want := range map[string]string{"": "", "AUTOHEAL_STATE_DIR=": "", "AUTOHEAL_STATE_DIR=/data": "/data"} {
		c, _, wrong := load([]string{environ})
		o, err := watcherOptions(c)
		if len(wrong) > 0 || err != nil || o.StateDir != want {
			t.Errorf("%q: %q, %v, %v; want %q", environ, o.StateDir, wrong, err, want)
		}
	}
	image, err := os.ReadFile("Dockerfile")
	if err != nil || !strings.Contains(string(image), "\nENV AUTOHEAL_STATE_DIR=/data\n") {
		t.Errorf("the image does not set it: %v", err)
	}
}
