package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// recallTime is how long the start waits for the spool to be read.
const recallTime = 5 * time.Second

// recall queues what the defib before this one could not deliver.
func (n *Notifier) recall(ctx context.Context) {
	if n.spool.dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recallTime)
	defer cancel()
	var found []kept
	var saved ledgerSaved
	if !n.spool.ask(ctx, func() { found, saved = n.spool.load(time.Now()) }) {
		n.log.Error().Str("dir", n.spool.dir).Msg("the spool cannot be read: its disk does not answer; what waited in it is not delivered")
		return
	}
	n.ledger.restore(saved, time.Now())
	workers := map[string]*worker{}
	for _, w := range n.workers {
		workers[w.key] = w
	}
	queued, strangers := 0, 0
	for _, k := range found {
		w := workers[k.Receiver]
		if w == nil {
			strangers++
			continue
		}
		queued++
		if w.queue.push(alert{Notice: k.Notice, Queued: k.Queued, file: k.file}) == doubled {
			w.queue.forgetFile(k.file)
		}
	}
	if queued > 0 {
		n.log.Info().Int("alerts", queued).Msg("alerts of before defib's restart are delivered now")
	}
	if strangers > 0 {
		n.log.Warn().Int("alerts", strangers).Str("dir", n.spool.dir).
			Msg("alerts wait for receivers that are not set any more; they are kept for a day")
	}
}

// forgetFile has a file removed that no alert has.
func (q *queue) forgetFile(file string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.gone = append(q.gone, file)
}

// kept is one good file of the spool.
type kept struct {
	spooled

	file string
}

// load reads the spool, oldest first. What cannot be read is put aside.
func (s *spool) load(now time.Time) ([]kept, ledgerSaved) {
	var saved ledgerSaved
	names, err := sortedNames(s.dir)
	if err != nil {
		s.refused(err)
		return nil, saved
	}
	var found []kept
	for _, name := range names {
		path := filepath.Join(s.dir, name)
		switch {
		case strings.HasSuffix(name, ".tmp"):
			_ = s.disk.remove(path) // of a write that a kill has cut; nothing of it was promised
		case name == ledgerFile:
			if err := readJSON(path, maxLedger, &saved); err != nil || saved.Version != spoolVersion {
				s.aside(path, firstError(err, errVersion(saved.Version)))
				saved = ledgerSaved{}
			}
		case strings.HasSuffix(name, ".json"):
			if k, ok := s.read(path, name, now); ok {
				found = append(found, k)
			}
		}
	}
	return found, saved
}

// read gives one file. One that is too old, or unreadable, is put aside.
func (s *spool) read(path, name string, now time.Time) (kept, bool) {
	k := kept{file: name}
	err := readJSON(path, spoolFile, &k.spooled)
	switch {
	case err == nil && k.Version != spoolVersion:
		err = errVersion(k.Version)
	case err == nil && (k.Receiver == "" || k.Notice.Reason == 0 || k.Queued.IsZero()):
		err = errors.New("it lacks something")
	}
	if err != nil {
		s.aside(path, err)
		return k, false
	}
	if k.Queued.After(now) {
		k.Queued = now
	}
	if now.Sub(k.Queued) > maxAge {
		s.log.Warn().Str("receiver", clean(k.Receiver, maxName)).Str("incident", clean(k.Notice.Incident, maxName)).
			Str("container", clean(k.Notice.Container.Name, maxName)).Msg("alert not delivered: it is older than a day")
		_ = s.disk.remove(path) // tried again at the next start
		return k, false
	}
	trim(&k.Notice)
	if info, err := os.Stat(path); err == nil {
		s.sizes[name] = info.Size()
		s.bytes += info.Size()
	}
	return k, true
}

// maxLedger is how many bytes of a ledger are read.
const maxLedger = 32 << 20

func errVersion(version int) error {
	return fmt.Errorf("it has version %d, and this defib knows %d", version, spoolVersion)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// readJSON reads a regular file of at most so many bytes.
func readJSON(path string, limit int64, into any) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("it is no regular file")
	case info.Size() > limit:
		return fmt.Errorf("it has more than %d bytes", limit)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// aside renames a file that cannot be read, and keeps a few of such.
func (s *spool) aside(path string, why error) {
	s.log.Warn().AnErr("err", why).Str("file", path).Msg("a file of the spool cannot be read and is put aside (.bad)")
	if err := s.disk.rename(path, path+".bad"); err != nil {
		s.log.Warn().AnErr("err", err).Str("file", path).Msg("the unreadable file cannot be renamed; it stays where it is")
		return
	}
	names, err := sortedNames(s.dir)
	if err != nil {
		return // the next start tries again
	}
	var bad []string
	for _, name := range names {
		if strings.HasSuffix(name, ".bad") {
			bad = append(bad, name)
		}
	}
	for _, name := range bad[:max(0, len(bad)-spoolBad)] {
		_ = s.disk.remove(filepath.Join(s.dir, name)) // likewise
	}
}
