package browser

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// program runs "defib demo" of the checkout that this is in and gives the address
// of its page; DEFIB_URL names one that runs already.
func program(t *testing.T) string {
	t.Helper()
	if url := os.Getenv("DEFIB_URL"); url != "" {
		return url
	}
	binary := filepath.Join(t.TempDir(), "defib")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build defib: %v: %s", err, out)
	}
	run := exec.Command(binary, "demo", "--listen", "127.0.0.1:0") //nolint:noctx // it is asked to end, below
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = run.Process.Signal(os.Interrupt)
		if err := run.Wait(); err != nil {
			t.Error("it did not end well:", err)
		}
	})
	address := regexp.MustCompile(`look at +(http://\S+)`)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if m := address.FindStringSubmatch(lines.Text()); m != nil {
			go func() {
				for lines.Scan() { // else it would wait for its reader
				}
			}()
			return m[1]
		}
	}
	t.Fatal("it did not say where it is")
	return ""
}

// TestMetrics: what Prometheus' own rules say of the names, types and units.
func TestMetrics(t *testing.T) {
	url := program(t)
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Get(url + "metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	problems, err := promlint.New(resp.Body).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
