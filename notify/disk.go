package notify

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// disk is what the spool asks of a file system. Tests end it in mid-write.
type disk interface {
	mkdir(dir string) error                  // with its parents
	write(path string, content []byte) error // to a file that is synced
	rename(from, to string) error
	remove(path string) error
	sync(dir string) error
	list(dir string) ([]string, error)             // names, sorted; none where there is no folder
	read(path string, limit int64) ([]byte, error) // a regular file of at most so many bytes
}

// errNoAlert says that a file is none that defib wrote.
var errNoAlert = errors.New("it is no regular file, or too long")

// realDisk is the disk that there is.
type realDisk struct{}

func (realDisk) mkdir(dir string) error { return os.MkdirAll(dir, 0o700) }

func (realDisk) write(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

func (realDisk) rename(from, to string) error { return os.Rename(from, to) }

func (realDisk) remove(path string) error { return os.Remove(path) }

func (realDisk) sync(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = folder.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil // a file system that cannot; the files themselves are there
	}
	return errors.Join(err, folder.Close())
}

func (realDisk) list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

func (realDisk) read(path string, limit int64) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, errNoAlert
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, limit))
	return text, errors.Join(err, file.Close())
}

// replace writes a file aside and moves it into place: whenever defib is killed
// the old file is there, or the new one, whole.
func replace(d disk, path string, text []byte) error {
	if err := d.mkdir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("make the spool: %w", err)
	}
	aside := path + ".tmp"
	if err := d.write(aside, text); err != nil {
		_ = d.remove(aside) // what is left of it; it is removed at the next start, too
		return fmt.Errorf("write to the spool: %w", err)
	}
	if err := d.rename(aside, path); err != nil {
		return fmt.Errorf("write to the spool: %w", err)
	}
	return nil
}
