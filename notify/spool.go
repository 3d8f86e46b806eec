package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"defib/heal"

	"github.com/rs/zerolog"
)

// Limits of the spool.
const (
	spoolVersion = 1
	spoolBytes   = 8 << 20 // in all; what is more stays in memory only
	// spoolFile bounds a file that is read. The texts of a notice are bounded by
	// trim, and JSON may take six bytes for one of theirs.
	spoolFile   = 512 << 10
	spoolBad    = 10                    // unreadable files that are kept
	settleSoon  = 50 * time.Millisecond // after a Post
	settleAtEnd = 500 * time.Millisecond
	settleAgain = time.Minute // what a disk refused
	ledgerFile  = "ledger.json"
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
	loaded    bool
	bytes     int64
	sizes     map[string]int64
	strangers map[string]time.Time // files for receivers that are not set any more, and since when they wait
	stuck     []string             // files that could not be removed
	unsynced  bool                 // the folder is to be synced
	trouble   bool                 // the disk refuses, and that was said
	full      bool                 // spoolBytes are spent, and that was said
	fixed     bool                 // a file cannot be removed, and that was said
}

// order is one wish to the goroutine of the spool.
type order struct {
	do   func()
	done chan struct{}
}

// spooled is a file of the spool. What stands in it counts, not its name.
type spooled struct {
	Version  int         `json:"version"`
	Receiver string      `json:"receiver"` // the key of its worker
	Order    int64       `json:"order"`    // among those of its receiver
	Queued   time.Time   `json:"queued"`
	Host     string      `json:"host,omitempty"`
	Notice   heal.Notice `json:"notice"`
}

// ledgerSaved is the file of the ledger.
type ledgerSaved struct {
	Version int                `json:"version"`
	Talks   map[string]*talk   `json:"talks"`
	Records map[string]*record `json:"records"`
}

