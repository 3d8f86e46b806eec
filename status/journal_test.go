package status

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"defib/heal"
)

var journalEpoch = time.Date(2026, 11, 25, 18, 0, 0, 0, time.UTC)

func plainWords(n heal.Notice) (title, text, severity string) {
	return n.Container.Name + " " + n.Reason.String(), "text", "info"
}

func happened(incident string, r heal.Reason, after time.Duration) heal.Notice {
	return heal.Notice{
		Incident: incident, Reason: r, At: journalEpoch.Add(after), Since: journalEpoch,
		Container: heal.Container{ID: "1", Name: incident, Project: "shop"},
	}
}

func TestJournal(t *testing.T) {
	var changes Changes
	j := NewJournal(plainWords, &changes)
	seen := map[Topic]uint64{}
	changes.Since(seen)
	j.Note(happened("a", heal.Restarted, time.Second))
	j.Note(happened("b", heal.GaveUp, time.Minute))
	if got, _ := changes.Since(seen); !slices.Equal(got, []Topic{TopicIncidents}) {
		t.Errorf("changed: %v", got)
	}
	j.Note(happened("a", heal.Recovered, 2*time.Minute))
	j.Note(happened("a", heal.StillUnhealthy, time.Minute)) // late, from a file
	j.Note(happened("a", heal.Recovered, 2*time.Minute))    // once more
	in, known := j.Incident("a")
	var order []string
	for _, h := range in.Happenings {
		order = append(order, h.Reason)
	}
	if !known || !slices.Equal(order, []string{"restarted", "still-unhealthy", "recovered"}) || in.Status != "resolved" || in.Ended == nil ||
		!in.Ended.Equal(journalEpoch.Add(2*time.Minute)) || in.Title != "a recovered" {
		t.Errorf("%v %+v", order, in)
	}
	all := j.Incidents()
	if len(all) != 2 || all[0].Happenings != nil || all[1].Ended != nil || all[1].Status != "firing" {
		t.Errorf("%+v", all)
	}
	for _, n := range []heal.Notice{{Reason: heal.WatchBegan, Incident: "start"}, {Reason: heal.GaveUp, Incident: "x", Reminder: true}, {Reason: heal.GaveUp}} {
		if j.Note(n); len(j.Incidents()) != 2 {
			t.Errorf("%v is no incident", n)
		}
	}
}

// TestJournalOfMany: a storm is about no single container.
func TestJournalOfMany(t *testing.T) {
	j := NewJournal(plainWords, &Changes{})
	n := happened("storm-1", heal.Stormed, 0)
	n.Count, n.Of = 7, 9
	j.Note(n)
	if in := j.Incidents()[0]; in.Container != "" || in.Project != "" {
		t.Errorf("%+v", in)
	}
}

// TestJournalIsBounded: whatever happens, what is over goes first, and the
// newest stays.
func TestJournalIsBounded(t *testing.T) {
	j := NewJournal(plainWords, &Changes{})
	j.Note(happened("open", heal.GaveUp, 0))
	huge := &heal.Evidence{LogError: strings.Repeat("x", 1<<20)}
	for range 200 {
		huge.Log = append(huge.Log, strings.Repeat("é", 1<<10))
	}
	for i := range 20_000 {
		n := happened(fmt.Sprint("i", i), heal.Recovered, time.Duration(i)*time.Second)
		n.Since = n.At
		if i%100 == 0 {
			v := *huge
			v.At = n.At
			n.Evidence = &v
		}
		j.Note(n)
	}
	for i := range 100 {
		n := happened("open", heal.RestartFailed, time.Duration(i)*time.Hour)
		n.Attempt = i
		j.Note(n)
	}
	in, known := j.Incident("open")
	if !known || in.Ended != nil || len(in.Happenings) != maxHappenings || in.LeftOut != 101-maxHappenings {
		t.Errorf("%v: %d happenings, %d left out", known, len(in.Happenings), in.LeftOut)
	}
	total := 0
	for _, in := range j.all {
		for _, h := range in.Happenings {
			total += h.size()
		}
	}
	if _, known := j.Incident("i19999"); !known || len(j.all) > maxIncidents || total != j.bytes || total > maxJournal {
		t.Errorf("%d incidents, %d bytes, counted as %d", len(j.all), total, j.bytes)
	}
}
