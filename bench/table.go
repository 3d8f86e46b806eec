package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// table is what a measurement has found.
type table struct {
	title string
	note  []string // what the columns mean, in whole sentences
	head  []string // the first column is the program, left out where there is one
	rows  [][]string
	goals []goal
}

// goal is a promise, and what became of it.
type goal struct {
	what string // such as "resident memory with 1,000 containers"
	got  string
	most string
	held bool
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// atMost notes a goal for a duration.
func (t *table) atMost(what string, got, most time.Duration) {
	t.goals = append(t.goals, goal{what, span(got), span(most), got <= most})
}

// within notes a goal for another figure; format is for both.
func (t *table) within(what, format string, got, most float64) {
	t.goals = append(t.goals, goal{what, fmt.Sprintf(format, got), fmt.Sprintf(format, most), got <= most})
}

// print writes it as Markdown.
func (t *table) print(w io.Writer, programs bool) {
	fmt.Fprintf(w, "\n## %s\n\n%s\n\n", t.title, strings.Join(t.note, "\n"))
	all := slices.Concat([][]string{t.head}, t.rows)
	if !programs {
		for i := range all {
			all[i] = all[i][1:]
		}
	}
	printRows(w, all)
	if len(t.goals) > 0 {
		fmt.Fprintln(w)
	}
	for _, g := range t.goals {
		verdict := "held"
		if !g.held {
			verdict = "**missed**"
		}
		fmt.Fprintf(w, "- %s: %s, at most %s: %s\n", g.what, g.got, g.most, verdict)
	}
}

// printRows writes rows in columns, the first as the head.
func printRows(w io.Writer, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	line := make([]string, len(widths))
	for i, n := range widths {
		line[i] = strings.Repeat("-", n)
	}
	for _, row := range slices.Insert(slices.Clone(rows), 1, line) {
		for i, cell := range row {
			fmt.Fprintf(w, "| %s%s ", cell, strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
		}
		fmt.Fprintln(w, "|")
	}
}

// span writes a duration to three digits.
func span(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// megabytes writes bytes.
func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// thousands writes a number as people do.
func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// quantile gives the value below which a share of the values lie.
func quantile(values []time.Duration, share float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}
