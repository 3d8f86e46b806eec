package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// unmapProgram gives back the pages of the program's own file, code and
// constants: what is used again the kernel maps again, from its cache. Without
// it nearly all of the file stays resident, since the kernel maps 64 KB around
// each page that is touched. It is no loss where it does not work.
func unmapProgram() {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(maps)) {
		// "00400000-00750000 r-xp 00000000 fe:00 1234 /defib"; see proc_pid_maps(5).
		field := strings.Fields(line)
		if len(field) != 6 || field[5] != program || strings.Contains(field[1], "w") {
			continue // what can be written to exists nowhere else
		}
		first, end, _ := strings.Cut(field[0], "-")
		from, err := strconv.ParseUint(first, 16, 64)
		if err != nil {
			return
		}
		to, err := strconv.ParseUint(end, 16, 64)
		if err != nil {
			return
		}
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(from), uintptr(to-from), syscall.MADV_DONTNEED)
	}
}
