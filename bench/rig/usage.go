package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Usage is what a process takes of its machine.
type Usage struct {
	CPU       time.Duration // since its start, in user and system mode
	Resident  int64         // bytes now: Anonymous and the file's own pages, which others may share
	Anonymous int64         // bytes that are its alone
	Peak      int64         // the most bytes that were resident
}

// Usage reads what a process has used until now.
func (p *Process) Usage() (Usage, error) {
	proc := filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid))
	status, err := os.ReadFile(filepath.Join(proc, "status"))
	if err != nil {
		return Usage{}, fmt.Errorf("read what defib uses: %w", err)
	}
	u := Usage{}
	for line := range strings.Lines(string(status)) {
		name, rest, _ := strings.Cut(line, ":")
		size := map[string]*int64{"VmRSS": &u.Resident, "RssAnon": &u.Anonymous, "VmHWM": &u.Peak}[name]
		if size == nil {
			continue
		}
		kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err != nil {
			return Usage{}, fmt.Errorf("read what defib uses in %q: %w", line, err)
		}
		*size = kilobytes << 10
	}
	u.CPU, err = cpu(proc)
	return u, err
}

// cpu sums the nanoseconds of a process' threads, since /proc/PID/stat counts
// in hundredths of a second. Go's threads seldom end before their process.
func cpu(proc string) (time.Duration, error) {
	threads, err := filepath.Glob(filepath.Join(proc, "task", "*", "schedstat"))
	if err != nil || len(threads) == 0 {
		return 0, fmt.Errorf("find the threads of %s: %w", proc, os.ErrNotExist)
	}
	var all time.Duration
	for _, path := range threads {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		ran, _, _ := strings.Cut(string(stat), " ")
		ns, err := strconv.ParseInt(ran, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", path, err)
		}
		all += time.Duration(ns)
	}
	return all, nil
}

// used is what an ended process has used.
func used(s *os.ProcessState) Usage {
	u := Usage{CPU: s.UserTime() + s.SystemTime()}
	if r, ok := s.SysUsage().(*syscall.Rusage); ok {
		u.Peak = r.Maxrss << 10
	}
	return u
}
