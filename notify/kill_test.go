package notify

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"defib/heal"

	"github.com/rs/zerolog"
)

// The child of TestKilledAtRandomMoments is this test binary once more, with
// these in its environment.
const (
	childURL   = "DEFIB_TEST_KILL_URL"
	childDir   = "DEFIB_TEST_KILL_DIR"
	childFirst = "DEFIB_TEST_KILL_FIRST" // the number of its first alert; empty: it posts none
)

// kills is how often the child is killed.
const kills = 200

// postman posts an alert's name with the real client.
type postman struct {
	target *target
	client *client
}

func (*postman) name() string           { return "postman" }
func (p *postman) place() string        { return "loopback" } // its port is another in each life
func (*postman) pace() time.Duration    { return 0 }
func (*postman) wants(heal.Notice) bool { return true }

func (p *postman) deliver(ctx context.Context, m message) error {
	a, err := p.client.post(ctx, p.target, []byte(called(m.alerts[0].Notice)))
	if err != nil {
		return err
	}
	return a.verdict(p.place())
}

// TestKilledChild is no test: it is the process that is killed.
func TestKilledChild(t *testing.T) {
	if os.Getenv(childURL) == "" {
		return
	}
	secrets := newRedactor()
	found, err := targets(childURL, NewSecret(os.Getenv(childURL)), secrets, plain("postman"))
	if err != nil {
		t.Fatal(err)
	}
	log := zerolog.New(os.Stderr)
	n := newNotifier([]receiver{&postman{found[0], newClient(nil, nil, secrets)}}, nil, func(int64) int64 { return int64(5 * time.Millisecond) }, log)
	n.spool = newSpool(os.Getenv(childDir), log)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = n.Run(ctx) })
	var first int
	if _, err := fmt.Sscan(os.Getenv(childFirst), &first); err == nil {
		for i := first; ; i++ {
			one := step(fmt.Sprint("i", i%3), i)
			n.Post(one)
			settle(n)
			fmt.Println("settled", called(one)) // now it may not be lost
			time.Sleep(time.Duration(rand.IntN(6)) * time.Millisecond)
		}
	}
	for i := 0; i < 1000 && len(n.workers[0].queue.look()) > 0 || i < 20; i++ {
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	running.Wait()
}

// TestKilledAtRandomMoments: a process that posts and delivers is killed 200
// times, while its receiver is down half of the time. What it has settled
// arrives, in order.
func TestKilledAtRandomMoments(t *testing.T) {
	var down atomic.Bool
	var mu sync.Mutex
	var got, promised []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := readAll(t, r.Body)
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		got = append(got, body)
	}))
	defer server.Close()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	for life := range kills {
		down.Store(life%4 >= 2)
		promised = append(promised, child(t, server.URL, dir, fmt.Sprint(1000*life), r)...)
	}
	down.Store(false)
	child(t, server.URL, dir, "", r)
	mu.Lock()
	defer mu.Unlock()
	result := judge(promised, got)
	if result.lost > 0 || result.disorder != "" || len(promised) < kills {
		t.Errorf("%d lost of %d; %s", result.lost, len(promised), result.disorder)
	}
	left, err := realDisk{}.list(dir + "/spool")
	if err != nil || len(left) != 1 || left[0] != ledgerFile {
		t.Errorf("left %q, %v", left, err)
	}
	t.Logf("%d alerts settled in %d killed lives: %d lost, %d delivered twice", len(promised), kills, result.lost, result.doubled)
}

// child runs one life and kills it at a random moment, of its start or after it
// has settled its first alert, or lets one that posts nothing end. It gives what
// was settled.
func child(t *testing.T, url, dir, first string, r *rand.Rand) []string {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledChild$", "-test.timeout=60s")
	command.Env = append(os.Environ(), childURL+"="+url+"/hook", childDir+"="+dir, childFirst+"="+first)
	if first == "" {
		if text, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		return nil
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func(most int) {
		time.AfterFunc(time.Duration(r.IntN(most*1000))*time.Microsecond, func() { _ = command.Process.Signal(syscall.SIGKILL) })
	}
	early := r.IntN(3) == 0
	if early {
		kill(50)
	}
	lines := bufio.NewScanner(out)
	var settled []string
	for lines.Scan() {
		one, ok := strings.CutPrefix(lines.Text(), "settled ")
		if !ok {
			continue
		}
		if settled = append(settled, one); len(settled) == 1 && !early {
			kill(60)
		}
	}
	if err := command.Wait(); err == nil || len(settled) == 0 && !early {
		t.Fatalf("the child ended by itself: %v, %v", err, settled)
	}
	return settled
}
