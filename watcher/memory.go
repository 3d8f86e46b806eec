package watcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// How long the disk is waited for.
const (
	// writeWait is how long an act, or the end of defib, waits for a write. A
	// disk that hangs keeps nobody from being healed.
	writeWait = time.Second
	// readWait is how long the start waits for the file to be read.
	readWait = 5 * time.Second
)

// memory is what outlives defib: a record of each container that the loop
// remembers. The loop changes records, a goroutine of its own writes the newest
// ones, and the workers wait for that before they act. Without a folder it does
// nothing.
type memory struct {
	dir  string // empty: none
	log  zerolog.Logger
	disk disk
	// settled makes durable what people were told, before the file says so.
	settled func(ctx context.Context)

	// Owned by the loop.
	pending   map[string]record    // read from the file and not looked at yet
	heard     map[string]time.Time // of each: the newest event that it knows of
	recalling bool                 // the pending ones are being looked at

	file written // owned by the writer

	mu       sync.Mutex
	records  map[string]*record // none is changed once it is here
	sections map[string]json.RawMessage
	dirty    dirty         // what has changed since the newest write
	change   uint64        // counts changes
	tried    uint64        // the newest change that a write has tried to keep
	written  chan struct{} // closed at the end of the next write
	hung     bool          // the write under way takes too long
	changed  chan struct{} // asks for a write soon
	urgent   chan struct{} // asks for a write now
}

func newMemory(dir string, log zerolog.Logger) *memory {
	return &memory{
		dir: dir, log: log, disk: realDisk{}, records: map[string]*record{}, dirty: newDirty(), written: make(chan struct{}),
		changed: make(chan struct{}, 1), urgent: make(chan struct{}, 1),
	}
}

// open reads the file and starts the writer. close has it write what is left.
func (m *memory) open() (closed func()) {
	m.read()
	if m.dir == "" {
		return func() {}
	}
	m.pending, m.heard = make(map[string]record, len(m.records)), map[string]time.Time{}
	for id, r := range m.records {
		m.pending[id], m.heard[id] = *r, r.Heard
	}
	if len(m.records) > 0 {
		m.log.Info().Int("containers", len(m.records)).Msg("remembers what was wrong before defib was restarted")
	}
	m.touch() // so that a folder that cannot be written to is said now
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		m.writer(quit)
		close(ended)
	}()
	return func() {
		close(quit)
		select {
		case <-ended:
		case <-time.After(writeWait):
			m.log.Warn().Str("dir", m.dir).Msg("what it remembers could not be written in time: the disk does not answer")
		}
	}
}

// read takes the file in, within readWait.
func (m *memory) read() {
	if m.dir == "" {
		return
	}
	path := filepath.Join(m.dir, stateFile)
	result := make(chan document, 1)
	failed := make(chan error, 1)
	go func() {
		d, err := loadState(path)
		failed <- err
		result <- d
	}()
	var err error
	select {
	case err = <-failed:
	case <-time.After(readWait):
		err = errStuck
	}
	var kept errKept
	switch {
	case err == nil:
	case errors.As(err, &kept):
		m.log.Warn().Str("file", path).Str("kept_as", kept.as).Str("err", kept.why.Error()).
			Msg("what defib remembered cannot be read, or not all of it: the file is kept aside")
	default:
		m.log.Error().Str("file", path).Str("err", err.Error()).
			Msg("what defib remembered cannot be had: its file is left as it is, and a restart of defib forgets what this one learns; check AUTOHEAL_STATE_DIR")
		m.dir = ""
		return
	}
	d := <-result
	m.sections = d.sections
	for id, r := range d.records {
		m.records[id] = &r
	}
}

// errStuck is for a file that cannot be read in time.
var errStuck = errors.New("the disk does not answer")

// errKept says why a file was renamed, and to what.
type errKept struct {
	as  string
	why error
}

// Error satisfies error.
func (e errKept) Error() string { return e.why.Error() + "; it is kept as " + e.as }

// loadState reads a file. One that cannot be read, or not all of it, is renamed,
// since it would be overwritten: that is an errKept.
func loadState(path string) (document, error) {
	none := document{records: map[string]record{}}
	if missing(path) {
		return none, nil
	}
	text, err := readState(path)
	d, as := none, path+".bad"
	if err == nil {
		d, err = parseState(text)
	}
	var newer errNewer
	switch {
	case errors.As(err, &newer):
		as = fmt.Sprintf("%s.v%d", path, newer.version)
	case err == nil && d.unread > 0:
		err = fmt.Errorf("%d containers in it are unreadable, or too many", d.unread)
	case err == nil:
		return d, nil
	}
	if len(d.records) == 0 {
		d = none
	}
	if moved := os.Rename(path, as); moved != nil {
		return none, fmt.Errorf("%w; rename it to %s: %w", err, as, reason(moved))
	}
	return d, errKept{as, err}
}

// note keeps what the loop knows of a container. It is called after each
// change of its state and never waits for the disk.
func (m *memory) note(e *entry) {
	if m.dir == "" {
		return
	}
	id, c := e.container.ID, e.container
	state := e.state
	state.Looking, state.Signal = false, "" // what ends in a moment
	m.mu.Lock()
	defer m.mu.Unlock()
	old, had := m.records[id]
	if state.IsZero() {
		if had {
			delete(m.records, id)
			m.changedLocked(id)
		}
		return
	}
	r := &record{
		Key: e.key, ID: id, Name: c.Name, Image: c.Image, Project: c.Project, Service: c.Service,
		Heard: e.heard, State: state.Saved(),
	}
	m.records[id] = r
	if had && old.equal(r) {
		if !old.Heard.Equal(r.Heard) {
			m.dirty.records[id] = true // worth no write, but a place in the next one
		}
		return
	}
	m.changedLocked(id)
}

// drop forgets a container that was read from the file.
func (m *memory) drop(id string) {
	delete(m.pending, id)
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, id)
	m.changedLocked(id)
}

// changedLocked notes that a record is new, another or gone.
func (m *memory) changedLocked(id string) {
	m.dirty.records[id] = true
	m.touchLocked()
}

func (m *memory) touch() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.touchLocked()
}

// touchLocked counts a change and has it written soon.
func (m *memory) touchLocked() {
	m.change++
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// hurry has what was noted written at once, without waiting: what people were
// just told must not be told again by whoever comes after this process.
func (m *memory) hurry() {
	select {
	case m.urgent <- struct{}{}:
	default:
	}
}

// keep has a section of the file hold a value.
func (m *memory) keep(section string, value any) {
	if m.dir == "" {
		return
	}
	text, err := json.Marshal(value)
	if err != nil {
		m.log.Error().Err(err).Str("section", section).Msg("what defib remembers cannot be encoded")
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	sections := maps.Clone(m.sections) // the writer may be reading the old one
	if sections == nil {
		sections = map[string]json.RawMessage{}
	}
	sections[section] = text
	m.sections = sections
	m.dirty.sections[section] = true
	m.touchLocked()
}

// section reads a section of the file; it tells whether there was a good one.
func (m *memory) section(name string, into any) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	text, there := m.sections[name]
	if !there {
		return false
	}
	if err := json.Unmarshal(text, into); err != nil {
		m.log.Warn().Err(err).Str("section", name).Msg("a part of what defib remembered cannot be read, and is left out")
		return false
	}
	return true
}
