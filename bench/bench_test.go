package main

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for args, want := range map[string]order{
		"":                     {commits: []string{""}},
		"-short latency storm": {short: true, wanted: []string{"latency", "storm"}, commits: []string{""}},
		"compare v1.0.0":       {commits: []string{"v1.0.0", ""}},
		"compare a b":          {commits: []string{"a", "b"}},
	} {
		got, err := parse(strings.Fields(args), io.Discard)
		if err != nil || got.short != want.short || !slices.Equal(got.wanted, want.wanted) || !slices.Equal(got.commits, want.commits) {
			t.Errorf("%q: %+v, %v; want %+v", args, got, err, want)
		}
	}
	for _, args := range []string{"memory", "compare", "compare a b c", "-fast", "latency compare a"} {
		if got, err := parse(strings.Fields(args), io.Discard); err == nil {
			t.Errorf("%q: %+v; want an error", args, got)
		}
	}
}

func TestTable(t *testing.T) {
	for programs, want := range map[bool]string{
		false: "| n     | took    |\n| ----- | ------- |\n| 1,000 | 12.3 s  |\n| 10    | 1.50 ms |\n",
		true:  "| program | n     | took    |\n| ------- | ----- | ------- |\n| here    | 1,000 | 12.3 s  |\n| here    | 10    | 1.50 ms |\n",
	} {
		one := table{title: "Title", note: []string{"Note."}, head: []string{"program", "n", "took"}}
		one.add("here", thousands(1000), span(12345*time.Millisecond))
		one.add("here", thousands(10), span(1500*time.Microsecond))
		one.within("size", "%.1f MB", 12.1, 12)
		one.atMost("start", time.Millisecond, time.Second)
		want = "\n## Title\n\nNote.\n\n" + want +
			"\n- size: 12.1 MB, at most 12.0 MB: **missed**\n- start: 1.00 ms, at most 1.0 s: held\n"
		var got strings.Builder
		if one.print(&got, programs); got.String() != want {
			t.Errorf("got\n%s\nwant\n%s", got.String(), want)
		}
	}
}

func TestQuantile(t *testing.T) {
	var values []time.Duration
	for i := range 100 {
		values = append(values, time.Duration(100-i))
	}
	for share, want := range map[float64]time.Duration{0: 1, .5: 51, .99: 100, 1: 100} {
		if got := quantile(values, share); got != want {
			t.Errorf("%v: %d; want %d", share, got, want)
		}
	}
	if got := quantile(nil, .5); got != 0 {
		t.Errorf("of nothing: %d", got)
	}
}
