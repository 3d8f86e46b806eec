package watcher

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"defib/heal"
)

// dyingDisk is the file system under a process that is killed after so many
// steps: a byte written is one, and so is each other call. Nothing more
// reaches it then.
type dyingDisk struct {
	realDisk

	left  int
	steps []string // what was done, bytes aside
	lazy  bool     // syncs nothing: there is no power to be cut
}

var errKilled = errors.New("killed")

func (d *dyingDisk) step(name string) error {
	if d.left <= 0 {
		return errKilled
	}
	d.left--
	d.steps = append(d.steps, name)
	return nil
}

func (d *dyingDisk) create(path string) (openFile, error) {
	if err := d.step("create"); err != nil {
		return nil, err
	}
	f, err := d.realDisk.create(path)
	return &dyingFile{f, d}, err
}

func (d *dyingDisk) extend(path string) (openFile, error) {
	if err := d.step("extend"); err != nil {
		return nil, err
	}
	f, err := d.realDisk.extend(path)
	return &dyingFile{f, d}, err
}

func (d *dyingDisk) rename(from, to string) error {
	if err := d.step("rename"); err != nil {
		return err
	}
	return d.realDisk.rename(from, to)
}

func (d *dyingDisk) syncDir(dir string) error {
	if err := d.step("sync folder"); err != nil || d.lazy {
		return err
	}
	return d.realDisk.syncDir(dir)
}

type dyingFile struct {
	openFile

	d *dyingDisk
}

func (f *dyingFile) Write(p []byte) (int, error) {
	n := min(len(p), f.d.left)
	f.d.left -= n
	if _, err := f.openFile.Write(p[:n]); err != nil {
		return 0, err
	}
	if n < len(p) {
		return n, errKilled
	}
	f.d.steps = append(f.d.steps, "write")
	return n, nil
}

func (f *dyingFile) Sync() error {
	if err := f.d.step("sync"); err != nil || f.d.lazy {
		return err
	}
	return f.openFile.Sync()
}

func (f *dyingFile) Close() error {
	if err := f.openFile.Close(); err != nil { // a killed process' files are closed
		return err
	}
	return f.d.step("close")
}

func recordsNamed(names ...string) []*record {
	var all []*record
	for i, n := range names {
		all = append(all, &record{Key: n, ID: fmt.Sprintf("%064x", i+1), Name: n, State: heal.Saved{Phase: "failing"}})
	}
	return all
}

func encoded(t testing.TB, names ...string) []byte {
	t.Helper()
	text, left, err := encodeState(recordsNamed(names...), nil)
	if err != nil || left != 0 {
		t.Fatal(left, err)
	}
	return text
}

// TestKilledAtEveryStep: whenever defib is killed the file holds the old state
// or the new one, whole.
func TestKilledAtEveryStep(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, stateFile)
	before, after := encoded(t, "old"), encoded(t, "new", "newer")
	news := 0
	for steps := 0; ; steps++ {
		if err := os.WriteFile(path, before, 0o600); err != nil {
			t.Fatal(err)
		}
		d := &dyingDisk{left: steps}
		err := writeState(d, dir, after)
		loaded, loadErr := loadState(path)
		if loadErr != nil {
			t.Fatalf("killed after %d steps: %v", steps, loadErr)
		}
		switch n := len(loaded.records); {
		case n == 2:
			news++
		case n != 1 || news > 0:
			t.Fatalf("killed after %d steps: %d containers, %d times new before", steps, n, news)
		}
		if err == nil {
			if want := []string{"create", "write", "sync", "close", "rename", "sync folder"}; !slices.Equal(d.steps, want) {
				t.Errorf("written by %v; want %v", d.steps, want)
			}
			break
		}
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
	}
	if news != 2 { // killed before the folder is synced, and not at all
		t.Errorf("new %d times; want 2", news)
	}
}

