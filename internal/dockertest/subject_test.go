package dockertest_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"

	"defib/internal/dockertest"
)

// spec is a container that both a real and a simulated engine can run.
type spec struct {
	labels   map[string]string
	probed   bool // every 300 ms, 2 retries
	grace    time.Duration
	stubborn bool
	policy   string
	network  string
	signal   string
	created  bool // not started
}

// actor does to containers what the API cannot.
type actor interface {
	run(t testing.TB, s spec) (id, name string)
	sicken(t testing.TB, id, output string)
	crash(t testing.TB, id string) // exits with 3
}

// subject is an engine under contract.
type subject struct {
	actor
	cli   *client.Client
	major int
	api   func(version string) *client.Client
	http  *http.Client // for requests that the client would not make
}

const (
	contractImage = "defib-contract:test"
	contractLabel = "defib.contract"
)

// The health check of probed containers.
const (
	probeInterval = 300 * time.Millisecond
	probeTimeout  = 10 * time.Second
	probeRetries  = 2
)

// simulated gives this package's engine as a subject.
func simulated(t testing.TB, o dockertest.Options) subject {
	t.Helper()
	e, pipe := engine(t, o)
	s := subject{actor: &simulatedActor{e: e}, api: func(version string) *client.Client {
		return connect(t, pipe, client.WithVersion(version))
	}}
	s.http = &http.Client{Transport: &http.Transport{DialContext: pipe.DialContext}}
	t.Cleanup(s.http.CloseIdleConnections)
	s.cli = connect(t, pipe, client.WithAPIVersionNegotiation())
	s.major = majorOf(t, s.cli)
	return s
}

func majorOf(t testing.TB, cli *client.Client) int {
	t.Helper()
	v, err := cli.ServerVersion(t.Context())
	if err != nil {
		t.Fatalf("ask for the version: %v", err)
	}
	first, _, _ := strings.Cut(v.Version, ".")
	major, err := strconv.Atoi(first)
	if err != nil {
		t.Fatalf("version %s: %v", v.Version, err)
	}
	return major
}

type simulatedActor struct {
	e *dockertest.Engine
	n int
}

func (a *simulatedActor) run(t testing.TB, s spec) (id, name string) {
	t.Helper()
	a.n++
	spec := dockertest.Spec{
		Name:          fmt.Sprintf("contract-%d", a.n),
		Image:         contractImage,
		Labels:        map[string]string{contractLabel: "1"},
		RestartPolicy: s.policy,
		NetworkMode:   s.network,
		StopSignal:    s.signal,
		StopTimeout:   s.grace,
		Logs:          "one\ntwo\nthree\n",
	}
	maps.Copy(spec.Labels, s.labels)
	if s.network == "" {
		spec.NetworkMode = "none"
	}
	if s.stubborn {
		spec.StopTakes = time.Hour
	}
	if s.probed {
		spec.Health = &dockertest.Health{Interval: probeInterval, Timeout: probeTimeout, Retries: probeRetries}
	}
	id = a.e.Create(spec)
	if !s.created {
		if err := a.e.Start(id); err != nil {
			t.Fatal(err)
		}
	}
	return id, spec.Name
}

func (a *simulatedActor) sicken(t testing.TB, id, output string) {
	t.Helper()
	if err := a.e.Sicken(id, output); err != nil {
		t.Fatal(err)
	}
}

func (a *simulatedActor) crash(t testing.TB, id string) {
	t.Helper()
	if err := a.e.Crash(id, 3); err != nil {
		t.Fatal(err)
	}
}

// realEngine gives the machine's engine, and skips the test when there is none,
// unless DEFIB_REQUIRE_ENGINE=1.
func realEngine(t testing.TB) subject {
	t.Helper()
	cli, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err == nil {
		_, err = cli.Ping(t.Context())
	}
	if err != nil {
		if os.Getenv("DEFIB_REQUIRE_ENGINE") == "1" {
			t.Fatalf("no engine, though DEFIB_REQUIRE_ENGINE=1: %v", err)
		}
		t.Skipf("no Docker engine is reachable: %v", err)
	}
	t.Cleanup(func() { _ = cli.Close() })
	importApp(t, cli)
	raw := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return cli.Dialer()(ctx)
	}}}
	t.Cleanup(raw.CloseIdleConnections)
	return subject{cli: cli, http: raw, actor: &realActor{cli: cli}, major: majorOf(t, cli), api: func(version string) *client.Client {
		c, err := client.NewClientWithOpts(client.FromEnv, client.WithVersion(version))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}}
}

