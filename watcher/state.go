package watcher

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	"defib/heal"
)

// The file in which defib remembers over its own restarts: a document of all
// that it remembers, and below it a line for each later write, with what has
// changed. What one container in trouble costs does not grow with their number.
const (
	stateFile    = "state.json"
	stateVersion = 1
	// maxRecords and maxDocument bound what is written, maxStateFile what is
	// read: a container in trouble takes about 1 KB, and at most some 15 KB.
	maxRecords   = 10_000
	maxDocument  = 16 << 20
	maxStateFile = 3 * maxDocument // the lines may be as long as the document, and one more
)

// record is what the file holds of one container.
type record struct {
	// Key is what survives recreation: Compose's project, service and number,
	// else the name.
	Key     string     `json:"key"`
	ID      string     `json:"id"`
	Name    string     `json:"name,omitempty"`
	Image   string     `json:"image,omitempty"`
	Project string     `json:"project,omitempty"`
	Service string     `json:"service,omitempty"`
	Heard   time.Time  `json:"heard,omitzero"` // the newest event that State knows of, on the engine's clock
	State   heal.Saved `json:"state"`

	seen *heal.Sighting // an inspection since it was read
}

// equal compares all but Heard with another's, which it changes for a moment.
func (r *record) equal(other *record) bool {
	heard := other.Heard
	other.Heard = r.Heard
	same := reflect.DeepEqual(r, other)
	other.Heard = heard
	return same
}

func (r *record) container() heal.Container {
	return heal.Container{ID: r.ID, Name: r.Name, Image: r.Image, Project: r.Project, Service: r.Service}
}

// keyOf gives a container's Key.
func keyOf(c heal.Container, labels map[string]string) string {
	if c.Project == "" || c.Service == "" {
		return c.Name
	}
	return c.Project + "/" + c.Service + "/" + cut(labels[labelNumber], 20)
}

// document is a file that was read.
type document struct {
	records  map[string]record
	sections map[string]json.RawMessage // everything else in it, kept as it is
	unread   int                        // containers that could not be read
}

// errNewer says that a file is of a later version of defib.
type errNewer struct{ version int }

// Error satisfies error.
func (e errNewer) Error() string {
	return fmt.Sprintf("it is of version %d; this defib reads version %d", e.version, stateVersion)
}

// patch is a line below the document.
type patch struct {
	Containers []*record                  `json:"containers,omitempty"`
	Gone       []string                   `json:"gone,omitempty"` // ids
	Sections   map[string]json.RawMessage `json:"sections,omitempty"`
}

func (p patch) encode() ([]byte, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode what has changed: %w", err)
	}
	return append(text, '\n'), nil
}

// parseState reads a file's text. What it does not know it keeps. A last line
// that ends in the middle was being written when defib was killed: nobody was
// told that it is there, and it is left out.
func parseState(text []byte) (document, error) {
	d := document{records: map[string]record{}}
	in := json.NewDecoder(bytes.NewReader(text))
	if err := in.Decode(&d.sections); err != nil {
		return d, fmt.Errorf("read it as JSON: %w", err)
	}
	var version int
	if err := json.Unmarshal(d.sections["version"], &version); err != nil || version < 1 {
		return d, errors.New("read its version: there is none")
	}
	if version > stateVersion {
		return d, errNewer{version}
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(d.sections["containers"], &raw); err != nil {
		return d, fmt.Errorf("read its containers: %w", err)
	}
	delete(d.sections, "version")
	delete(d.sections, "containers")
	d.take(raw)
	for {
		var line struct {
			Containers []json.RawMessage
			Gone       []string
			Sections   map[string]json.RawMessage
		}
		err := in.Decode(&line)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return d, nil
		case err != nil:
			return d, fmt.Errorf("read what has changed since: %w", err)
		}
		d.take(line.Containers)
		for _, id := range line.Gone {
			delete(d.records, id)
		}
		maps.Copy(d.sections, line.Sections)
	}
}

// take reads records.
func (d *document) take(raw []json.RawMessage) {
	for _, text := range raw {
		var r record
		if json.Unmarshal(text, &r) != nil || !isID(r.ID) {
			d.unread++
			continue
		}
		if _, known := d.records[r.ID]; !known && len(d.records) >= maxRecords {
			d.unread++
			continue
		}
		r.Key, r.Name, r.Image = cut(r.Key, 600), cut(r.Name, 200), cut(r.Image, 300)
		r.Project, r.Service = cut(r.Project, 200), cut(r.Service, 200)
		r.State.Probe.Output = cut(r.State.Probe.Output, 1000)
		d.records[r.ID] = r
	}
}

