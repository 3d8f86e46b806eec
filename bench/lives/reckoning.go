package lives

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Trial is how often the program is ended, and how.
type Trial struct {
	Hosts, Lives int              // so many lives on each host, at the same time
	Few          bool             // fewer containers
	Signal       syscall.Signal   // SIGKILL or SIGTERM
	Command      func() *exec.Cmd // the program, not yet started; it gets more environment
	Dir          string           // for what the hosts keep; a short name, since sockets lie in it
	Log          func(string)     // told of each loss, with all that is known of it; nil: nobody is
}

// Reckoning is what became of containers and alerts.
type Reckoning struct {
	Ends, Near                     int // how often the program was ended, and how often of that right after a call or a message
	Incidents, Restarts, Messages  int
	Beginnings, GaveUps, Lost      int           // news that was lost; Lost are ends
	Stalled, Excused               int           // hosts whose disk did not answer; what was lost there
	Doubled, Anew, ChatDoubled     int           // told again: with the same id, with another, to the chat
	Split, Disorder                int           // incidents in two parts, and messages after the end
	OverBudget, Unhealed, Needless int           // restarts beyond the budget, containers left sick, acts on bystanders
	Longest                        time.Duration // that an end took
}

// Missing counts the alerts that were lost.
func (v Reckoning) Missing() int { return v.Beginnings + v.GaveUps + v.Lost }

func (v Reckoning) String() string {
	return fmt.Sprintf("%d ends, %d of them within 100 ms of a call to the engine or to a receiver, the longest took %s: "+
		"%d incidents, %d restarts, %d messages; lost: %d beginnings, %d times that it gave up, %d ends; "+
		"the disk did not answer in time on %d hosts: %d losses there; "+
		"told twice: %d with the same id and %d with another to the program, %d to the chat; %d incidents in two parts, %d messages out of order; "+
		"%d restarts beyond the budget, %d containers left sick",
		v.Ends, v.Near, v.Longest.Round(10*time.Millisecond), v.Incidents, v.Restarts, v.Messages, v.Beginnings, v.GaveUps, v.Lost, v.Stalled, v.Excused,
		v.Doubled, v.Anew, v.ChatDoubled, v.Split, v.Disorder, v.OverBudget, v.Unhealed)
}

// Run ends the program again and again, on all hosts at once, and lets a last
// one finish its work. An error tells of what must not be at all.
func (t Trial) Run(ctx context.Context) (Reckoning, error) {
	hosts := make([]*host, 0, t.Hosts)
	defer func() {
		for _, h := range hosts {
			h.close()
		}
	}()
	for i := range t.Hosts {
		h, err := newHost(t, i)
		if err != nil {
			return Reckoning{}, err
		}
		hosts = append(hosts, h)
	}
	var running sync.WaitGroup
	for _, h := range hosts {
		running.Go(func() { h.run(ctx) })
	}
	running.Wait()
	v := Reckoning{Ends: t.Hosts * t.Lives}
	for _, h := range hosts {
		v.add(h.judge())
		if len(h.wrong) > 0 {
			return v, h.wrong[0]
		}
	}
	return v, context.Cause(ctx)
}

// run lives all lives of a host.
func (h *host) run(ctx context.Context) {
	for n := 0; n < h.trial.Lives && ctx.Err() == nil; n++ {
		h.live(n)
	}
	h.last()
}

// kinds are those of the containers in trouble.
func (t Trial) kinds() []kind {
	all := kinds()
	if t.Few {
		return []kind{all[0], all[1], all[3], all[5], all[7]}
	}
	return all
}

func (v *Reckoning) add(o Reckoning) {
	for _, n := range [][2]*int{
		{&v.Near, &o.Near}, {&v.Incidents, &o.Incidents}, {&v.Restarts, &o.Restarts}, {&v.Messages, &o.Messages},
		{&v.Beginnings, &o.Beginnings}, {&v.GaveUps, &o.GaveUps}, {&v.Lost, &o.Lost}, {&v.Doubled, &o.Doubled},
		{&v.Anew, &o.Anew}, {&v.ChatDoubled, &o.ChatDoubled}, {&v.Split, &o.Split}, {&v.Disorder, &o.Disorder},
		{&v.Stalled, &o.Stalled}, {&v.Excused, &o.Excused},
		{&v.OverBudget, &o.OverBudget}, {&v.Unhealed, &o.Unhealed}, {&v.Needless, &o.Needless},
	} {
		*n[0] += *n[1]
	}
	v.Longest = max(v.Longest, o.Longest)
}

// judge compares what the engine saw with what the receivers were told.
func (h *host) judge() Reckoning {
	v := Reckoning{Near: h.near, Needless: h.needless, Longest: h.longest}
	for _, c := range h.containers {
		v.Incidents++
		v.Restarts += h.asked(c.name)
		v.OverBudget += max(0, h.restarts[c.name]-budget)
		if !c.hopeless && h.eng.State(c.name).Health != "healthy" {
			v.Unhealed++
			if h.trial.Log != nil {
				h.trial.Log(fmt.Sprintf("%s is left %+v\n%s", c.name, h.eng.State(c.name), strings.Join(h.log.of(c.name), "\n")))
			}
		}
		for _, b := range []*inbox{h.program, h.chat} {
			said := b.about(c.name)
			beginnings, gaveUps, ends := h.missing(c, said)
			v.Beginnings, v.GaveUps, v.Lost = v.Beginnings+beginnings, v.GaveUps+gaveUps, v.Lost+ends
			if beginnings+gaveUps+ends > 0 && h.trial.Log != nil {
				h.trial.Log(fmt.Sprintf("%s to the %s: lost %d beginnings, %d times that it gave up, %d ends of %d restarts; told: %v\n%s",
					c.name, b.name, beginnings, gaveUps, ends, h.asked(c.name), said, strings.Join(h.log.of(c.name), "\n")))
			}
			v.count(said, b == h.chat)
		}
	}
	if len(h.log.of("the disk does not answer")) > 0 {
		v.Stalled, v.Excused = 1, v.Missing()
		v.Beginnings, v.GaveUps, v.Lost = 0, 0, 0
	}
	return v
}

// missing counts what was not told of a container.
func (h *host) missing(c *troubled, said []told) (beginnings, gaveUps, ends int) {
	restarted, began, gaveUp := h.asked(c.name) > 0, false, false
	open := map[string]bool{}
	for _, a := range said {
		began = true
		gaveUp = gaveUp || a.gaveUp
		open[a.incident] = !a.over
	}
	if (restarted || c.onlyTold) && !began {
		beginnings++
	}
	if c.hopeless && !gaveUp {
		gaveUps++
	}
	for _, still := range open {
		if still {
			ends++
		}
	}
	return beginnings, gaveUps, ends
}

// count adds what was told more than once of a container.
func (v *Reckoning) count(said []told, chat bool) {
	ids, news, over := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, a := range said {
		v.Messages++
		what := a.incident + " " + a.reason
		switch {
		case ids[a.id] && chat:
			v.ChatDoubled++
		case ids[a.id]:
			v.Doubled++
		case news[what] && !chat:
			v.Anew++
		case !a.over && over[a.incident]:
			v.Disorder++
		}
		ids[a.id], news[what] = true, true
		over[a.incident] = over[a.incident] || a.over
	}
	v.Split += max(0, len(over)-1)
}
