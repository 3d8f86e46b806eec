package watcher

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"defib/heal"
)

// PastIncidents gives what the files of a state folder tell of the last
// incidents, oldest first, as it was told when it happened. It is for people:
// a file that cannot be read is left out. An empty dir has none.
func PastIncidents(dir string) []heal.Notice {
	if dir == "" {
		return nil
	}
	paths, err := filepath.Glob(filepath.Join(dir, incidentsDir, "*.json"))
	if err != nil {
		return nil
	}
	var all []heal.Notice
	for _, path := range newest(paths, maxIncidents) {
		if in, err := readIncident(path); err == nil {
			all = append(all, in.notices()...)
		}
	}
	slices.SortStableFunc(all, func(a, b heal.Notice) int { return a.At.Compare(b.At) })
	return all
}

// newest gives the files that were changed last.
func newest(paths []string, most int) []string {
	at := make(map[string]int64, len(paths))
	for _, path := range paths {
		if info, err := os.Lstat(path); err == nil {
			at[path] = info.ModTime().UnixNano()
		}
	}
	slices.SortFunc(paths, func(a, b string) int { return cmp.Compare(at[b], at[a]) })
	return paths[:min(most, len(paths))]
}

// notices turns a file back into what it was made of.
func (in incident) notices() []heal.Notice {
	id, _, _ := strings.Cut(in.ID, "-")
	c := heal.Container{ID: cut(id, 64), Name: cut(in.Container, 200), Image: cut(in.Image, 300), Project: cut(in.Project, 200), Service: cut(in.Service, 200)}
	var all []heal.Notice
	for _, h := range in.Happenings {
		n := heal.Notice{
			Container: c, Incident: cut(in.ID, 100), Since: in.Since, At: h.At, Attempt: h.Attempt, Took: h.Took, Err: cut(h.Err, 300),
			Next: h.Next, Evidence: h.Evidence, Budget: h.Budget, ExitCode: h.ExitCode, Exited: h.Exited, ByPerson: h.ByPerson,
			Detail: cut(h.Detail, 300), Owner: cut(h.Owner, 200), Count: h.Count, Of: h.Of, Left: h.Still, Names: h.Names[:min(len(h.Names), 10)],
		}
		if n.Reason.UnmarshalText([]byte(h.Reason)) != nil || n.Reason == 0 || h.Verb > heal.Start || h.Status > heal.StatusExited {
			continue
		}
		n.Verb, n.Status, n.Probe = h.Verb, h.Status, h.lastProbe()
		if h.Ended != "" && n.Ended.UnmarshalText([]byte(h.Ended)) != nil {
			continue
		}
		all = append(all, n)
	}
	return all
}

// lastProbe gives the probe that the words are about.
func (h happening) lastProbe() heal.Probe {
	switch {
	case h.Probe != nil:
		return heal.Probe{Start: h.Probe.Start, ExitCode: h.Probe.ExitCode, Output: cut(h.Probe.Output, maxProbeOutput)}
	case h.Evidence != nil && len(h.Evidence.Probes) > 0:
		last := h.Evidence.Probes[len(h.Evidence.Probes)-1]
		return heal.Probe{Start: last.Start, ExitCode: last.ExitCode, Output: cut(last.Output, maxProbeOutput)}
	}
	return heal.Probe{}
}
