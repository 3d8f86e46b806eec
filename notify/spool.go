package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"defib/heal"

	"github.com/rs/zerolog"
)

// Limits of the spool.
const (
	spoolVersion = 1
	spoolBytes   = 8 << 20               // in all; what is more stays in memory only
	spoolFile    = 64 << 10              // of one file that is read
	spoolBad     = 10                    // unreadable files that are kept
	settleSoon   = 50 * time.Millisecond // after a Post
	settleAtEnd  = 500 * time.Millisecond
	ledgerFile   = "ledger.json"
)

// spool keeps on disk what waits for a receiver: one synced file for each alert
// and receiver, so that no kill loses one and a full disk can still be emptied.
// It never holds an address. Only the goroutine of serve touches the disk, so
// that nobody else ever waits for it.
type spool struct {
	dir  string // empty: memory only
	disk disk
	log  zerolog.Logger

	orders  chan order
	ended   chan struct{}
	serving sync.Once

	// Owned by the goroutine of serve.
	bytes   int64
	sizes   map[string]int64
	trouble bool // the disk refuses, and that was said
	full    bool // spoolBytes are spent, and that was said
}

// order is one wish to the goroutine of the spool.
type order struct {
	do   func()
	done chan struct{}
}

// disk is what the spool does to its folder.
type disk interface {
	write(path string, content []byte) error // to a synced file
	rename(from, to string) error
	remove(path string) error
	sync(dir string) error
}

// spooled is a file of the spool.
type spooled struct {
	Version  int         `json:"version"`
	Receiver string      `json:"receiver"` // the key of its worker
	Queued   time.Time   `json:"queued"`
	Notice   heal.Notice `json:"notice"`
}

// ledgerSaved is the file of the ledger.
type ledgerSaved struct {
	Version int                `json:"version"`
	Talks   map[string]*talk   `json:"talks"`
	Records map[string]*record `json:"records"`
}

func newSpool(stateDir string, log zerolog.Logger) *spool {
	s := &spool{disk: realDisk{}, log: log, orders: make(chan order), ended: make(chan struct{}), sizes: map[string]int64{}}
	if stateDir != "" {
		s.dir = filepath.Join(stateDir, "spool")
	}
	return s
}

// serve does what it is asked, one after the other, until end.
func (s *spool) serve() {
	for {
		select {
		case o := <-s.orders:
			o.do()
			close(o.done)
		case <-s.ended:
			return
		}
	}
}