// isID tells whether a text can be a container's id. It becomes part of a path
// of the engine's API.
func isID(text string) bool {
	return len(text) >= 12 && len(text) <= 64 && strings.Trim(text, "0123456789abcdef") == ""
}

// encodeState writes a file's text, open incidents first. What is beyond the
// limits is left out; left says how many containers that are.
func encodeState(records []*record, sections map[string]json.RawMessage) (text []byte, left int, err error) {
	steady := func(r *record) int {
		if r.State.Phase == heal.Steady.String() {
			return 1
		}
		return 0
	}
	slices.SortFunc(records, func(a, b *record) int {
		return cmp.Or(cmp.Compare(steady(a), steady(b)), cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID))
	})
	var b bytes.Buffer
	b.Grow(min(len(records)<<10, maxDocument)) // so that it need not be copied often
	fmt.Fprintf(&b, `{"version":%d`, stateVersion)
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		quoted, err := json.Marshal(name)
		if err != nil {
			return nil, 0, fmt.Errorf("encode the name of the section %q: %w", name, err)
		}
		fmt.Fprintf(&b, ",%s:%s", quoted, sections[name])
	}
	b.WriteString(`,"containers":[`)
	for i, r := range records {
		raw, err := json.Marshal(r)
		if err != nil {
			return nil, 0, fmt.Errorf("encode what is remembered of %s: %w", r.Name, err)
		}
		if b.Len()+len(raw)+len(",]}\n") > maxDocument || i >= maxRecords {
			left = len(records) - i
			break
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(raw)
	}
	b.WriteString("]}\n")
	return b.Bytes(), left, nil
}

// readState reads the file of a folder.
func readState(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("look for it: %w", err)
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no regular file")
	case info.Size() > maxStateFile:
		return nil, fmt.Errorf("it has %d bytes; at most %d are read", info.Size(), maxStateFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read it: %w", err)
	}
	return bytes.TrimSpace(text), nil
}

// disk is what writing asks of a file system. Tests end it in mid-write.
type disk interface {
	create(path string) (openFile, error)
	extend(path string) (openFile, error) // one that is there, at its end
	rename(from, to string) error
	syncDir(dir string) error
}

// openFile is a file being written.
type openFile interface {
	io.Writer
	Sync() error
	Close() error
}

// writeState replaces the file of a folder: written aside, synced, renamed, the
// folder synced. At any instant the old text or the new one is there, whole.
func writeState(d disk, dir string, text []byte) error {
	return replaceFile(d, filepath.Join(dir, stateFile), text)
}

// replaceFile replaces any file so.
func replaceFile(d disk, path string, text []byte) error {
	dir := filepath.Dir(path)
	aside := path + ".new"
	f, err := d.create(aside)
	if err != nil {
		return fmt.Errorf("create %s: %w", aside, reason(err))
	}
	if err := writeSynced(f, text); err != nil {
		return fmt.Errorf("write %s: %w", aside, reason(err))
	}
	if err := d.rename(aside, path); err != nil {
		return fmt.Errorf("rename %s to %s: %w", aside, path, reason(err))
	}
	if err := d.syncDir(dir); err != nil {
		return fmt.Errorf("sync %s: %w", dir, reason(err))
	}
	return nil
}

// appendFile adds to a file that is there, and syncs it. Where that fails, or
// defib is killed, the file may end in a part of the text.
func appendFile(d disk, path string, text []byte) error {
	f, err := d.extend(path)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, reason(err))
	}
	if err := writeSynced(f, text); err != nil {
		return fmt.Errorf("add to %s: %w", path, reason(err))
	}
	return nil
}

// writeSynced writes a text into a file, syncs it and closes it.
func writeSynced(f openFile, text []byte) error {
	_, err := f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err //nolint:wrapcheck // the caller names the file
}

// reason gives the cause in an error of package os, whose text names the
// operation and the path once more.
func reason(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// realDisk is the file system.
type realDisk struct{}

func (realDisk) create(path string) (openFile, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

func (realDisk) extend(path string) (openFile, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
}

func (realDisk) rename(from, to string) error { return os.Rename(from, to) }

func (realDisk) syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil // a file system that cannot; the file itself is there
	}
	return errors.Join(err, d.Close())
}
