// Package e2e shows the shipped image at work on real Docker engines: the one
// of this machine, and engines of its own where a test must kill one.
//
// Without an engine every test is skipped by name; DEFIB_REQUIRE_ENGINE=1 makes
// that a failure. DEFIB_IMAGE names the image to test; without it the image is
// built from this checkout. The tests touch nothing but what they made, which
// carries the label defib.e2e.scene.
package e2e

import (
	"archive/tar"
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"defib/internal/enginelock"
)

// stage is what all tests share: the two images.
type stage struct {
	image   string // defib's, on this machine's engine
	patient []byte // the archive of the patient's image, for any engine
	release func() // of the engine's lock: held until the process ends
	err     error  // why there is no stage
}

// theStage is set once: building the images takes seconds.
var theStage = sync.OnceValue(func() stage {
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	s, err := prepare(ctx)
	s.err = err
	return s
})

// patientImage has the process in its tag, so that two runs of the tests on one
// engine do not remove each other's.
var patientImage = "defib-patient:e2e-" + strconv.Itoa(os.Getpid())

func TestMain(m *testing.M) {
	// The tests wait rather than work: more of them at a time than there are cores.
	if err := flag.Set("test.parallel", "6"); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
	}
	code := m.Run()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := machine().docker(ctx, "image", "inspect", patientImage); err == nil {
		if _, err := machine().docker(ctx, "rmi", patientImage); err != nil {
			fmt.Fprintln(os.Stderr, "e2e: the patient's image stays behind:", err)
		}
	}
	os.Exit(code)
}

func prepare(ctx context.Context) (stage, error) {
	var s stage
	var err error
	if s.release, err = enginelock.Take(); err != nil {
		return s, err
	}
	if _, err := machine().docker(ctx, "version", "--format", "{{.Server.Version}}"); err != nil {
		return s, fmt.Errorf("no Docker engine: %w", err)
	}
	if s.patient, err = buildPatient(ctx); err != nil {
		return s, err
	}
	if err := machine().load(ctx, s.patient); err != nil {
		return s, err
	}
	if s.image = os.Getenv("DEFIB_IMAGE"); s.image != "" {
		return s, nil
	}
	s.image = "defib:e2e"
	if _, err := machine().docker(ctx, "build", "-q", "-t", s.image, ".."); err != nil {
		return s, fmt.Errorf("no image to test (DEFIB_IMAGE is not set, and it cannot be built here): %w", err)
	}
	return s, nil
}

// unavailable ends a test that cannot be done here.
func unavailable(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("DEFIB_REQUIRE_ENGINE") == "1" {
		t.Fatal("DEFIB_REQUIRE_ENGINE=1, but there is", why)
	}
	t.Skip("there is", why)
}

// buildPatient gives the archive of an image that holds the patient alone.
func buildPatient(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "defib-e2e-")
	if err != nil {
		return nil, fmt.Errorf("build the patient: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is in the machine's own temporary folder
	path := filepath.Join(dir, "patient")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./patient")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the patient: %w: %s", err, out)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("build the patient: %w", err)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: "patient", Mode: 0o755, Size: int64(len(program))}); err != nil {
		return nil, fmt.Errorf("pack the patient: %w", err)
	}
	if _, err := w.Write(program); err != nil {
		return nil, fmt.Errorf("pack the patient: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack the patient: %w", err)
	}
	return archive.Bytes(), nil
}

// engine is a Docker engine as the docker command reaches it.
type engine struct {
	socket string
	// mount lets a container on this machine's engine use this one.
	mount []string
}

// machine is this machine's own engine.
func machine() engine {
	socket, isUnix := strings.CutPrefix(os.Getenv("DOCKER_HOST"), "unix://")
	if !isUnix {
		socket = "/var/run/docker.sock"
	}
	return engine{socket: socket, mount: []string{"-v", socket + ":/var/run/docker.sock"}}
}

// command is the docker command, which talks to this engine.
func (e engine) command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "docker", append([]string{"-H", "unix://" + e.socket}, args...)...)
}

// docker runs the docker command and gives what it printed.
func (e engine) docker(ctx context.Context, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := e.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("docker %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}

// load makes the patient's image. Its HEALTHCHECK is quick, for the tests' sake.
func (e engine) load(ctx context.Context, archive []byte) error {
	cmd := e.command(ctx, "import",
		"-c", `ENTRYPOINT ["/patient"]`, "-c", `CMD ["serve"]`,
		"-c", `HEALTHCHECK --interval=500ms --timeout=5s --retries=2 CMD ["/patient","probe"]`,
		"-", patientImage)
	cmd.Stdin = bytes.NewReader(archive)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("load the patient's image: %w: %s", err, out)
	}
	return nil
}
