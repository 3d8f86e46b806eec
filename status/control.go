package status

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"defib/heal"
)

// Controlled is what the control socket steers.
type Controlled interface {
	// Pause adds pauses; Resume ends those of the same targets and gives how
	// many that were. Both give the pauses that are in force then.
	Pause(ctx context.Context, add []heal.Pause) (heal.Pauses, error)
	Resume(ctx context.Context, of []heal.Pause) (heal.Pauses, int, error)
	Pauses(ctx context.Context) (heal.Pauses, error)
}

// Order is what is asked of the control socket.
type Order struct {
	For  string   `json:"for,omitempty"`  // a duration, of a pause
	What []string `json:"what,omitempty"` // see heal.ParsePause; none: everything
}

// Report is its answer.
type Report struct {
	Pauses heal.Pauses `json:"pauses"`
	Ended  int         `json:"ended,omitempty"`
	Error  string      `json:"error,omitempty"`
}

// What is read at most of an order, and of an answer.
const (
	maxOrder  = 64 << 10
	maxReport = 4 << 20
)

// ServeControl answers on a unix socket of the file system, which its owner
// alone may open, until ctx is done. It is no TCP port and no abstract socket,
// on purpose: who can use it can already "docker exec". What is below /api/ is
// answered by api; nil: by nobody.
func ServeControl(ctx context.Context, path string, c Controlled, api http.Handler) error {
	l, err := listenAlone(ctx, path)
	if err != nil {
		return err
	}
	own, _ := os.Lstat(path)
	defer removeOwn(path, own)
	s := &http.Server{
		Handler: controlMux(c, api), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 10 * time.Second, IdleTimeout: 5 * time.Second,
	}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", path, err)
	}
	return nil
}

// listenAlone opens the socket in a folder of its own, gives it its mode there
// and moves it into place: at no time may others open it. What a killed defib
// left behind is replaced, a socket that is answered on is not.
func listenAlone(ctx context.Context, path string) (net.Listener, error) {
	if err := unclaimed(ctx, path); err != nil {
		return nil, err
	}
	aside, err := os.MkdirTemp(filepath.Dir(path), ".control-")
	if err != nil {
		return nil, fmt.Errorf("make the control socket %s: %w", path, err)
	}
	defer os.RemoveAll(aside) //nolint:errcheck // an empty folder that stays does no harm
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", filepath.Join(aside, "s"))
	if err != nil {
		return nil, fmt.Errorf("make the control socket %s: %w", path, err)
	}
	u, _ := l.(*net.UnixListener)
	u.SetUnlinkOnClose(false) // it is moved
	if err = os.Chmod(filepath.Join(aside, "s"), 0o600); err == nil {
		err = os.Rename(filepath.Join(aside, "s"), path)
	}
	if err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("make the control socket %s: %w", path, err)
	}
	return l, nil
}

// unclaimed tells why a path may not be taken for the socket.
func unclaimed(ctx context.Context, path string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		_ = c.Close()
		return fmt.Errorf("another defib answers on %s", path)
	case errors.Is(err, os.ErrNotExist):
		return nil
	}
	info, look := os.Lstat(path)
	if look == nil && info.Mode().Type() == os.ModeSocket && errors.Is(err, syscall.ECONNREFUSED) {
		return nil // of a defib that was killed
	}
	return fmt.Errorf("make the control socket %s: something else is there: %w", path, err)
}

// removeOwn removes the socket unless another defib has taken its place.
func removeOwn(path string, own os.FileInfo) {
	if now, err := os.Lstat(path); err == nil && own != nil && os.SameFile(own, now) {
		_ = os.Remove(path) // the next defib replaces it
	}
}

func controlMux(c Controlled, api http.Handler) http.Handler {
	mux := http.NewServeMux()
	if api != nil {
		mux.Handle("/api/", api)
	}
	mux.HandleFunc("GET /v1/pauses", func(rw http.ResponseWriter, r *http.Request) {
		pauses, err := c.Pauses(r.Context())
		report(rw, Report{Pauses: pauses}, err)
	})
	mux.HandleFunc("POST /v1/pause", func(rw http.ResponseWriter, r *http.Request) {
		order, of, err := read(r)
		var pauses heal.Pauses
		if err == nil {
			var d time.Duration
			if d, err = time.ParseDuration(order.For); err == nil {
				now := time.Now()
				for i := range of {
					of[i].Since, of[i].Until = now, now.Add(d)
				}
				pauses, err = c.Pause(r.Context(), of)
			}
		}
		report(rw, Report{Pauses: pauses}, err)
	})
	mux.HandleFunc("POST /v1/resume", func(rw http.ResponseWriter, r *http.Request) {
		_, of, err := read(r)
		var pauses heal.Pauses
		ended := 0
		if err == nil {
			pauses, ended, err = c.Resume(r.Context(), of)
		}
		report(rw, Report{Pauses: pauses, Ended: ended}, err)
	})
	return mux
}

// read takes an order apart.
func read(r *http.Request) (Order, []heal.Pause, error) {
	var o Order
	in := json.NewDecoder(io.LimitReader(r.Body, maxOrder))
	in.DisallowUnknownFields()
	if err := in.Decode(&o); err != nil {
		return o, nil, fmt.Errorf("read the order: %w", err)
	}
	if in.More() {
		return o, nil, errors.New("read the order: something follows it")
	}
	if len(o.What) == 0 {
		return o, []heal.Pause{{}}, nil
	}
	var of []heal.Pause
	for _, what := range o.What {
		p, err := heal.ParsePause(what)
		if err != nil {
			return o, nil, err //nolint:wrapcheck // it names what it could not read
		}
		of = append(of, p)
	}
	return o, of, nil
}

func report(rw http.ResponseWriter, r Report, err error) {
	rw.Header().Set("Content-Type", "application/json")
	if err != nil {
		r.Error = err.Error()
		rw.WriteHeader(http.StatusBadRequest)
	}
	_ = json.NewEncoder(rw).Encode(r) // whoever asked has gone: nothing to do
}

// Command gives an order, such as "pause", to a running defib. An empty name
// asks for the pauses.
func Command(ctx context.Context, socket, name string, o Order) (Report, error) {
	var r Report
	c := http.Client{Transport: dialer(socket)}
	defer c.CloseIdleConnections()
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if name != "" {
		text, err := json.Marshal(o)
		if err != nil {
			return r, fmt.Errorf("write the order: %w", err)
		}
		method, body = http.MethodPost, bytes.NewReader(text)
	} else {
		name = "pauses"
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://defib/v1/"+name, body)
	if err != nil {
		return r, fmt.Errorf("make a request: %w", err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return r, fmt.Errorf("no defib answers on %s: is it running in this container? %w", socket, err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxReport)).Decode(&r); err != nil {
		return r, fmt.Errorf("read the answer on %s: %w", socket, err)
	}
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	return r, nil
}
