package notify

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// world is what a kill ends: after so many steps nothing reaches the disk or a
// receiver any more.
type world struct {
	mu   sync.Mutex
	left int // steps; negative: no end
	died bool
}

// step tells whether there is one more.
func (w *world) step() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left == 0 {
		w.died = true
		return false
	}
	w.left--
	return true
}

// begin starts a life of so many steps.
func (w *world) begin(steps int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left, w.died = steps, false
}

func (w *world) dead() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.died
}

// memDisk is a disk in memory that a test fills, breaks and cuts the power of.
type memDisk struct {
	*world

	mu    sync.Mutex
	files map[string][]byte // what a read shows
	safe  map[string][]byte // what is there after a power cut, whatever happens
	since []func(map[string][]byte)
	fails error // of all that needs room
	fixed error // of all that removes
	hang  chan struct{}
}

func newMemDisk() *memDisk {
	return &memDisk{world: &world{left: -1}, files: map[string][]byte{}, safe: map[string][]byte{}}
}

func (d *memDisk) set(fails, fixed error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails, d.fixed = fails, fixed
}

// do changes the folder, unless this life is over.
func (d *memDisk) do(path string, fails error, change func(files map[string][]byte)) error {
	if d.hang != nil {
		<-d.hang
	}
	if !d.step() {
		return &fs.PathError{Op: "use", Path: path, Err: errors.New("killed")}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if fails != nil {
		return &fs.PathError{Op: "change", Path: path, Err: fails}
	}
	change(d.files)
	d.since = append(d.since, change)
	return nil
}

func (d *memDisk) failure() (fails, fixed error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fails, d.fixed
}

func (d *memDisk) mkdir(string) error { return nil }

func (d *memDisk) write(path string, content []byte) error {
	if d.dead() {
		return errors.New("killed")
	}
	fails, _ := d.failure()
	half := content[:len(content)/2]
	if err := d.do(path, fails, func(files map[string][]byte) { files[path] = half }); err != nil {
		return err
	}
	return d.do(path, fails, func(files map[string][]byte) { files[path] = content })
}

func (d *memDisk) rename(from, to string) error {
	fails, _ := d.failure()
	if errors.Is(fails, syscall.ENOSPC) {
		fails = nil // needs no room
	}
	return d.do(from, fails, func(files map[string][]byte) {
		if content, there := files[from]; there {
			files[to] = content
			delete(files, from)
		}
	})
}

func (d *memDisk) remove(path string) error {
	_, fixed := d.failure()
	return d.do(path, fixed, func(files map[string][]byte) { delete(files, path) })
}

func (d *memDisk) sync(dir string) error {
	fails, _ := d.failure()
	err := d.do(dir, fails, func(map[string][]byte) {})
	if err == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.safe, d.since = maps.Clone(d.files), nil
	}
	return err
}

func (d *memDisk) list(dir string) ([]string, error) {
	if d.hang != nil {
		<-d.hang
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for path := range d.files {
		if filepath.Dir(path) == dir {
			names = append(names, filepath.Base(path))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (d *memDisk) read(path string, limit int64) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	content, there := d.files[path]
	switch {
	case !there:
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	case int64(len(content)) > limit:
		return nil, errNoAlert
	}
	return content, nil
}

// powerCut leaves what was synced and the first of what was not: kept gives how
// many of so many.
func (d *memDisk) powerCut(kept func(n int) int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	files := maps.Clone(d.safe)
	for _, change := range d.since[:kept(len(d.since)+1)] {
		change(files)
	}
	d.files, d.safe, d.since = files, maps.Clone(files), nil
}

// alerts gives the names of the files of alerts.
func (d *memDisk) alerts() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for path := range d.files {
		if name := filepath.Base(path); strings.HasSuffix(name, ".json") && name != ledgerFile {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
