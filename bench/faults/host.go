package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// hosts are faults of the machine: its clocks and its disk.
func hosts() []fault {
	jump := func(d time.Duration) step { return simply(func(s *stage) { s.Engine.Jump(d) }) }
	const far = 3 * time.Hour
	return []fault{
		{
			name: "the engine's clock jumps 3 h ahead", said: "NTP came late.",
			breaks: all(jump(far), sicken),
		},
		{
			name: "the engine's clock jumps 3 h back", said: "NTP came late.",
			breaks: all(jump(-far), sicken),
		},
		{
			name: "the engine's clock jumps 3 h back, and the stream is cut", said: "Its newest event is from the future.",
			breaks: all(jump(-far), simply(func(s *stage) { s.Engine.CutStreams(true) }), sicken),
		},
		{
			name: "the engine's clock jumps 3 h back, and events are lost", said: "Its containers start in the future.", long: true,
			breaks: all(jump(-far), simply(func(s *stage) { s.Engine.DropEvents(true) }), afterList, sicken),
			goal:   goal{within: nextList + 3*time.Second},
		},
		{
			name: "the engine's clock is 3 h behind defib's from the start", said: "The engine is another machine.",
			arrange: jump(-far), breaks: sicken,
		},
		jumps("defib's clock jumps 3 h ahead, then the container falls ill", far, time.Second, 0),
		jumps("defib's clock jumps 3 h back, then the container falls ill", -far, time.Second, 0),
		jumps("defib's clock jumps 3 h ahead within a back-off", far, 6*time.Second, 20*time.Second),
		jumps("defib's clock jumps 3 h back within a back-off", -far, 6*time.Second, 20*time.Second),
		{
			name: "the disk is full", said: "No space left on device, for defib too.", root: true, goal: goal{logged: "no space left on device"},
			arrange: smallDisk, breaks: all(fillDisk, sicken),
		},
		{
			name: "the disk is full from defib's start on", said: "It starts on a full host.", root: true, goal: goal{logged: "no space left on device"},
			arrange: all(smallDisk, fillDisk), breaks: sicken,
		},
		{
			name: "the disk turns read-only", said: "The file system found an error.", root: true, goal: goal{logged: "read-only file system"},
			arrange: smallDisk, breaks: all(readOnly, sicken),
		},
		{
			name: "the disk is read-only from defib's start on", said: "Somebody mounted it with :ro.", root: true, goal: goal{logged: "read-only file system"},
			arrange: all(smallDisk, readOnly), breaks: sicken,
		},
	}
}

// jumps is a fault of defib's own clock, that jumps so long after its start. A
// container that needs two restarts waits for the second.
func jumps(name string, by, after, backOff time.Duration) fault {
	f := fault{
		name: name, said: "NTP came late.", long: true,
		env:     []string{"FAULTS_JUMP_AFTER=" + after.String(), "FAULTS_JUMP_BY=" + by.String()},
		arrange: jumpingDefib,
		breaks:  sicken,
	}
	if backOff > 0 {
		f.web, f.goal.within = twice, backOff
	}
	return f
}

// jumpingDefib has a defib of the same source that takes the time from a clock
// that jumps.
func jumpingDefib(ctx context.Context, s *stage) error {
	var err error
	s.program, err = s.settings.jumping(ctx)
	return err
}

// smallDisk gives defib a disk of its own for what it remembers.
func smallDisk(_ context.Context, s *stage) error {
	dir := s.disk()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("make a disk: %w", err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=0700"); err != nil {
		return fmt.Errorf("mount a disk at %s: %w", dir, err)
	}
	s.cleanup = append(s.cleanup, func() { s.note(unmount(dir)) })
	s.env = append(s.env, "AUTOHEAL_STATE_DIR="+dir)
	return nil
}

func unmount(dir string) error {
	if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", dir, err)
	}
	return nil
}

func (s *stage) disk() string { return filepath.Join(s.StateDir(), "disk") }

// fillDisk writes until nothing more can be written.
func fillDisk(_ context.Context, s *stage) error {
	for i := 0; ; i++ {
		err := os.WriteFile(filepath.Join(s.disk(), fmt.Sprint("filler-", i)), make([]byte, 4096), 0o600)
		switch {
		case errors.Is(err, syscall.ENOSPC):
			return nil
		case err != nil:
			return fmt.Errorf("fill a disk: %w", err)
		case i > 100:
			return errors.New("fill a disk: it has no end")
		}
	}
}

// readOnly forbids writing to the disk. Open files could keep that from coming
// about; defib has none.
func readOnly(_ context.Context, s *stage) error {
	if err := syscall.Mount("", s.disk(), "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("mount %s read-only: %w", s.disk(), err)
	}
	return nil
}
