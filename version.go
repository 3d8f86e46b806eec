package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// The linker sets these (-X main.version=1.2.3). The date is that of the
// commit and never of the build, so that whoever builds a commit once more gets
// the same program.
//
//nolint:gochecknoglobals // the linker can set nothing else
var (
	version = "dev"
	commit  = ""
	date    = "" // RFC 3339
)

// showVersion prints what this program was made from.
func showVersion(w io.Writer) {
	info, _ := debug.ReadBuildInfo()
	from, at := madeFrom(commit, date, info)
	fmt.Fprintf(w, "defib %s\n", version)
	fmt.Fprintf(w, "commit  %s\n", from)
	fmt.Fprintf(w, "date    %s\n", at)
	fmt.Fprintf(w, "go      %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// madeFrom gives the commit and its date: what the linker was told, else what
// Go has found in the checkout.
func madeFrom(commit, date string, info *debug.BuildInfo) (from, at string) {
	from, at = "unknown", "unknown"
	switch {
	case commit != "":
		from = commit
		if date != "" {
			at = date
		}
		return from, at
	case info == nil:
		return from, at
	}
	changed := false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			from = s.Value
		case "vcs.time":
			at = s.Value
		case "vcs.modified":
			changed = s.Value == "true"
		}
	}
	if changed {
		from += ", with changes"
	}
	return from, at
}
