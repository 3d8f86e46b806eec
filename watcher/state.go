package watcher

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"defib/heal"
)

// The file in which defib remembers over its own restarts.
const (
	stateFile    = "state.json"
	stateVersion = 1
	// maxRecords and maxStateFile bound what is read and written: a container
	// in trouble takes about 1 KB, and at most some 15 KB.
	maxRecords   = 10_000
	maxStateFile = 16 << 20
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

func (r record) container() heal.Container {
	return heal.Container{ID: r.ID, Name: r.Name, Image: r.Image, Project: r.Project, Service: r.Service}
}

// keyOf gives a container's Key.
func keyOf(c heal.Container, labels map[string]string) string {
	if c.Project == "" || c.Service == "" {
		return c.Name
	}
	return c.Project + "/" + c.Service + "/" + cut(labels["com.docker.compose.container-number"], 20)
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

// parseState reads a file's text. What it does not know it keeps.
func parseState(text []byte) (document, error) {
	d := document{records: map[string]record{}}
	if err := json.Unmarshal(text, &d.sections); err != nil {
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
	for _, text := range raw {
		var r record
		if json.Unmarshal(text, &r) != nil || !isID(r.ID) || len(d.records) >= maxRecords {
			d.unread++
			continue
		}
		r.Key, r.Name, r.Image = cut(r.Key, 600), cut(r.Name, 200), cut(r.Image, 300)
		r.Project, r.Service = cut(r.Project, 200), cut(r.Service, 200)
		r.State.Probe.Output = cut(r.State.Probe.Output, 1000)
		d.records[r.ID] = r
	}
	return d, nil
}

// isID tells whether a text can be a container's id. It becomes part of a path
// of the engine's API.
func isID(text string) bool {
	return len(text) >= 12 && len(text) <= 64 && strings.Trim(text, "0123456789abcdef") == ""
}

// encodeState writes a file's text, open incidents first. What is beyond the
// limits is left out; left says how many containers that are.
func encodeState(records []record, sections map[string]json.RawMessage) (text []byte, left int, err error) {
	steady := func(r record) int {
		if r.State.Phase == heal.Steady.String() {
			return 1
		}
		return 0
	}
	slices.SortFunc(records, func(a, b record) int {
		return cmp.Or(cmp.Compare(steady(a), steady(b)), cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID))
	})
	rest := map[string]json.RawMessage{}
	size := 1000
	for name, section := range sections {
		rest[name] = section
		size += len(name) + len(section)
	}
	one := []json.RawMessage{}
	for i, r := range records {
		raw, err := json.Marshal(r)
		if err != nil {
			return nil, 0, fmt.Errorf("encode what is remembered of %s: %w", r.Name, err)
		}
		if size += len(raw) + 2; size > maxStateFile || i >= maxRecords {
			left = len(records) - i
			break
		}
		one = append(one, raw)
	}
	rest["version"] = json.RawMessage(fmt.Sprint(stateVersion))
	if rest["containers"], err = json.Marshal(one); err != nil {
		return nil, 0, fmt.Errorf("encode the containers: %w", err)
	}
	if text, err = json.Marshal(rest); err != nil {
		return nil, 0, fmt.Errorf("encode the state: %w", err)
	}
	return append(text, '\n'), left, nil
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
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
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
