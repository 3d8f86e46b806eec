package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Answer is what /healthz says.
type Answer struct {
	OK  bool   `json:"ok"`
	Why string `json:"why"`
}

// SocketName names the socket that a running defib answers its health check
// on. It is in the abstract name space: that needs no writable file system,
// and nothing is left behind. The container's id keeps several apart that
// share the host's network.
func SocketName(ownID string) string {
	if ownID == "" {
		return "@defib"
	}
	return "@defib-" + ownID[:min(12, len(ownID))]
}

// Serve answers /healthz on the socket until ctx is done.
func Serve(ctx context.Context, socket string, health func() Answer) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", socket, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(rw http.ResponseWriter, _ *http.Request) {
		a := health()
		rw.Header().Set("Content-Type", "application/json")
		if !a.OK {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(rw).Encode(a) // whoever asked has gone: nothing to do
	})
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", socket, err)
	}
	return nil
}

// Ask asks a running defib for its health.
func Ask(ctx context.Context, socket string) (Answer, error) {
	c := http.Client{Transport: dialer(socket)}
	defer c.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://defib/healthz", nil)
	if err != nil {
		return Answer{}, fmt.Errorf("make a request: %w", err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return Answer{}, fmt.Errorf("no defib answers on %s: is it running in this container? %w", socket, err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	var a Answer
	if err := json.NewDecoder(io.LimitReader(resp.Body, 4096)).Decode(&a); err != nil {
		return Answer{}, fmt.Errorf("read the answer on %s: %w", socket, err)
	}
	return a, nil
}

// dialer reaches a unix socket, whatever host a URL names.
func dialer(socket string) *http.Transport {
	var d net.Dialer
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", socket) },
	}
}
