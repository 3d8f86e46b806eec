package notify

import (
	"fmt"
	"strings"
	"testing"

	"defib/heal"
)

func numbered(i int, r heal.Reason) alert {
	return alert{Notice: heal.Notice{Incident: fmt.Sprint(i), Reason: r}}
}

// take removes the oldest alert and gives it; false when there will be none.
func take(q *queue) (alert, bool) {
	if !q.await() {
		return alert{}, false
	}
	a := q.look()[0]
	q.remove(map[uint64]bool{a.number: true})
	return a, true
}

// fill pushes maxWaiting firing alerts with numbers from 0, of which change may
// make something else.
func fill(q *queue, change func(i int, n *heal.Notice)) {
	for i := range maxWaiting {
		a := numbered(i, heal.GaveUp)
		if change != nil {
			change(i, &a.Notice)
		}
		q.push(a)
	}
}

func TestFullQueueDropsWhatIsMissedLeast(t *testing.T) {
	at := func(where int, change func(n *heal.Notice)) func(int, *heal.Notice) {
		return func(i int, n *heal.Notice) {
			if i == where || i == where+20 {
				change(n)
			}
		}
	}
	for _, c := range []struct {
		name   string
		change func(int, *heal.Notice)
		last   alert
		gone   string
	}{
		{"the oldest repeat", at(50, func(n *heal.Notice) { n.Repeat = true }), numbered(200, heal.GaveUp), "50"},
		{"the oldest silent", at(60, func(n *heal.Notice) { n.Silent = true }), numbered(200, heal.GaveUp), "60"},
		{"the oldest good news", at(70, func(n *heal.Notice) { n.Reason = heal.Recovered }), numbered(200, heal.GaveUp), "70"},
		{"a repeat before good news", func(i int, n *heal.Notice) {
			n.Repeat = i == 90
			if i == 10 {
				n.Reason = heal.Recovered
			}
		}, numbered(200, heal.GaveUp), "90"},
		{"the oldest, never the newest", nil, numbered(200, heal.GaveUp), "0"},
		{"new good news before firing ones", nil, numbered(200, heal.Recovered), "200"},
		{"old good news before new good news", at(30, func(n *heal.Notice) { n.Reason = heal.Removed }), numbered(200, heal.Recovered), "30"},
	} {
		q := newQueue()
		fill(q, c.change)
		if got := q.push(c.last); got != overflow {
			t.Errorf("%s: push gave %d", c.name, got)
		}
		rest, lost := q.look(), q.left()
		have := map[string]bool{}
		for i, a := range rest {
			if have[a.Notice.Incident] = true; i > 0 && len(a.Notice.Incident) < len(rest[i-1].Notice.Incident) {
				t.Errorf("%s: %s comes after %s", c.name, a.Notice.Incident, rest[i-1].Notice.Incident)
			}
		}
		if len(rest) != maxWaiting || have[c.gone] || lost != 1 {
			t.Errorf("%s: %s is still there (%d wait, %d lost)", c.name, c.gone, len(rest), lost)
		}
	}
}

func TestBurstIsToldOnce(t *testing.T) {
	q := newQueue()
	fill(q, nil)
	for i := range 5 {
		want := dropped
		if i == 0 {
			want = overflow
		}
		if got := q.push(numbered(200+i, heal.GaveUp)); got != want {
			t.Errorf("push %d gave %d", i, got)
		}
	}
	for i := range maxWaiting {
		if a, ok := take(q); !ok || a.Notice.Incident != fmt.Sprint(i+5) {
			t.Fatalf("take %d gave %s", i, a.Notice.Incident)
		}
		want := 0
		if i == maxWaiting/2-1 {
			want = 5
		}
		if got := q.burst(); got != want {
			t.Errorf("after %d: burst of %d", i, got)
		}
	}
	q.close()
	q.close()
	if _, ok := take(q); ok {
		t.Error("took from an empty queue")
	}
	if got := q.push(alert{}); got != refused {
		t.Errorf("push into a closed queue gave %d", got)
	}
}

func TestPostBoundsMemory(t *testing.T) {
	f := &fake{}
	_, log := newLog()
	n := newNotifier([]receiver{f}, nil, all, log)
	huge := unhealthy()
	huge.Probe.Output, huge.Container.Name, huge.Err = strings.Repeat("o", 1<<20), strings.Repeat("n", 1<<20), strings.Repeat("e", 1<<20)
	n.Post(huge)
	got, _ := take(n.workers[0].queue)
	if len(got.Notice.Probe.Output) > maxHeld || len(got.Notice.Container.Name) > maxHeld || len(got.Notice.Err) > maxHeld {
		t.Error("a queue holds megabytes")
	}
	if len(huge.Probe.Output) != 1<<20 {
		t.Error("Post changed the caller's notice")
	}
}

func BenchmarkPost(b *testing.B) {
	_, log := newLog()
	url := NewSecret("https://example.org/x")
	n, err := New(Options{SlackWebhookURL: url, WebhookURL: url, AppriseURL: url, PostRestartScript: "/bin/true"}, log)
	if err != nil {
		b.Fatal(err)
	}
	notice := unhealthy()
	b.ReportAllocs()
	for b.Loop() {
		n.Post(notice) // after 200 into full queues, the slowest case
	}
}
