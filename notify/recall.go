package notify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"defib/heal"

	"github.com/rs/zerolog"
)

// recallTime is how long the start waits for the spool to be read.
const recallTime = 5 * time.Second

// maxLedger is how many bytes of a ledger are read.
const maxLedger = 32 << 20

// recall queues what the defib before this one could not deliver.
func (n *Notifier) recall(ctx context.Context) {
	if n.spool.dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recallTime)
	defer cancel()
	if !n.spool.ask(ctx, n.load) {
		n.log.Error().Str("dir", n.spool.dir).
			Msg("the spool cannot be read in time: its disk does not answer; what waits in it is delivered when it does, or by the next start")
	}
}

// findings are what reading the spool came upon, for one log line each.
type findings struct {
	queued    int
	strangers int
	old       int
	bad       []string // names, oldest first, those of earlier starts too
	worse     int      // how many of them are new
	why       error    // the first reason
	example   string   // its file
	unread    int      // that the disk did not give
}

// load reads the spool, once: one file after the other, so that no more than what
// a queue holds is in memory. It runs in the goroutine of the spool.
func (n *Notifier) load() {
	s, now := n.spool, time.Now()
	if s.loaded {
		return
	}
	s.loaded = true
	names, err := s.disk.list(s.dir)
	if err != nil {
		s.judge(false, fmt.Errorf("read the spool: %w", err))
		return
	}
	var f findings
	if slices.Contains(names, ledgerFile) {
		n.loadLedger(now, &f)
	}
	workers := map[string]*worker{}
	for _, w := range n.workers {
		workers[w.key] = w
	}
	for _, name := range names {
		switch {
		case strings.HasSuffix(name, ".tmp"):
			_ = s.disk.remove(filepath.Join(s.dir, name)) // of a write that a kill has cut; nothing of it was promised
		case strings.HasSuffix(name, ".bad"):
			f.bad = append(f.bad, name)
		case name != ledgerFile && strings.HasSuffix(name, ".json"):
			n.loadOne(name, now, workers, &f)
		}
	}
	for key, w := range workers {
		for _, a := range w.queue.look() {
			if a.recalled {
				n.ledger.recalled(key, a.Notice, a.Queued)
			}
		}
	}
	s.putAside(&f)
	f.report(s)
}

func (n *Notifier) loadLedger(now time.Time, f *findings) {
	var saved ledgerSaved
	text, err := n.spool.disk.read(filepath.Join(n.spool.dir, ledgerFile), maxLedger)
	if err == nil {
		err = json.Unmarshal(text, &saved)
	}
	if err == nil && saved.Version != spoolVersion {
		err = errVersion(saved.Version)
	}
	if err != nil {
		f.failed(ledgerFile, err)
		return
	}
	n.ledger.restore(saved, now)
}

// loadOne queues the alert of one file.
func (n *Notifier) loadOne(name string, now time.Time, workers map[string]*worker, f *findings) {
	s := n.spool
	k, size, err := s.read(name)
	if err != nil {
		f.failed(name, err)
		return
	}
	if k.Queued.After(now) {
		k.Queued = now
	}
	s.sizes[name] = size
	s.bytes += size
	w := workers[k.Receiver]
	switch {
	case now.Sub(k.Queued) > maxAge:
		if f.old++; f.old <= maxNamed {
			s.log.Warn().Str("receiver", clean(k.Receiver, maxName)).Str("incident", clean(k.Notice.Incident, maxName)).
				Str("container", clean(k.Notice.Container.Name, maxName)).Msg("alert not delivered: it is older than a day")
		}
		s.stuck = append(s.stuck, name) // removed with the next save
	case w == nil:
		f.strangers++
		s.strangers[name] = k.Queued
	default:
		trim(&k.Notice)
		f.took(w, alert{Notice: k.Notice, Host: k.Host, Queued: k.Queued, order: min(k.Order, maxOrder), file: name})
	}
}

// maxOrder leaves room for those that come after it; it is a time in 2116.
const maxOrder = 1 << 62

// took queues an alert of the defib before this one.
func (f *findings) took(w *worker, a alert) {
	switch w.queue.restore(a) {
	case overflow:
		w.overflows(a)
	case taken:
		f.queued++
	case dropped, doubled, refused: // the log tells how many; there is one already; the next start has it
	}
}

// read gives one file. Its error is no *fs.PathError where the file itself is to
// blame.
func (s *spool) read(name string) (spooled, int64, error) {
	var k spooled
	text, err := s.disk.read(filepath.Join(s.dir, name), spoolFile)
	if err != nil {
		return k, 0, err
	}
	err = json.Unmarshal(text, &k)
	var version struct {
		Version int `json:"version"`
	}
	// A later version may have other types: its number is asked for alone.
	if json.Unmarshal(text, &version) == nil && version.Version != spoolVersion {
		err = errVersion(version.Version)
	}
	switch n := &k.Notice; {
	case err != nil:
	case k.Receiver == "" || n.Reason == 0 || k.Queued.IsZero():
		err = errors.New("it lacks something")
	case n.Verb > heal.Start || n.Status > heal.StatusExited:
		err = errors.New("it speaks of what does not exist")
	}
	return k, int64(len(text)), err
}

func errVersion(version int) error {
	return fmt.Errorf("it has version %d, and this defib knows %d", version, spoolVersion)
}

// failed notes a file that could not be taken: one that is wrong in itself is
// put aside, one that the disk did not give stays where it is.
func (f *findings) failed(name string, err error) {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		f.unread++
		err = path.Err
	} else {
		f.bad = append(f.bad, name)
		f.worse++
	}
	if f.why == nil {
		f.why, f.example = err, name
	}
}

// putAside renames the files that are wrong, and keeps the newest few of all
// that ever were.
func (s *spool) putAside(f *findings) {
	bare := func(name string) string { return strings.TrimSuffix(name, ".bad") }
	slices.SortFunc(f.bad, func(a, b string) int { return cmp.Compare(bare(a), bare(b)) })
	for i, name := range f.bad {
		path := filepath.Join(s.dir, name)
		switch {
		case i < len(f.bad)-spoolBad:
			_ = s.disk.remove(path) // one that cannot be removed is met again by the next start
		case !strings.HasSuffix(name, ".bad"):
			_ = s.disk.rename(path, path+".bad") // likewise
		}
	}
}

// report says what was found.
func (f *findings) report(s *spool) {
	if f.queued > 0 {
		s.log.Info().Int("alerts", f.queued).Msg("alerts of before defib's restart are delivered now")
	}
	if f.strangers > 0 {
		s.log.Warn().Int("alerts", f.strangers).Str("dir", s.dir).
			Msg("alerts wait for receivers that are not set any more; they are kept until they are a day old")
	}
	if f.old > maxNamed {
		s.log.Warn().Int("alerts", f.old).Msg("alerts not delivered: so many in all are older than a day")
	}
	about := func(level zerolog.Level) *zerolog.Event {
		return s.log.WithLevel(level).Str("dir", s.dir).Str("file", clean(f.example, maxName)).AnErr("err", f.why)
	}
	if f.worse > 0 {
		about(zerolog.WarnLevel).Int("files", f.worse).Int("kept", spoolBad).
			Msg("files of the spool cannot be read and are put aside (.bad); the newest few are kept")
	}
	if f.unread > 0 {
		about(zerolog.WarnLevel).Int("files", f.unread).Msg("the disk does not give files of the spool; the next start tries again")
	}
}