func newSpool(stateDir string, log zerolog.Logger) *spool {
	s := &spool{
		disk: realDisk{}, log: log, orders: make(chan order), ended: make(chan struct{}),
		sizes: map[string]int64{}, strangers: map[string]time.Time{},
	}
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

// keep settles soon after each Post, whoever else asks for it or not, and at
// once after a delivery: a kill between that and the removal of its file is one
// message twice. It settles once more at the end.
func (n *Notifier) keep(ctx context.Context) {
	if n.spool.dir == "" {
		return
	}
	again := time.NewTicker(settleAgain)
	defer again.Stop()
	for ctx.Err() == nil {
		select {
		case <-n.posted:
			select {
			case <-time.After(settleSoon):
			case <-ctx.Done():
			}
		case <-n.left:
		case <-again.C:
		case <-ctx.Done():
		}
		n.Settle(ctx)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleAtEnd)
	defer cancel()
	n.Settle(last)
}

// save writes what has no file and then the ledger, syncs the folder, and then
// removes the files of what was delivered or dropped: in this order, so that a
// kill in between tells twice rather than never. Removing needs no room: it
// goes on on a full disk. Nothing is written before the spool was read: only
// then is it known what comes before what.
func (n *Notifier) save() {
	n.load()
	s := n.spool
	wrote, err := s.putAll(n.workers)
	if err == nil && len(n.workers) > 0 && n.ledger.dirty() { // nobody to tell: nothing to know, and the watcher waits
		wrote = true
		if err = s.keepLedger(n.ledger); err != nil {
			n.ledger.touch()
		}
	}
	if wrong := s.sync(); err == nil {
		err = wrong
	}
	s.judge(wrote, err)
	gone := s.stuck
	s.stuck = nil
	for _, w := range n.workers {
		gone = append(gone, w.queue.removals()...)
	}
	s.drop(append(gone, s.expired(time.Now())...))
	_ = s.sync() // else a power cut brings back what was delivered; it is tried again
}

// sync makes durable which files there are.
func (s *spool) sync() error {
	if !s.unsynced {
		return nil
	}
	if err := s.disk.sync(s.dir); err != nil {
		return fmt.Errorf("sync the spool: %w", err)
	}
	s.unsynced = false
	return nil
}

// putAll writes what waits for a receiver and has no file; it tells whether
// there was something.
func (s *spool) putAll(workers []*worker) (wrote bool, err error) {
	for _, w := range workers {
		for _, a := range w.queue.unsaved() {
			file, err := s.put(w.key, a)
			if err != nil {
				return wrote, err // the next would fare no better
			}
			if file != "" {
				wrote, s.unsynced = true, true
				w.queue.saved(a.number, file)
			}
		}
	}
	return wrote, nil
}

// put writes the file of an alert and gives its name; none, and no error, where
// the spool is full.
func (s *spool) put(key string, a alert) (string, error) {
	text, err := json.Marshal(spooled{
		Version: spoolVersion, Receiver: key, Order: a.order, Queued: a.Queued, Host: a.Host, Notice: a.Notice,
	})
	if err != nil {
		return "", fmt.Errorf("encode an alert: %w", err)
	}
	if s.bytes+int64(len(text)) > spoolBytes {
		if !s.full {
			s.full = true
			s.log.Warn().Str("dir", s.dir).Int("bytes", spoolBytes).
				Msg("the spool is full: new alerts are kept in memory only, and a restart of defib loses those that wait")
		}
		return "", nil
	}
	name := fmt.Sprintf("%019d-%s-%s.json", a.order, a.id(), key)
	if err := replace(s.disk, filepath.Join(s.dir, name), text); err != nil {
		return "", err
	}
	s.sizes[name] = int64(len(text))
	s.bytes += int64(len(text))
	return name, nil
}

func (s *spool) keepLedger(l *ledger) error {
	text, err := json.Marshal(l.saved())
	if err != nil {
		return fmt.Errorf("encode what people were told: %w", err)
	}
	if err := replace(s.disk, filepath.Join(s.dir, ledgerFile), text); err != nil {
		return err
	}
	s.unsynced = true
	return nil
}

// judge says once that the disk takes nothing, and once that it does again;
// wrote tells that there was something to write.
func (s *spool) judge(wrote bool, err error) {
	switch {
	case err != nil && !s.trouble:
		s.trouble = true
		s.log.Warn().AnErr("err", err).
			Msg("alerts cannot be kept on disk: they are kept in memory, and a restart of defib loses those that wait; mount a writable volume at AUTOHEAL_STATE_DIR")
	case err == nil && wrote && s.trouble:
		s.trouble = false
		s.log.Info().Str("dir", s.dir).Msg("alerts can be written again: those that wait are on disk")
	}
}

// drop removes files. What cannot be removed is tried again later, and the next
// start would deliver it again, which is said once.
func (s *spool) drop(names []string) {
	for _, name := range names {
		err := s.disk.remove(filepath.Join(s.dir, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			s.stuck = append(s.stuck, name)
			if !s.fixed {
				s.fixed = true
				s.log.Warn().AnErr("err", err).
					Msg("a delivered alert cannot be removed from the spool: if that stays so, the next start of defib delivers it again")
			}
			continue
		}
		s.unsynced = true
		s.bytes -= s.sizes[name]
		delete(s.sizes, name)
		delete(s.strangers, name)
	}
	if s.bytes < spoolBytes/2 {
		s.full = false // it may be said again
	}
	if len(s.stuck) == 0 {
		s.fixed = false
	}
}

// expired gives the files of strangers that nobody will ask for any more.
func (s *spool) expired(now time.Time) []string {
	var old []string
	for name, queued := range s.strangers {
		if now.Sub(queued) > maxAge {
			old = append(old, name)
			delete(s.strangers, name)
		}
	}
	if len(old) > 0 {
		s.log.Warn().Int("alerts", len(old)).Msg("alerts for receivers that are not set any more are dropped: they are older than a day")
	}
	return old
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
