package dockertest_test

import (
	"testing"

	"github.com/docker/docker/client"

	"defib/internal/dockertest"
)

// engine gives an engine behind a pipe. It is closed at the end of the test,
// within the bubble if there is one.
func engine(t testing.TB, o dockertest.Options) (*dockertest.Engine, *dockertest.Pipe) {
	t.Helper()
	e := dockertest.New(o)
	pipe := dockertest.NewPipe()
	e.Serve(pipe)
	t.Cleanup(e.Close)
	return e, pipe
}

// connect gives the real client for an engine behind a pipe.
func connect(t testing.TB, pipe *dockertest.Pipe, opts ...client.Opt) *client.Client {
	t.Helper()
	opts = append([]client.Opt{client.WithHost("http://dockertest"), client.WithDialContext(pipe.DialContext)}, opts...)
	cli, err := client.NewClientWithOpts(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cli.Close() })
	return cli
}

// serve gives an engine and its client.
func serve(t testing.TB, o dockertest.Options) (*dockertest.Engine, *client.Client) {
	t.Helper()
	e, pipe := engine(t, o)
	return e, connect(t, pipe, client.WithAPIVersionNegotiation())
}
