package notify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// TestRandomLives plays random posts, failures, full disks, kills, power cuts
// and orderly ends: each alert that was settled arrives at each receiver at
// least once, those of an incident in their order.
func TestRandomLives(t *testing.T) {
	alerts, lives, doubled, kills := 0, 0, 0, 0
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			p := &player{r: rand.New(rand.NewPCG(seed, 7)), d: newMemDisk(), log: zerolog.Nop(), numbers: map[string]int{}}
			for range 2 {
				p.boxes = append(p.boxes, &box{world: p.d.world})
			}
			for range 2 + p.r.IntN(5) {
				p.live(t)
				lives++
			}
			p.last(t)
			kills += p.kills
			for i, b := range p.boxes {
				r := judge(p.promised, b.got)
				if doubled += r.doubled; r.lost > 0 || r.disorder != "" {
					t.Errorf("seed %d, receiver %d: %+v\npromised %q\ngot %q", seed, i, r, p.promised, b.got)
				}
			}
			if left := p.d.alerts(); len(left) > 0 {
				t.Errorf("seed %d: left %q", seed, left)
			}
			alerts += len(p.promised)
		})
	}
	t.Logf("%d lives, %d kills: %d alerts to two receivers, none lost, %d delivered twice", lives, kills, alerts, doubled)
}

// player plays one random history.
type player struct {
	r        *rand.Rand
	d        *memDisk
	log      zerolog.Logger
	boxes    []*box
	numbers  map[string]int
	promised []string
	kills    int
}

// live plays one life, which a kill may end.
func (p *player) live(t *testing.T) {
	p.d.begin(-1)
	if p.r.IntN(4) > 0 {
		p.d.begin(p.r.IntN(120))
	}
	var all []receiver
	for _, b := range p.boxes {
		all = append(all, b)
	}
	n := newNotifier(all, nil, func(n int64) int64 { return n/2 + rand.Int64N(n/2+1) }, p.log)
	n.spool = newSpool("/state", p.log)
	n.spool.disk = p.d
	early := p.r.IntN(2) == 0
	if early {
		p.post(n)
	}
	stop := start(t, n)
	for range p.r.IntN(12) {
		switch p.r.IntN(6) {
		case 0, 1, 2:
			p.post(n)
		case 3:
			p.boxes[p.r.IntN(len(p.boxes))].set(p.r.IntN(2) == 0)
		case 4:
			var wrong error
			if p.r.IntN(2) == 0 {
				wrong = syscall.ENOSPC
			}
			p.d.set(wrong, nil)
		case 5:
			time.Sleep(time.Duration(p.r.Int64N(int64(20 * time.Minute))))
		}
		time.Sleep(time.Duration(p.r.IntN(200)) * time.Millisecond)
	}
	stop()
	if p.d.dead() {
		p.kills++
	}
	if p.d.dead() && p.r.IntN(2) == 0 {
		p.d.powerCut(p.r.IntN)
	}
}

// post hands over some alerts. What was settled on a disk that takes something
// is promised.
func (p *player) post(n *Notifier) {
	var posted []string
	for range 1 + p.r.IntN(4) {
		incident := fmt.Sprint("i", p.r.IntN(3))
		p.numbers[incident]++
		one := step(incident, p.numbers[incident])
		n.Post(one)
		posted = append(posted, called(one))
	}
	settle(n)
	if fails, _ := p.d.failure(); fails == nil && !p.d.dead() {
		p.promised = append(p.promised, posted...)
	}
}

// last is the life in which all is well.
func (p *player) last(t *testing.T) {
	p.d.begin(-1)
	p.d.set(nil, nil)
	var all []receiver
	for _, b := range p.boxes {
		b.set(false)
		all = append(all, b)
	}
	_, stop := live(t, p.d, p.log, all...)
	time.Sleep(30 * time.Minute)
	stop()
}

// TestOrderHoldsAfterASetback: what comes later does not overtake.
func TestOrderHoldsAfterASetback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &box{world: newMemDisk().world}
		calls := 0
		flaky := &flaky{box: b, fails: func() bool { calls++; return calls%3 != 0 }}
		n := newNotifier([]receiver{flaky}, nil, all, zerolog.Nop())
		start(t, n)
		var want []string
		for i := range 10 {
			n.Post(step("a", i))
			want = append(want, called(step("a", i)))
			time.Sleep(time.Second)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if r := judge(want, b.got); r != (report{}) {
			t.Errorf("%+v: %q", r, b.got)
		}
	})
}

type flaky struct {
	*box

	fails func() bool
}

func (f *flaky) deliver(ctx context.Context, m message) error {
	if f.fails() {
		return &setback{err: errors.New("no answer within 15 s")}
	}
	return f.box.deliver(ctx, m)
}
