package e2e

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"strconv"
	"testing"
	"time"
)

// TestImage: what must be in the image, and how large it may be.
func TestImage(t *testing.T) {
	s := newSceneOn(t, machine())
	size, err := strconv.Atoi(s.docker("image", "inspect", "-f", "{{.Size}}", s.stage.image))
	if err != nil || size > 10_000_000 {
		t.Errorf("the image has %d bytes (%v); at most 10,000,000", size, err)
	}
	t.Logf("the image has %d bytes", size)

	files := s.files()
	for _, name := range []string{"defib", "etc/ssl/certs/ca-certificates.crt", "usr/share/zoneinfo/Europe/Berlin"} {
		if files[name] == nil || files[name].Size == 0 {
			t.Errorf("the image has no %s", name)
		}
	}
	// Root without capabilities and any other user write there alike.
	if data := files["data/"]; data == nil || data.FileInfo().Mode().Perm() != 0o777 || data.Uid != 65532 {
		t.Errorf("/data: %+v; want it owned by 65532 and writable by all", data)
	}
	for name, header := range files {
		if header.FileInfo().Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
			t.Errorf("%s gives those who run it the rights of its owner", name)
		}
	}
}

// files lists what the image holds.
func (s *scene) files() map[string]*tar.Header {
	s.Helper()
	id := s.docker("create", "--label", sceneLabel+"="+s.name, s.stage.image)
	s.removeLater(s.engine, id)
	export := s.engine.command(s.Context(), "export", id)
	out, err := export.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	if err := export.Start(); err != nil {
		s.Fatal("export the image:", err)
	}
	files := map[string]*tar.Header{}
	for archive := tar.NewReader(out); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			s.Fatal("read the image:", err)
		}
		files[header.Name] = header
	}
	if err := export.Wait(); err != nil {
		s.Fatal("export the image:", err)
	}
	return files
}

// TestStopsWhenAsked: docker stop and a deploy must not wait for it.
func TestStopsWhenAsked(t *testing.T) {
	s := newScene(t)
	d := s.defib()
	s.await("defib to watch", d.watches)
	began := time.Now()
	s.docker("stop", "-t", "10", d.id)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s to stop", took)
	}
	if got := d.state(".State.ExitCode"); got != "0" {
		t.Errorf("it exited with code %s; want 0", got)
	}
}