// importApp builds testdata/app and makes an image of it.
func importApp(t testing.TB, cli *client.Client) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "app")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", binary, "./testdata/app")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the app: %v\n%s", err, out)
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(content))
	old, err := cli.ImageInspect(t.Context(), contractImage)
	if err == nil && old.Config.Labels[contractLabel] == sum {
		return
	}
	source := image.ImportSource{Source: tarOf(t, "app", content, 0o755), SourceName: "-"}
	out, err := cli.ImageImport(t.Context(), source, contractImage, image.ImportOptions{
		Changes: []string{"LABEL " + contractLabel + "=" + sum},
	})
	if err != nil {
		t.Fatalf("import the image: %v", err)
	}
	var all bytes.Buffer
	_, _ = all.ReadFrom(out)
	_ = out.Close()
	if old.ID != "" {
		_, _ = cli.ImageRemove(t.Context(), old.ID, image.RemoveOptions{}) // else every change of the app left one behind
	}
}

func tarOf(t testing.TB, name string, content []byte, mode int64) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(content))})
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return &b
}

type realActor struct {
	cli *client.Client
	n   int
}

func (a *realActor) run(t testing.TB, s spec) (id, name string) {
	t.Helper()
	a.n++
	name = fmt.Sprintf("defib-contract-%d-%d-%d", os.Getpid(), time.Now().UnixNano(), a.n)
	config := &container.Config{Image: contractImage, Cmd: []string{"/app"}, Labels: map[string]string{contractLabel: "1"}, StopSignal: s.signal}
	maps.Copy(config.Labels, s.labels)
	if s.stubborn {
		config.Cmd = append(config.Cmd, "stubborn")
	}
	if s.probed {
		config.Healthcheck = &container.HealthConfig{
			Test:     []string{"CMD", "/app", "probe"},
			Interval: probeInterval,
			Timeout:  probeTimeout,
			Retries:  probeRetries,
		}
	}
	if s.grace != 0 {
		seconds := int(s.grace / time.Second)
		config.StopTimeout = &seconds
	}
	host := &container.HostConfig{NetworkMode: "none", RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyMode(s.policy)}}
	if s.network != "" {
		host.NetworkMode = container.NetworkMode(s.network)
	}
	made, err := a.cli.ContainerCreate(t.Context(), config, host, nil, nil, name)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	t.Cleanup(func() {
		_ = a.cli.ContainerRemove(context.Background(), made.ID, container.RemoveOptions{Force: true})
	})
	if !s.created {
		if err := a.cli.ContainerStart(t.Context(), made.ID, container.StartOptions{}); err != nil {
			t.Fatalf("start: %v", err)
		}
		a.awaitReady(t, made.ID)
	}
	return made.ID, name
}

// awaitReady waits until the app has said its lines: before it catches signals,
// a stubborn one dies of the first.
func (a *realActor) awaitReady(t testing.TB, id string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		logs, err := a.cli.ContainerLogs(t.Context(), id, container.LogsOptions{ShowStdout: true})
		if err != nil {
			t.Fatalf("read the app's lines: %v", err)
		}
		text, err := io.ReadAll(logs)
		_ = logs.Close()
		if err == nil && strings.Contains(string(text), "three") {
			return
		}
	}
	t.Fatal("the app did not get ready")
}

func (a *realActor) sicken(t testing.TB, id, output string) {
	t.Helper()
	err := a.cli.CopyToContainer(t.Context(), id, "/", tarOf(t, "sick", []byte(output), 0o644), container.CopyToContainerOptions{})
	if err != nil {
		t.Fatalf("sicken: %v", err)
	}
}

func (a *realActor) crash(t testing.TB, id string) {
	t.Helper()
	made, err := a.cli.ContainerExecCreate(t.Context(), id, container.ExecOptions{Cmd: []string{"/app", "crash"}})
	if err == nil {
		err = a.cli.ContainerExecStart(t.Context(), made.ID, container.ExecStartOptions{Detach: true})
	}
	if err != nil {
		t.Fatalf("crash: %v", err)
	}
}
