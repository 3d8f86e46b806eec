package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"defib/bench/rig"
)

// No process can be given a wall clock of its own: the kernel has namespaces
// for other clocks only, and a static binary cannot be made to load another
// time. So the defib whose clock jumps is built of the same source with one
// change in Go's own time.Now, from here. Its stopwatch (the monotonic reading)
// goes on, as it does on a machine whose clock is set.

const (
	nowReads = "	sec, nsec, mono := runtimeNow()\n"
	nowJumps = nowReads + "	if mono-startNano > jumpAfter {\n		sec += jumpBy\n	}\n"
	jumpVars = `
// When and by how much the wall clock jumps.
var jumpAfter, jumpBy = jumpSettings()

func jumpSettings() (after, by int64) {
	text, _ := syscall.Getenv("FAULTS_JUMP_AFTER")
	a, _ := ParseDuration(text)
	text, _ = syscall.Getenv("FAULTS_JUMP_BY")
	b, _ := ParseDuration(text)
	return int64(a), int64(b / Second)
}
`
)

// buildJumping builds it.
func buildJumping(ctx context.Context, source, scratch string) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("find Go's own source: %w", err)
	}
	original := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	text, err := os.ReadFile(original)
	if err != nil {
		return "", fmt.Errorf("read Go's own source: %w", err)
	}
	changed := strings.Replace(string(text), nowReads, nowJumps, 1)
	changed = strings.Replace(changed, "	\"math/bits\"\n", "	\"math/bits\"\n	\"syscall\"\n", 1)
	if strings.Count(changed, "jumpBy") != 1 || strings.Count(changed, `"syscall"`) != 1 {
		return "", errors.New("build a defib whose clock jumps: this Go's time.Now reads otherwise")
	}
	out := filepath.Join(scratch, "jumping")
	if err := os.MkdirAll(out, 0o700); err != nil {
		return "", fmt.Errorf("make a folder to build in: %w", err)
	}
	replacement, overlay := filepath.Join(out, "time.go"), filepath.Join(out, "overlay.json")
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{original: replacement}})
	if err == nil {
		err = os.WriteFile(overlay, list, 0o600)
	}
	if err == nil {
		err = os.WriteFile(replacement, []byte(changed+jumpVars), 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("write Go's changed source: %w", err)
	}
	return rig.Build(ctx, source, out, "-overlay", overlay) //nolint:wrapcheck // it says what was built
}
