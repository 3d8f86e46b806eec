// Package enginelock keeps the tests of two packages from using this machine's
// Docker engine at the same time: "go test ./..." runs packages side by side,
// an engine remembers only 256 events, and each probe of a test's container
// makes three. What one package asks for of the past another would push out.
package enginelock

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Take waits until no other process holds the engine, and takes it. It is
// released by release, or by the end of the process.
func Take() (release func(), err error) {
	path := filepath.Join(os.TempDir(), "defib-tests-engine.lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the engine %s: %w", path, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock the engine by %s: %w", path, err)
	}
	return func() { _ = f.Close() }, nil // which unlocks it
}
