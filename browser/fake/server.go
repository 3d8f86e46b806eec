package fake

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// Policy is what the product's server allows the page.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// beat is the time between two heartbeats of the event stream.
const beat = 15 * time.Second

// Server shows a world at an address of this machine; it can go away and come back.
type Server struct {
	World *World
	Beat  time.Duration // between two heartbeats of the event stream; 15 s unless set

	page    string // the folder of the page's files
	address string
	serving *http.Server
}

// Serve shows the world with the page's files of that folder. The port may be 0.
func Serve(w *World, page, address string) (*Server, error) {
	if _, err := os.Stat(page); err != nil {
		return nil, fmt.Errorf("the page's files: %w", err)
	}
	s := &Server{World: w, Beat: beat, page: page, address: address}
	return s, s.Start()
}

// URL is where it is.
func (s *Server) URL() string { return "http://" + s.address + "/" }

// Start listens, after Stop at the same address as before.
func (s *Server) Start() error {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", s.address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", s.address, err)
	}
	s.address = l.Addr().String()
	s.serving = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	go func(h *http.Server) { _ = h.Serve(l) }(s.serving)
	return nil
}

// Stop cuts all connections and listens no more.
func (s *Server) Stop() { _ = s.serving.Close() }

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServer(http.Dir(s.page)))
	mux.HandleFunc("GET /api/v1/engine", s.answer(func(w *World, _ string) any {
		e := w.engine
		e.Pauses = append([]Pause{}, e.Pauses...)
		if e.OK {
			now := time.Now().Add(w.bad.Skew)
			e.LastList = &now
		}
		return e
	}))
	mux.HandleFunc("GET /api/v1/containers", s.answer(func(w *World, _ string) any {
		if w.bad.Containers {
			return nil
		}
		return append([]Container{}, w.containers...)
	}))
	mux.HandleFunc("GET /api/v1/incidents", s.answer(func(w *World, _ string) any {
		list := []Incident{}
		for _, i := range slices.Backward(w.incidents) {
			i.Happenings = nil
			list = append(list, i)
		}
		slices.SortStableFunc(list, func(a, b Incident) int { return b.Since.Compare(a.Since) })
		return list
	}))
	mux.HandleFunc("GET /api/v1/incidents/{id}", s.answer(func(w *World, id string) any {
		for _, i := range w.incidents {
			if i.ID == id {
				i.Happenings = slices.Clone(i.Happenings)
				return i
			}
		}
		return nil
	}))
	mux.HandleFunc("GET /api/v1/receivers", s.answer(func(w *World, _ string) any { return append([]Receiver{}, w.receivers...) }))
	mux.HandleFunc("GET /api/v1/demo/alerts", s.answer(func(w *World, _ string) any {
		if w.alerts == nil {
			return nil
		}
		list := slices.Clone(w.alerts)
		slices.SortStableFunc(list, func(a, b Alert) int { return b.At.Compare(a.At) })
		return list
	}))
	mux.HandleFunc("GET /api/v1/events", s.events)
	return headers(s.World, mux)
}

// headers are those of the product.
func headers(world *World, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", Policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		f := world.fault()
		h.Set("Date", time.Now().Add(f.Skew).UTC().Format(http.TimeFormat))
		if strings.HasPrefix(r.URL.Path, "/api/") {
			time.Sleep(f.Delay)
			if f.Proxy != 0 {
				http.Error(w, "<h1>no defib behind this proxy</h1>", f.Proxy)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// answer gives a handler of what get gives; nil is not found, or for the
// containers an engine that does not answer.
func (s *Server) answer(get func(w *World, id string) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.World.mu.Lock()
		s.World.asked[r.URL.Path]++
		what := get(s.World, r.PathValue("id"))
		s.World.mu.Unlock()
		if what == nil {
			status := http.StatusNotFound
			if r.URL.Path == "/api/v1/containers" {
				status = http.StatusServiceUnavailable
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"error":"list the containers: the engine does not answer"}`)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(what)
	}
}

func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	s.World.mu.Lock()
	s.World.asked[r.URL.Path]++
	s.World.mu.Unlock()
	if s.World.fault().NoStream {
		http.Error(w, "no events", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	out := http.NewResponseController(w)
	_ = out.Flush()
	if s.World.fault().Silent {
		<-r.Context().Done()
		return
	}
	s.follow(r.Context(), w, out)
}

func (s *Server) follow(ctx context.Context, w http.ResponseWriter, out *http.ResponseController) {
	seen := map[string]uint64{}
	s.World.since(seen)
	changed := topics()
	beats := time.NewTicker(s.Beat)
	defer beats.Stop()
	for {
		more, next := s.World.since(seen)
		changed = append(changed, more...)
		if len(changed) > 0 {
			text, _ := json.Marshal(map[string][]string{"topics": changed})
			fmt.Fprintf(w, "event: changed\ndata: %s\n\n", text)
			changed = nil
		}
		if out.Flush() != nil || s.World.fault().NoStream {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-beats.C:
			fmt.Fprint(w, ": still here\n\n")
		case <-next:
		}
	}
}
