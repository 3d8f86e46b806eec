package watcher

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"defib/heal"
)

// The limits of what is kept of incidents.
const (
	maxIncidents    = 100
	maxHappenings   = 40        // of one incident: the first and the last twenty
	maxIncidentFile = 256 << 10 // bytes
	incidentsDir    = "incidents"
)

// incidents keeps a file for each of the last incidents: what was told and what
// was known before each act. A goroutine of its own writes; nobody waits for it.
type incidents struct {
	dir     string // empty: none
	log     zerolog.Logger
	in      chan happening
	trouble bool // owned by the writer
	full    bool // owned by the loop: said once
}

// happening is one notice of an incident, as its file holds it.
type happening struct {
	Incident  string         `json:"-"`
	At        time.Time      `json:"at"`
	Reason    string         `json:"reason"`
	Container heal.Container `json:"-"`
	Since     time.Time      `json:"-"` // of the incident
	Attempt   int            `json:"attempt"`
	Took      time.Duration  `json:"took,omitempty"` // ns
	Err       string         `json:"err,omitempty"`
	Next      time.Time      `json:"next,omitzero"`
	Evidence  *heal.Evidence `json:"evidence,omitempty"`

	// What the words of the alert need besides.
	Budget   int         `json:"budget,omitempty"`
	Probe    *heal.Probe `json:"probe,omitempty"` // where there is no evidence
	ExitCode int         `json:"exit_code,omitempty"`
	Verb     heal.Verb   `json:"verb,omitempty"`
	Status   heal.Status `json:"status,omitempty"`
	Ended    string      `json:"ended,omitempty"`
	Exited   bool        `json:"exited,omitempty"`
	ByPerson bool        `json:"by_person,omitempty"`
	Detail   string      `json:"detail,omitempty"`
	Owner    string      `json:"owner,omitempty"`
	Count    int         `json:"count,omitempty"`
	Of       int         `json:"of,omitempty"`
	Still    int         `json:"left,omitempty"` // of many, still unhealthy
	Names    []string    `json:"names,omitempty"`
}

// incident is the file of one.
type incident struct {
	ID         string      `json:"id"`
	Container  string      `json:"container"`
	Image      string      `json:"image,omitempty"`
	Project    string      `json:"project,omitempty"`
	Service    string      `json:"service,omitempty"`
	Since      time.Time   `json:"since"`
	Left       int         `json:"left_out,omitempty"` // happenings in the middle
	Happenings []happening `json:"happenings"`
}

func newIncidents(dir string, log zerolog.Logger) *incidents {
	if dir != "" {
		dir = filepath.Join(dir, incidentsDir)
	}
	return &incidents{dir: dir, log: log, in: make(chan happening, 256)}
}

// open starts the writer; closed has it write what is left, for a second at most.
func (i *incidents) open() (closed func()) {
	if i.dir == "" {
		return func() {}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		i.prune(maxIncidents) // also what a kill left half-written
		for h := range i.in {
			i.write(h)
		}
	}()
	return func() {
		close(i.in)
		select {
		case <-ended:
		case <-time.After(writeWait):
		}
	}
}

// note hands a notice to the writer. It never waits.
func (i *incidents) note(n heal.Notice) {
	if i.dir == "" || n.Incident == "" || !isPlain(n.Incident) {
		return
	}
	h := happening{
		Incident: n.Incident, At: n.At, Reason: n.Reason.String(), Container: n.Container, Since: n.Since, Attempt: n.Attempt,
		Took: n.Took, Err: n.Err, Next: n.Next, Evidence: n.Evidence,
		Budget: n.Budget, ExitCode: n.ExitCode, Verb: n.Verb, Status: n.Status, Exited: n.Exited, ByPerson: n.ByPerson,
		Detail: n.Detail, Owner: n.Owner, Count: n.Count, Of: n.Of, Still: n.Left, Names: slices.Clone(n.Names),
	}
	if n.Ended != 0 {
		h.Ended = n.Ended.String()
	}
	if n.Evidence == nil && n.Probe != (heal.Probe{}) {
		h.Probe = &n.Probe
	}
	select {
	case i.in <- h:
		i.full = false
	default:
		if !i.full {
			i.log.Warn().Str("dir", i.dir).Msg("the disk is too slow: what happens is not kept with its incident")
		}
		i.full = true
	}
}

