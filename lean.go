package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"
)

// started is how long after its start defib has done what it does only once.
const started = 10 * time.Second

// stayLean keeps the garbage of a burst small and gives its memory back soon:
// the runtime alone would keep some megabytes for good. What defib really holds
// is less than one. The pages of its own program that the start or a burst
// needed are given back as well.
func stayLean(ctx context.Context) {
	debug.SetGCPercent(50)
	timer := time.NewTimer(started)
	defer timer.Stop()
	for begun := false; ; begun = true {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		burst := m.HeapIdle-m.HeapReleased > 1<<20
		if burst {
			debug.FreeOSMemory()
		}
		if burst || !begun {
			unmapProgram()
		}
		timer.Reset(time.Minute)
	}
}
