package watcher

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"time"
)

// How the file is written.
const (
	// writeEvery is the least time between two writes that nobody waits for.
	writeEvery = time.Second
	// settleWait is how long a write waits for the alerts that it says were told.
	settleWait = 500 * time.Millisecond
	// appendedLeast is how long the lines below the document may become, however
	// short it is. Otherwise they may become as long as the document, so that a
	// change costs twice what it is long at most.
	appendedLeast = 256 << 10
)

// dirty names what has changed.
type dirty struct {
	records  map[string]bool // by id
	sections map[string]bool
}

func newDirty() dirty { return dirty{map[string]bool{}, map[string]bool{}} }

// written is what the writer knows of the file.
type written struct {
	base, appended int  // bytes; no base: the file must be written anew
	trouble        bool // the last write failed, and that was said
}

// settle waits until what was noted so far is on the disk, or could not be
// written, but for writeWait at most and only once where the disk hangs.
func (m *memory) settle() {
	if m.dir == "" {
		return
	}
	m.mu.Lock()
	want := m.change
	m.mu.Unlock()
	timer := time.NewTimer(writeWait)
	defer timer.Stop()
	for {
		m.mu.Lock()
		over, written := m.tried >= want || m.hung, m.written
		m.mu.Unlock()
		if over {
			return
		}
		select {
		case m.urgent <- struct{}{}:
		default:
		}
		select {
		case <-written:
		case <-timer.C:
			m.mu.Lock()
			said := m.hung
			m.hung = true
			m.mu.Unlock()
			if !said {
				m.log.Warn().Str("dir", m.dir).Msg("the disk does not answer: healing goes on, and a restart of defib forgets what could not be written")
			}
			return
		}
	}
}

// writer writes the newest records: at once when somebody waits for it, else
// once a second at most.
func (m *memory) writer(quit <-chan struct{}) {
	var next time.Time
	for {
		select {
		case <-m.changed:
			select {
			case <-time.After(time.Until(next)):
			case <-m.urgent:
			case <-quit:
			}
		case <-m.urgent:
		case <-quit:
			m.write()
			return
		}
		m.write()
		next = time.Now().Add(writeEvery)
	}
}

// errAnew says that a line must not be added.
var errAnew = errors.New("the file must be written anew")

// write writes what has changed since the last write. One that fails is tried
// again at the next change.
func (m *memory) write() {
	m.mu.Lock()
	change, all := m.change, len(m.records)
	m.mu.Unlock()
	if change == m.tried { // which only the writer changes
		return
	}
	err := errAnew
	few := all > 0 && all <= maxRecords // none: nothing of what is forgotten stays in the file
	if m.file.base > 0 && m.file.appended < max(appendedLeast, m.file.base) && few {
		err = m.add()
	}
	if err != nil { // perhaps in the middle of a line
		err = m.rewrite()
	}
	switch {
	case err != nil && !m.file.trouble:
		m.log.Warn().Str("err", err.Error()).
			Msg("what defib remembers cannot be written: healing goes on, and a restart of defib forgets it; mount a writable volume at AUTOHEAL_STATE_DIR")
	case err == nil && m.file.trouble:
		m.log.Info().Str("dir", m.dir).Msg("what defib remembers can be written again")
	}
	m.file.trouble = err != nil
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tried, m.hung = change, false
	close(m.written)
	m.written = make(chan struct{})
}

// add writes what has changed below what is in the file.
func (m *memory) add() error {
	m.mu.Lock()
	p := patch{Sections: map[string]json.RawMessage{}}
	for _, id := range slices.Sorted(maps.Keys(m.dirty.records)) {
		if r, there := m.records[id]; there {
			p.Containers = append(p.Containers, r)
		} else {
			p.Gone = append(p.Gone, id)
		}
	}
	for name := range m.dirty.sections {
		p.Sections[name] = m.sections[name]
	}
	m.dirty = newDirty()
	m.mu.Unlock()
	m.settleFirst()
	text, err := p.encode()
	if err == nil {
		err = appendFile(m.disk, filepath.Join(m.dir, stateFile), text)
	}
	m.file.appended += len(text)
	return err
}

// rewrite replaces the file by all that is remembered.
func (m *memory) rewrite() error {
	m.mu.Lock()
	records, sections := slices.Collect(maps.Values(m.records)), maps.Clone(m.sections)
	m.dirty = newDirty()
	m.mu.Unlock()
	m.settleFirst()
	text, left, err := encodeState(records, sections)
	if err == nil {
		err = writeState(m.disk, m.dir, text)
	}
	if left > 0 {
		m.log.Debug().Int("containers", left).Msg("too many are remembered: some are not in the file")
	}
	m.file.base, m.file.appended = len(text), 0
	if err != nil {
		m.file.base = 0
	}
	return err
}

// settleFirst waits for what was told, for settleWait at most.
func (m *memory) settleFirst() {
	if m.settled == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), settleWait)
	defer cancel()
	m.settled(ctx)
}
