package notify

import (
	"encoding/pem"
	"io"
	stdlog "log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// TestOwnAuthority: a server whose certificate nobody knows is trusted with its
// file, and what the system trusts stays trusted.
func TestOwnAuthority(t *testing.T) {
	served := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ }))
	server.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	write(t, file, "# ours\n"+string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	_, log := newLog()
	for _, c := range []struct {
		file string
		want string
	}{{"", "again"}, {file, "delivered"}} {
		n := mustNew(t, Options{WebhookURL: NewSecret(server.URL), CAFile: c.file, HeartbeatURL: NewSecret(server.URL)}, log)
		if err := n.workers[0].receiver.deliver(t.Context(), say(unhealthy())); outcome(err) != c.want {
			t.Errorf("with %q: %v", c.file, err)
		}
	}
	if served != 1 {
		t.Errorf("%d requests", served)
	}
	p, _ := newPost(t, "STARTTLS")
	r, _ := mustNew(t, Options{AlertURLs: NewSecret("smtp://127.0.0.1:" + p.listen(t) + people), CAFile: file}, log).workers[0].receiver.(*email)
	if err := r.deliver(t.Context(), say(unhealthy())); err != nil {
		t.Errorf("mail: %v", err)
	}
}

func TestOwnAuthorityProblems(t *testing.T) {
	dir := t.TempDir()
	empty, key := filepath.Join(dir, "empty.pem"), filepath.Join(dir, "key.pem")
	write(t, empty, "")
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte(marker)})))
	_, log := newLog()
	for file, want := range map[string]string{
		filepath.Join(dir, "absent"): "no such file", dir: "not a regular file", empty: "holds no certificate", key: "holds no certificate",
	} {
		_, err := New(Options{CAFile: file}, log)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "AUTOHEAL_ALERT_CA_FILE: ") ||
			!strings.Contains(err.Error(), "for example /certs/ca.pem") || strings.Contains(err.Error(), "\n") || leaks(err.Error()) {
			t.Errorf("%s: %v", file, err)
		}
	}
}