// TestKilledWhileAChangeIsAdded: whenever defib is killed the file holds all of
// the change or nothing of it, and what was there before; and the next defib
// goes on from there.
func TestKilledWhileAChangeIsAdded(t *testing.T) {
	id := func(n int) string { return fmt.Sprintf("%064x", n) }
	sick := func(n int, phase heal.Phase) *entry {
		return &entry{container: heal.Container{ID: id(n)}, state: heal.State{Phase: phase}}
	}
	news := 0
	for steps := 0; ; steps++ {
		dir := t.TempDir()
		m := newMemory(dir, zerolog.Nop())
		m.disk = &dyingDisk{left: 1 << 40, lazy: true}
		m.note(sick(1, heal.Failing))
		m.note(sick(2, heal.Failing))
		m.write()
		d := &dyingDisk{left: steps, lazy: true}
		m.disk = d
		m.note(sick(1, heal.GivenUp))
		m.note(sick(2, heal.Steady)) // the zero state: forgotten
		m.note(sick(3, heal.Failing))
		m.write()
		all, done := d.left > 0, slices.Clone(d.steps)
		loaded, err := loadState(filepath.Join(dir, stateFile))
		if err != nil {
			t.Fatalf("killed after %d steps: %v", steps, err)
		}
		first, _, third := loaded.records[id(1)], loaded.records[id(2)], loaded.records[id(3)]
		switch {
		case len(loaded.records) == 2 && first.State.Phase == "gave-up" && third.State.Phase == "failing":
			news++
		case len(loaded.records) != 2 || first.State.Phase != "failing" || third.ID != "" || news > 0:
			t.Fatalf("killed after %d steps: %+v, %d times new before", steps, loaded.records, news)
		}
		next := newMemory(dir, zerolog.Nop())
		next.disk = m.disk
		d.left = 1 << 40
		next.open()()
		if again, err := loadState(filepath.Join(dir, stateFile)); err != nil || !reflect.DeepEqual(again.records, loaded.records) {
			t.Fatalf("killed after %d steps: the next defib makes %+v of it, %v", steps, again.records, err)
		}
		if all {
			if want := []string{"extend", "write", "sync", "close"}; !slices.Equal(done, want) {
				t.Errorf("written by %v; want %v", done, want)
			}
			break
		}
	}
	if news < 3 { // killed before the sync, before the end, and not at all
		t.Errorf("new %d times; want 3 or more", news)
	}
}

// TestWritesCostWhatHasChanged: in a storm of 1,000 each change writes about its
// own length, and the file does not grow without end.
func TestWritesCostWhatHasChanged(t *testing.T) {
	m := newMemory(t.TempDir(), zerolog.Nop())
	d := &dyingDisk{left: 1 << 40, lazy: true}
	m.disk = d
	one := func(n int, phase heal.Phase) {
		m.note(&entry{container: heal.Container{ID: fmt.Sprintf("%064x", n), Name: strings.Repeat("n", 200)}, state: heal.State{Phase: phase}})
		m.write()
	}
	const all = 1000
	for n := range all {
		one(n+1, heal.Failing)
	}
	size := int64(len(mustRead(t, filepath.Join(m.dir, stateFile))))
	before := int64(d.left)
	for n := range all {
		one(n+1, heal.GivenUp)
	}
	if bytes := before - int64(d.left); bytes > 3*size {
		t.Errorf("%d changes wrote %d bytes; all that is remembered is %d", all, bytes, size)
	}
	for range 5 {
		for n := range all {
			one(n+1, heal.Recovering)
			one(n+1, heal.GivenUp)
		}
	}
	if now := int64(len(mustRead(t, filepath.Join(m.dir, stateFile)))); now > 3*size {
		t.Errorf("the file has grown from %d bytes to %d", size, now)
	}
}

