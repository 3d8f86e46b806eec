package watcher

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// entriesOf is what a client reads of a list's answer, and what was handed over.
func entriesOf(t *testing.T, body io.Reader, see func(listEntry)) ([]byte, error) {
	t.Helper()
	req := httptest.NewRequestWithContext(withReader(t.Context(), func(body io.Reader) error { return readList(body, see) }), http.MethodGet, "/containers/json", nil)
	resp := &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(body)}
	passToReader(req, resp)
	return io.ReadAll(resp.Body)
}

// TestEntriesAreHandedOverAsTheyAreRead: the first one before the second is
// there, so that no list is ever held as a whole.
func TestEntriesAreHandedOverAsTheyAreRead(t *testing.T) {
	out, in := io.Pipe()
	seen := make(chan string)
	go func() {
		for _, part := range []string{`[{"Id":"a","State":"running"}`, `,{"Id":"b"}`, `]`} {
			_, _ = in.Write([]byte(part))
			if part != "]" {
				<-seen
			}
		}
		_ = in.Close()
	}()
	left, err := entriesOf(t, out, func(c listEntry) { seen <- c.ID })
	if err != nil || string(left) != "null" {
		t.Errorf("the client is left with %q, %v", left, err)
	}
}

// TestBadLists: what is no whole list is an error, which says where it is wrong.
func TestBadLists(t *testing.T) {
	for body, want := range map[string]struct {
		ids []string
		err string
	}{
		`[]`:                                   {},
		`null`:                                 {},
		"[{\"Id\":\"a\"}]\n":                   {ids: []string{"a"}},
		`[{"Id":"a"},{"Id":"b","Labels":`:      {[]string{"a"}, "entry 2 of the list: unexpected EOF"},
		`[{"Id":"a"}`:                          {[]string{"a"}, "unexpected EOF"},
		``:                                     {nil, "unexpected EOF"},
		`{"message":"no"}`:                     {nil, "the list begins with {"},
		`[{"Id":"a"},{"Id":7}]`:                {[]string{"a"}, "entry 2 of the list: json: cannot unmarshal number"},
		`<html>403 Forbidden</html>`:           {nil, "invalid character '<'"},
		`[{"Id":"a","Labels":null}] and so on`: {ids: []string{"a"}},
	} {
		var ids []string
		_, err := entriesOf(t, strings.NewReader(body), func(c listEntry) { ids = append(ids, c.ID) })
		if (err == nil) != (want.err == "") || (err != nil && (!strings.Contains(err.Error(), want.err) || errors.Is(err, io.EOF))) {
			t.Errorf("%s: %v; want %q", body, err, want.err)
		}
		if !slices.Equal(ids, want.ids) {
			t.Errorf("%s: handed over %q; want %q", body, ids, want.ids)
		}
	}
}

// TestListsShareAConnection: a list is read to its end, so that the next one
// need not dial. Engines send long lists in pieces whose end comes by itself.
func TestListsShareAConnection(t *testing.T) {
	var dials atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		if strings.HasSuffix(r.URL.Path, "/_ping") {
			return
		}
		for _, part := range []string{`[{"Id":"a"}`, `,{"Id":"b"}`, "]\n"} {
			_, _ = io.WriteString(w, part)
			_ = http.NewResponseController(w).Flush()
		}
		time.Sleep(5 * time.Millisecond) // the end is on its way when the list is read
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			dials.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	e, err := connect(t.Context(), Options{Endpoint: Endpoint{Host: "tcp://" + server.Listener.Addr().String()}}, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if found, err := e.list(t.Context(), ""); err != nil || len(found) != 2 {
			t.Fatalf("list: %d, %v", len(found), err)
		}
	}
	if n := dials.Load(); n != 1 {
		t.Errorf("5 lists made %d connections", n)
	}
}