// ask has the goroutine of the spool do something and waits for it, as long as
// ctx lasts. It tells whether it was done.
func (s *spool) ask(ctx context.Context, do func()) bool {
	s.serving.Do(func() { go s.serve() })
	o := order{do: do, done: make(chan struct{})}
	select {
	case s.orders <- o:
	case <-s.ended:
		return false
	case <-ctx.Done():
		return false
	}
	select {
	case <-o.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// end ends the goroutine, unless it hangs with its disk.
func (s *spool) end() { close(s.ended) }

// Settle makes durable what was posted before the call, as long as ctx lasts.
// What the disk refuses stays in memory, which is logged once.
func (n *Notifier) Settle(ctx context.Context) {
	if n.spool.dir != "" {
		n.spool.ask(ctx, n.save)
	}
}

// keep settles soon after each Post, and once more at the end.
func (n *Notifier) keep(ctx context.Context) {
	for {
		select {
		case <-n.posted:
			select {
			case <-time.After(settleSoon):
			case <-ctx.Done():
			}
			n.Settle(ctx)
		case <-time.After(time.Minute): // what a disk refused
			n.Settle(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleAtEnd)
			defer cancel()
			n.Settle(last)
			return
		}
	}
}

// save writes what has no file, removes the files of what was delivered or
// dropped, and then writes the ledger: in this order, so that a kill in between
// tells twice rather than never.
func (n *Notifier) save() {
	s := n.spool
	wrote := false
	for _, w := range n.workers {
		wrote = s.putAll(w) || wrote
	}
	if wrote {
		if err := s.disk.sync(s.dir); err != nil {
			s.refused(err)
		} else if s.trouble {
			s.trouble = false
			s.log.Info().Str("dir", s.dir).Msg("what waits to be delivered can be kept on disk again")
		}
	}
	if n.ledger.dirty() {
		s.keepLedger(n.ledger)
	}
	for _, w := range n.workers {
		for _, file := range w.queue.removals() {
			s.drop(file)
		}
	}
}

// putAll writes what waits for a receiver and has no file; it tells whether
// there was something.
func (s *spool) putAll(w *worker) (wrote bool) {
	for _, a := range w.queue.unsaved() {
		file, err := s.put(w.key, a)
		if err != nil {
			s.refused(err)
			return wrote // the next would fare no better
		}
		if file != "" {
			wrote = true
			w.queue.saved(a.number, file)
		}
	}
	return wrote
}

func (s *spool) keepLedger(l *ledger) {
	text, err := json.Marshal(l.saved())
	if err == nil {
		err = s.replace(filepath.Join(s.dir, ledgerFile), text)
	}
	if err != nil {
		s.refused(err)
	}
}

// put writes the file of an alert and gives its name; none, and no error, where
// the spool is full.
func (s *spool) put(key string, a alert) (string, error) {
	text, err := json.Marshal(spooled{Version: spoolVersion, Receiver: key, Queued: a.Queued, Notice: a.Notice})
	if err != nil {
		return "", fmt.Errorf("encode an alert: %w", err)
	}
	if s.bytes+int64(len(text)) > spoolBytes {
		if !s.full {
			s.full = true
			s.log.Warn().Str("dir", s.dir).Int("bytes", spoolBytes).Msg("the spool is full: new alerts are kept in memory only")
		}
		return "", nil
	}
	s.full = false
	name := fmt.Sprintf("%020d-%06d-%s.json", a.Queued.UnixNano(), a.number%1000000, key)
	if err := s.replace(filepath.Join(s.dir, name), text); err != nil {
		return "", err
	}
	s.sizes[name] = int64(len(text))
	s.bytes += int64(len(text))
	return name, nil
}

// replace writes a file aside and moves it into place.
func (s *spool) replace(path string, text []byte) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("make the spool: %w", err)
	}
	aside := path + ".tmp"
	if err := s.disk.write(aside, text); err != nil {
		_ = s.disk.remove(aside) // what is left of it; it is removed at the next start, too
		return fmt.Errorf("write to the spool: %w", err)
	}
	if err := s.disk.rename(aside, path); err != nil {
		return fmt.Errorf("write to the spool: %w", err)
	}
	return nil
}

// refused says once that the disk takes nothing.
func (s *spool) refused(err error) {
	if !s.trouble {
		s.trouble = true
		s.log.Warn().AnErr("err", err).
			Msg("alerts cannot be kept on disk: they are kept in memory, and a restart of defib loses those that wait; mount a writable volume at AUTOHEAL_STATE_DIR")
	}
}

// drop removes a file. One that cannot be removed is delivered again by the
// next start, which is said.
func (s *spool) drop(name string) {
	s.bytes -= s.sizes[name]
	delete(s.sizes, name)
	if err := s.disk.remove(filepath.Join(s.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.log.Warn().AnErr("err", err).Msg("a delivered alert cannot be removed from the spool: the next start of defib delivers it again")
	}
}

// realDisk is the disk that there is.
type realDisk struct{}

func (realDisk) write(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Sync(), file.Close())
}

func (realDisk) rename(from, to string) error { return os.Rename(from, to) }
func (realDisk) remove(path string) error     { return os.Remove(path) }

func (realDisk) sync(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// fileName makes a text fit for the name of a file.
func fileName(text string) string {
	plain := func(r rune) rune {
		if r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}
	return strings.Trim(cutRunes(strings.Map(plain, text), 80), "-.…")
}

// sortedNames gives the names in a folder in their order, none where there is
// no folder.
func sortedNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the spool: %w", err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	slices.Sort(names)
	return names, nil
}
