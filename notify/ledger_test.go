package notify

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"defib/heal"
)

// diary plays notices against a ledger, minute by minute.
type diary struct {
	l    *ledger
	now  time.Time
	said []string // what people were told: hours since the beginning, and what
	from time.Time
}

func newDiary() *diary {
	from := time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)
	return &diary{l: newLedger(), now: from, from: from}
}

func (d *diary) write(all []heal.Notice) {
	for _, n := range all {
		if !n.ForPeople() {
			continue
		}
		what := n.Reason.String()
		switch {
		case n.Reminder:
			what = "reminder of " + what
		case n.Ended != 0:
			what = "end of " + n.Ended.String()
		}
		d.said = append(d.said, fmt.Sprintf("%.1fh %s", d.now.Sub(d.from).Hours(), what))
	}
}

func (d *diary) tell(incident string, r heal.Reason) {
	n := unhealthy()
	n.Incident, n.Reason, n.At, n.Since = incident, r, d.now, d.now
	d.write(d.l.note(n, d.now))
}

func (d *diary) wait(t time.Duration) {
	for end := d.now.Add(t); d.now.Before(end); {
		d.now = d.now.Add(time.Minute)
		d.write(d.l.due(d.now))
	}
}

func (d *diary) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(d.said, want) {
		t.Errorf("people were told\n%q, not\n%q", d.said, want)
	}
	d.said = nil
}

func TestRemindersOfAWeek(t *testing.T) {
	d := newDiary()
	d.tell("a", heal.Restarted)
	d.wait(10 * time.Hour) // an outcome is to come, and is told
	d.expect(t, "0.0h restarted")
	d.tell("a", heal.GaveUp)
	d.wait(week)
	d.expect(t, "10.0h gave-up", "14.0h reminder of gave-up", "22.0h reminder of gave-up", "38.0h reminder of gave-up",
		"70.0h reminder of gave-up", "118.0h reminder of gave-up", "166.0h reminder of gave-up")
	d.tell("a", heal.Recovered)
	d.wait(week)
	d.expect(t, "178.0h recovered")
}

func TestNewsPutsAReminderOff(t *testing.T) {
	d := newDiary()
	d.tell("a", heal.StillUnhealthy)
	d.wait(3 * time.Hour)
	d.tell("a", heal.GaveUp)
	d.wait(3 * time.Hour)
	d.expect(t, "0.0h still-unhealthy", "3.0h gave-up")
	d.wait(2 * time.Hour)
	d.expect(t, "7.0h reminder of gave-up")
}

func TestNoReminderOfWhatIsOverOrUnwanted(t *testing.T) {
	d := newDiary()
	d.tell("a", heal.ExitedByItself) // it ends the incident, and a human knows
	n := unhealthy()
	n.Incident, n.Reason, n.Level = "b", heal.GaveUp, heal.LevelNone
	d.l.note(n, d.now)
	n.Incident, n.Level, n.Aside = "c", heal.LevelUnset, true
	d.l.note(n, d.now)
	d.wait(week)
	d.expect(t, "0.0h exited")
}

// TestFlappingIsOneMessage: a container that is healed every three minutes for
// a week, and for good then.
func TestFlappingIsOneMessage(t *testing.T) {
	d := newDiary()
	for i := range int(week / (3 * time.Minute)) {
		incident := fmt.Sprint(i)
		d.tell(incident, heal.Restarted)
		d.wait(time.Minute)
		d.tell(incident, heal.Recovered)
		d.wait(2 * time.Minute)
	}
	told := d.said
	d.said = nil
	if len(told) > 15 || !slices.Equal(told[:7], []string{
		"0.0h restarted", "0.0h recovered", "0.1h restarted", "0.1h recovered", "0.1h restarted", "0.1h recovered", "0.1h flapping",
	}) || !slices.Contains(told, "4.2h reminder of flapping") {
		t.Errorf("%d messages: %q", len(told), told)
	}
	t.Logf("a week of flapping every 3 min: %d messages", len(told))
	d.wait(week)
	d.expect(t, "169.9h end of flapping")
	d.tell("new", heal.Restarted)
	d.expect(t, "336.0h restarted")
}

// TestFlappingHidesNothing: what a human must know passes, and its end.
func TestFlappingHidesNothing(t *testing.T) {
	d := newDiary()
	for i := range 4 {
		d.tell(fmt.Sprint(i), heal.Restarted)
		d.tell(fmt.Sprint(i), heal.Recovered)
		d.wait(10 * time.Minute)
	}
	d.said = nil
	d.tell("x", heal.Restarted)
	d.tell("x", heal.StillUnhealthy)
	d.expect(t)
	d.tell("x", heal.GaveUp)
	d.tell("x", heal.Recovered)
	d.expect(t, "0.7h gave-up", "0.7h recovered")
	d.tell("y", heal.OutOfMemory)
	d.expect(t, "0.7h out-of-memory")
}

// TestAsideStaysAside: receivers that hear of every restart do so while the
// container flaps.
func TestAsideStaysAside(t *testing.T) {
	l := newLedger()
	n, restarts := unhealthy(), 0
	for i := range 20 {
		n.Incident = fmt.Sprint(i)
		for _, one := range l.note(n, n.At) {
			if wantsAsAutoheal(one) {
				restarts++
			}
		}
	}
	if restarts != 20 {
		t.Errorf("docker-autoheal's receivers heard of %d of 20 restarts", restarts)
	}
}

