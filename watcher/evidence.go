package watcher

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"time"

	"defib/heal"
)

// The limits of evidence.
const (
	maxProbes = 5 // the engine keeps no more
	// maxProbeOutput is in bytes. The engine keeps four times that; the memory
	// must not, for hundreds that are unhealthy at once.
	maxProbeOutput = 1000
	maxLog         = 64 << 10 // bytes of a container's log
	maxLogLine     = 1000     // bytes
	// logTimeout is how long a restart waits at most for the container's log.
	logTimeout = 3 * time.Second
)

// takeEvidence keeps what an inspection tells, until the next one.
func (w *Watcher) takeEvidence(e *entry, seen inspection) {
	if seen.Status != heal.StatusRunning && seen.Status != heal.StatusExited {
		return
	}
	v := &heal.Evidence{
		At: time.Now(), Streak: seen.Streak, Attempt: e.state.Made, PolicyRestarts: seen.PolicyRestarts,
		ExitCode: seen.ExitCode, OOMKilled: seen.OOMKilled, Image: seen.container.Image, Probes: seen.probes,
	}
	if up := w.engineNow().Sub(seen.StartedAt); up > 0 && !seen.StartedAt.IsZero() && seen.Status == heal.StatusRunning {
		v.Uptime = up
	}
	// What was seen after an act must not take the place of what was seen before it.
	if seen.Health == heal.Unhealthy || seen.Status == heal.StatusExited {
		e.evidence = v
	}
}

// takeLog adds the last lines of the container's log, if that is asked for. It
// runs in the worker that acts next, and never stops that.
func (w *Watcher) takeLog(ctx context.Context, id string, into *heal.Evidence) {
	eng := w.engine.Load()
	if w.o.LogLines == 0 || eng == nil || into == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	lines, err := eng.logTail(ctx, id, w.o.LogLines)
	if err != nil {
		into.LogError = plain(err)
	}
	into.Log = lines
}

// unframed takes the output of a container without a terminal out of the
// engine's frames: stream, three zeros, length, text (the API's "attach"). What
// is not framed is as it is.
func unframed(text []byte) []byte {
	var plain []byte
	for rest := text; len(rest) > 0; {
		if len(rest) < 8 || rest[0] > 2 || rest[1]|rest[2]|rest[3] != 0 {
			if plain == nil {
				return text // of a container with a terminal
			}
			return plain // cut off in mid-frame
		}
		n := int(min(uint64(binary.BigEndian.Uint32(rest[4:8])), uint64(len(rest)-8)))
		plain = append(plain, rest[8:8+n]...)
		rest = rest[8+n:]
	}
	return plain
}

// lastLines gives the last n lines of a text, in valid UTF-8.
func lastLines(text []byte, n int) []string {
	var lines []string
	for line := range bytes.Lines(text) {
		lines = append(lines, cut(strings.ToValidUTF8(strings.TrimRight(string(line), "\r\n"), "\uFFFD"), maxLogLine))
	}
	return lines[max(0, len(lines)-n):]
}
