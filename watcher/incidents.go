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
	Attempt   int            `json:"attempt"`
	Took      time.Duration  `json:"took,omitempty"` // ns
	Err       string         `json:"err,omitempty"`
	Next      time.Time      `json:"next,omitzero"`
	Evidence  *heal.Evidence `json:"evidence,omitempty"`
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
		Incident: n.Incident, At: n.At, Reason: n.Reason.String(), Container: n.Container, Attempt: n.Attempt,
		Took: n.Took, Err: n.Err, Next: n.Next, Evidence: n.Evidence,
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
	in := incident{ID: h.Incident, Container: c.Name, Image: c.Image, Project: c.Project, Service: c.Service, Since: h.At}
	if text, err := os.ReadFile(path); err == nil {
		// One that cannot be read is begun anew: it is evidence, not memory.
		_ = json.Unmarshal(text, &in)
	} else {
		i.prune(maxIncidents - 1)
	}
	in.Happenings = append(in.Happenings, h)
	text, err := in.encode()
	if err != nil {
		return err
	}
	return replaceFile(realDisk{}, path, text)
}

// encode gives the file's text within its limits: what is in the middle is the
// least telling.
func (in *incident) encode() ([]byte, error) {
	for {
		text, err := json.MarshalIndent(in, "", " ")
		if err != nil {
			return nil, fmt.Errorf("encode incident %s: %w", in.ID, err)
		}
		n := len(in.Happenings)
		if n <= 2 || (n <= maxHappenings && len(text) <= maxIncidentFile) {
			return append(text, '\n'), nil
		}
		in.Happenings = slices.Delete(in.Happenings, n/2, n/2+1)
		in.Left++
	}
}

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