func TestLedgerOutlivesDefib(t *testing.T) {
	d := newDiary()
	for i := range 5 {
		d.tell(fmt.Sprint(i), heal.Restarted)
		d.tell(fmt.Sprint(i), heal.Recovered)
	}
	d.tell("a", heal.GaveUp)
	d.l.queued("slack", "a")
	d.l.told("slack", "a")
	text, err := json.Marshal(d.l.saved())
	if err != nil {
		t.Fatal(err)
	}
	var saved ledgerSaved
	if err := json.Unmarshal(text, &saved); err != nil {
		t.Fatal(err)
	}
	next := newDiary()
	next.l.restore(saved, next.now)
	d.said = nil
	d.wait(week)
	next.wait(week)
	next.expect(t, d.said...)
	if queued, took, known := next.l.knows("slack", "a"); !queued || !took || !known {
		t.Error("who was told is forgotten")
	}
	if _, took, _ := next.l.knows("ntfy", "a"); took {
		t.Error("one that was not told counts as told")
	}
}

// TestLedgerForgetsWhatEverybodyHeardTheEndOf: the file is written at each
// change, and a bad day has thousands of incidents.
func TestLedgerForgetsWhatEverybodyHeardTheEndOf(t *testing.T) {
	d := newDiary()
	for _, incident := range []string{"heard", "waits"} {
		d.tell(incident, heal.GaveUp)
		d.l.queued("slack", incident)
		d.l.told("slack", incident)
		d.tell(incident, heal.Recovered)
	}
	d.l.done("slack", "heard")
	d.wait(2 * keptHeard)
	if _, _, known := d.l.knows("slack", "heard"); known {
		t.Error("what is over and told is still remembered")
	}
	if queued, took, _ := d.l.knows("slack", "waits"); !queued || !took {
		t.Error("one that waits for the end is forgotten")
	}
}

func TestLedgerIsBounded(t *testing.T) {
	d := newDiary()
	for i := range 3 * maxOpen {
		n := unhealthy()
		n.Incident, n.Reason, n.Container.Name = fmt.Sprint(i), heal.GaveUp, fmt.Sprint(i)
		d.l.note(n, d.now.Add(time.Duration(i)*time.Second))
	}
	if len(d.l.talks) > maxOpen || len(d.l.records) > maxOpen {
		t.Errorf("%d incidents and %d containers", len(d.l.talks), len(d.l.records))
	}
	if _, known := d.l.talks[fmt.Sprint(3*maxOpen-1)]; !known {
		t.Error("the newest was forgotten")
	}
	for i := range 3 * maxOpen {
		n := unhealthy()
		n.Incident, n.Reason = fmt.Sprint(i), heal.Recovered
		d.l.note(n, d.now)
	}
	d.now = d.now.Add(week + keptOver)
	d.l.due(d.now)
	d.now = d.now.Add(week)
	d.l.due(d.now)
	if len(d.l.records) > 0 {
		t.Errorf("%d containers are remembered for ever", len(d.l.records))
	}
}

func TestWish(t *testing.T) {
	all, failures, none := wish{level: heal.LevelAll}, wish{level: heal.LevelFailures}, wish{level: heal.LevelNone}
	quiet := wish{level: heal.LevelAll, quiet: true}
	restarted, gaveUp, recovered := heal.Notice{Reason: heal.Restarted}, heal.Notice{Reason: heal.GaveUp}, heal.Notice{Reason: heal.Recovered}
	labelled, unsure := heal.Notice{Reason: heal.Restarted, Level: heal.LevelAll}, heal.Notice{Reason: heal.Recovered, Unsure: true}
	for name, c := range map[string]struct {
		w             wish
		n             heal.Notice
		queued, known bool
		want          bool
	}{
		"all: a restart":                           {all, restarted, false, true, true},
		"all: the end":                             {all, recovered, true, true, true},
		"all: the end of what it never heard of":   {all, recovered, false, true, false},
		"all: the end of what is forgotten":        {all, recovered, false, false, true},
		"all: an unsure end of what is forgotten":  {all, unsure, false, false, false},
		"all: an unsure end of what others heard":  {all, unsure, false, true, true},
		"failures: a restart":                      {failures, restarted, false, true, false},
		"failures: gave up":                        {failures, gaveUp, false, true, true},
		"failures: the end of what it heard of":    {failures, recovered, true, true, true},
		"failures: the end of a restart":           {failures, recovered, false, true, false},
		"failures: the end of what is forgotten":   {failures, recovered, false, false, false},
		"none: gave up":                            {none, gaveUp, false, true, false},
		"none, but the label says all: a restart":  {none, labelled, false, true, true},
		"all, but the label says none":             {all, heal.Notice{Reason: heal.GaveUp, Level: heal.LevelNone}, false, true, false},
		"quiet: a restart":                         {quiet, restarted, false, true, true},
		"quiet: the end":                           {quiet, recovered, true, true, false},
		"all: a dependent that was restarted":      {all, heal.Notice{Reason: heal.Followed}, false, true, true},
		"failures: a container that flaps":         {failures, heal.Notice{Reason: heal.Flapping}, false, true, true},
		"failures: a dependent that was restarted": {failures, heal.Notice{Reason: heal.Followed}, false, true, false},
	} {
		if got := c.w.grants(c.n, c.queued, c.known); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