// isPlain tells whether an incident's id can be the name of a file.
func isPlain(id string) bool {
	return len(id) <= 100 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func (i *incidents) write(h happening) {
	err := i.add(h)
	switch {
	case err != nil && !i.trouble:
		i.log.Warn().Str("err", err.Error()).Msg("the evidence of an incident cannot be written: healing and alerts go on")
	case err == nil && i.trouble:
		i.log.Info().Str("dir", i.dir).Msg("the evidence of incidents can be written again")
	}
	i.trouble = err != nil
}

// add adds one happening to the file of its incident.
func (i *incidents) add(h happening) error {
	if err := os.MkdirAll(i.dir, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", i.dir, reason(err))
	}
	path := filepath.Join(i.dir, h.Incident+".json")
	c := h.Container
	in := incident{ID: h.Incident, Container: c.Name, Image: c.Image, Project: c.Project, Service: c.Service, Since: h.Since}
	if old, err := readIncident(path); err == nil {
		in = old
	} else {
		// One that cannot be read is begun anew: it is evidence, not memory.
		i.prune(maxIncidents - 1)
	}
	in.add(h)
	text, err := in.encode()
	if err != nil {
		return err
	}
	return replaceFile(realDisk{}, path, text)
}

// readIncident reads a file of ours; anything else at its place is an error.
func readIncident(path string) (incident, error) {
	var in incident
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return in, fmt.Errorf("look at %s: %w", path, reason(err))
	case !info.Mode().IsRegular() || info.Size() > maxIncidentFile:
		return in, fmt.Errorf("read %s: it is no file of ours", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return in, fmt.Errorf("read %s: %w", path, reason(err))
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return in, fmt.Errorf("read %s as JSON: %w", path, err)
	}
	return in, nil
}

// add appends a happening. Evidence that the file holds already is not repeated:
// a restart that fails for days is told of again and again.
func (in *incident) add(h happening) {
	h.Evidence = h.Evidence.Clone() // the alert has the same
	for _, old := range in.Happenings {
		if h.Evidence != nil && old.Evidence != nil && old.Evidence.At.Equal(h.Evidence.At) {
			h.Evidence = nil
		}
	}
	in.Happenings = append(in.Happenings, h)
}

// encode gives the file's text within its limits: what is in the middle is the
// least telling, and of a log the beginning.
func (in *incident) encode() ([]byte, error) {
	for n := len(in.Happenings); n > maxHappenings; n-- {
		in.drop()
	}
	for {
		text, err := json.MarshalIndent(in, "", " ")
		if err != nil {
			return nil, fmt.Errorf("encode incident %s: %w", in.ID, err)
		}
		if len(text) < maxIncidentFile || !in.lighten() {
			return append(text, '\n'), nil
		}
	}
}

// drop leaves out the happening in the middle.
func (in *incident) drop() {
	n := len(in.Happenings)
	in.Happenings = slices.Delete(in.Happenings, n/2, n/2+1)
	in.Left++
}

// lighten leaves something out: logs between the first and the last, the
// beginnings of these two, happenings in the middle, and last what is left of
// the logs. It tells whether there was anything.
func (in *incident) lighten() bool {
	n := len(in.Happenings)
	for i := 1; i < n-1; i++ {
		if v := in.Happenings[i].Evidence; v != nil && len(v.Log) > 0 {
			v.Log, v.LogError = nil, leftOut
			return true
		}
	}
	longest := &heal.Evidence{}
	for _, h := range in.Happenings {
		if h.Evidence != nil && len(h.Evidence.Log) > len(longest.Log) {
			longest = h.Evidence
		}
	}
	lines := len(longest.Log)
	if n > 2 && lines <= 10 { // which are 60 KB at most, as JSON
		in.drop()
		return true
	}
	longest.Log, longest.LogError = longest.Log[(lines+1)/2:], leftOut
	return lines > 0
}

// leftOut is what a file says of a log that would have made it too long.
const leftOut = "left out, or its beginning is, to keep this file short"

// prune deletes all but the newest files, and what a kill left half-written.
func (i *incidents) prune(keep int) {
	entries, err := os.ReadDir(i.dir)
	if err != nil {
		return // the write that follows says what is wrong
	}
	type file struct {
		name string
		at   time.Time
	}
	var files []file
	for _, e := range entries {
		info, err := e.Info()
		switch {
		case err != nil:
		case strings.HasSuffix(e.Name(), ".new"):
			_ = os.Remove(filepath.Join(i.dir, e.Name()))
		case strings.HasSuffix(e.Name(), ".json"):
			files = append(files, file{e.Name(), info.ModTime()})
		}
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.name, b.name)) })
	for _, f := range files[min(keep, len(files)):] {
		_ = os.Remove(filepath.Join(i.dir, f.name)) // tried again at the next incident
	}
}