// TestFilesThatCannotBeRead: they are kept aside, said, and what can be read of
// them is.
func TestFilesThatCannotBeRead(t *testing.T) {
	good := string(encoded(t, "web"))
	id := strings.Repeat("a", 64)
	for name, c := range map[string]struct {
		text, aside string
		records     int
	}{
		"good":              {good, "", 1},
		"empty":             {"", ".bad", 0},
		"truncated":         {good[:len(good)/2], ".bad", 0},
		"garbage":           {"\x00\xff garbage", ".bad", 0},
		"null":              {"null", ".bad", 0},
		"no version":        {`{"containers":[]}`, ".bad", 0},
		"version of text":   {`{"version":"1","containers":[]}`, ".bad", 0},
		"newer":             {`{"version":7,"containers":"otherwise"}`, ".v7", 0},
		"containers a text": {`{"version":1,"containers":"none"}`, ".bad", 0},
		"one is no object":  {strings.Replace(good, `[{`, `[3,{`, 1), ".bad", 1},
		"an id is a path":   {`{"version":1,"containers":[{"id":"../../x/aaaaaaaaaa","state":{}}]}`, ".bad", 0},
		"unknown fields":    {`{"version":1,"containers":[{"id":"` + id + `","x":1,"state":{"phase":"failing","y":{}}}]}`, "", 1},
		"deep":              {strings.Repeat("[", 100_000), ".bad", 0},
		"huge":              {strings.Repeat(" ", maxStateFile+1), ".bad", 0},
		"a change":          {good + `{"containers":[{"id":"` + id + `","state":{}}]}` + "\n", "", 2},
		"gone":              {good + `{"containers":[{"id":"` + id + `","state":{}}]}` + "\n" + `{"gone":["` + id + `"]}` + "\n", "", 1},
		"half a change":     {good + `{"containers":[{"id":"` + id, "", 1},
		"zeros":             {good + `{"containers":[{"id":"` + id + `","state":{}}]}` + "\n\x00\x00", ".bad", 2},
		"a bad change":      {good + "{\"containers\":[3]}\n", ".bad", 1},
		"a change is text":  {good + "{\"containers\":\"none\"}\n", ".bad", 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir, log := t.TempDir(), &syncedText{}
			path := filepath.Join(dir, stateFile)
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			m := newMemory(dir, zerolog.New(log))
			m.open()()
			if len(m.pending) != c.records {
				t.Errorf("%d containers were read; want %d", len(m.pending), c.records)
			}
			if got, err := parseState(mustRead(t, path)); err != nil || len(got.records) != c.records {
				t.Errorf("the file that replaces it: %v, %v", got, err)
			}
			entries, _ := os.ReadDir(dir)
			switch {
			case c.aside == "" && (len(entries) != 1 || log.count("cannot be read") != 0):
				t.Errorf("%d files, %s", len(entries), log.text.String())
			case c.aside != "" && (string(mustRead(t, path+c.aside)) != c.text || log.count("cannot be read") != 1):
				t.Errorf("it was not kept aside: %s", log.text.String())
			}
		})
	}
}

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestWhatCannotBeMovedAsideStays: a file that can neither be read nor renamed
// is not overwritten.
func TestWhatCannotBeMovedAsideStays(t *testing.T) {
	dir, log := t.TempDir(), &syncedText{}
	path := filepath.Join(dir, stateFile)
	const text = `{"version":2}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path+".v2", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	m := newMemory(dir, zerolog.New(log))
	closed := m.open()
	m.note(&entry{container: heal.Container{ID: "a"}, state: heal.State{Phase: heal.Failing}})
	m.settle()
	closed()
	if got := string(mustRead(t, path)); got != text || log.count("cannot be had") != 1 {
		t.Errorf("the file holds %s; said: %s", got, log.text.String())
	}
}

// TestSectionsAreKept: what other parts, or later versions, keep in the file
// stays in it.
func TestSectionsAreKept(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, stateFile)
	if err := os.WriteFile(path, []byte(`{"pauses":[{"until":1}],"version":1,"containers":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	m := newMemory(dir, zerolog.Nop())
	closed := m.open()
	m.note(&entry{container: heal.Container{ID: strings.Repeat("a", 64)}, state: heal.State{Phase: heal.Failing}})
	closed()
	got, err := parseState(mustRead(t, path))
	if err != nil || string(got.sections["pauses"]) != `[{"until":1}]` || len(got.sections) != 1 || got.records[strings.Repeat("a", 64)].State.Phase != "failing" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestManyAndLarge: the file keeps within what will be read, and open incidents
// come first.
func TestManyAndLarge(t *testing.T) {
	var many []*record
	for i := range maxRecords + 5 {
		r := &record{ID: fmt.Sprintf("%064x", i+1), Key: "k", State: heal.Saved{Phase: "steady"}}
		if i >= maxRecords {
			r.State.Phase = "failing"
		}
		many = append(many, r)
	}
	text, left, err := encodeState(many, nil)
	if err != nil || left != 5 {
		t.Errorf("left out %d, %v; want 5", left, err)
	}
	d, err := parseState(text)
	if err != nil || len(d.records) != maxRecords || d.records[fmt.Sprintf("%064x", maxRecords+5)].State.Phase != "failing" {
		t.Errorf("%d were read, %v", len(d.records), err)
	}
	for i := range many {
		many[i].State.Probe.Output = strings.Repeat("\x01", 1000) // six times as long in JSON
	}
	text, left, err = encodeState(many, nil)
	if err != nil || len(text) > maxStateFile || left < 1000 {
		t.Errorf("%d bytes, left out %d, %v", len(text), left, err)
	}
	if d, err := parseState(text); err != nil || len(d.records)+left != len(many) {
		t.Errorf("%d of %d were read, %v", len(d.records), len(many), err)
	}
}

// TestRecordsSurviveTheFile: each field of a record comes back.
func TestRecordsSurviveTheFile(t *testing.T) {
	r := record{
		Key: "shop/web/1", ID: strings.Repeat("b", 64), Name: "shop-web-1", Image: "shop:1", Project: "shop", Service: "web",
		Heard: time.Date(2026, 11, 22, 18, 0, 0, 5, time.UTC), State: heal.State{Phase: heal.GivenUp, Told: 2}.Saved(),
	}
	text, _, err := encodeState([]*record{&r}, nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := parseState(text)
	if err != nil || !reflect.DeepEqual(d.records[r.ID], r) {
		t.Errorf("%+v, %v; want %+v", d.records[r.ID], err, r)
	}
}

func TestKeySurvivesRecreation(t *testing.T) {
	labels := map[string]string{"com.docker.compose.container-number": "2"}
	for want, c := range map[string]heal.Container{
		"shop/web/2": {Name: "shop-web-2", Project: "shop", Service: "web"},
		"web":        {Name: "web"},
	} {
		if got := keyOf(c, labels); got != want {
			t.Errorf("%s; want %s", got, want)
		}
	}
}

// brokenDisk fails or hangs as it is told to.
type brokenDisk struct {
	realDisk

	mu    sync.Mutex
	fails error
	hangs chan struct{}
}

func (d *brokenDisk) set(fails error, hangs chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails, d.hangs = fails, hangs
}

func (d *brokenDisk) create(path string) (openFile, error) {
	if err := d.broken(path); err != nil {
		return nil, err
	}
	return d.realDisk.create(path)
}

func (d *brokenDisk) extend(path string) (openFile, error) {
	if err := d.broken(path); err != nil {
		return nil, err
	}
	return d.realDisk.extend(path)
}

func (d *brokenDisk) broken(path string) error {
	d.mu.Lock()
	fails, hangs := d.fails, d.hangs
	d.mu.Unlock()
	if hangs != nil {
		<-hangs
	}
	if fails != nil {
		return &os.PathError{Op: "open", Path: path, Err: fails}
	}
	return nil
}
