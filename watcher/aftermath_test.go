package watcher

import (
	"slices"
	"testing"
)

// TestSweepsTakeTurns: each hour others are looked at, until it was everybody's
// turn, whoever has come or gone meanwhile.
func TestSweepsTakeTurns(t *testing.T) {
	all := []string{"d", "a", "e", "c", "b"}
	for _, c := range []struct {
		last string
		most int
		want []string
	}{
		{"", 2, []string{"a", "b"}},
		{"b", 2, []string{"c", "d"}},
		{"d", 2, []string{"e", "a"}},
		{"bb", 2, []string{"c", "d"}}, // the last one is gone
		{"z", 2, []string{"a", "b"}},
		{"c", 9, []string{"d", "e", "a", "b", "c"}},
	} {
		if got := after(slices.Clone(all), c.last, c.most); !slices.Equal(got, c.want) {
			t.Errorf("after %q at most %d: %q; want %q", c.last, c.most, got, c.want)
		}
	}
	if got := after(nil, "c", 2); len(got) != 0 {
		t.Errorf("of none: %q", got)
	}
}
