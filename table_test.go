package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// hostile are texts that a terminal must not get as they are: they would clear
// it, hide what stands before them, forge a line, or turn the writing round.
var hostile = []string{
	"\x1b[2J\x1b[31mred", "web\rforged", "two\nlines", "\u202egnp.exe", "a\u2066b\u2069", "\x00\x07\x7f", "\u009b31m", "\xff\xfe broken",
	"\u200bzero\ufeff", "wide 漢字漢字漢字漢字漢字漢字漢字", "e" + strings.Repeat("\u0301", 50), strings.Repeat("long", 300), "\u2028line\u2029", "tab\there",
	"\U000e0001tag", "🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂",
}

// tame tells what is wrong with a text that is about to be printed.
func tame(t *testing.T, text string, width int) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("not UTF-8: %q", text)
	}
	for _, r := range text {
		if r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2060 && r <= 0x206f || r == 0xfeff || r >= 0xe0000) {
			t.Errorf("%U reaches the terminal", r)
		}
	}
	for line := range strings.Lines(text) {
		if n := columnsOf(strings.TrimSuffix(line, "\n")); n > width {
			t.Errorf("%d columns of %d: %s", n, width, line)
		}
		if strings.HasSuffix(line, " \n") {
			t.Errorf("spaces at the end: %q", line)
		}
	}
}

// TestTableFits: whatever is in it and however many columns there are; each row
// is one line.
func TestTableFits(t *testing.T) {
	for _, width := range []int{leastWidth, 79, 80, 200} {
		tab := table{heads: []string{"NAME", "WATCHED", "WHY", "STATE"}}
		for _, text := range hostile {
			tab.add(text, "yes", text, "healthy")
		}
		tab.add("short")
		var out bytes.Buffer
		tab.print(&out, "  ", width)
		tame(t, out.String(), width)
		if n := strings.Count(out.String(), "\n"); n != len(hostile)+2 {
			t.Errorf("%d lines; want one a row", n)
		}
	}
	var out bytes.Buffer
	(&table{heads: []string{"NAME"}}).print(&out, "", 80)
	if out.Len() > 0 {
		t.Errorf("a table without rows prints %q", &out)
	}
}

// TestTableKeepsWhatFits: only the widest columns are cut, and only as far as
// need be.
func TestTableKeepsWhatFits(t *testing.T) {
	tab := table{heads: []string{"NAME", "WHY", "STATE"}}
	tab.add("web", strings.Repeat("because ", 20), "unhealthy")
	var out bytes.Buffer
	tab.print(&out, "", 60)
	row := strings.Split(out.String(), "\n")[1]
	if columnsOf(row) != 60 || !strings.HasPrefix(row, "web   because") || !strings.HasSuffix(row, "…  unhealthy") {
		t.Errorf("%q", row)
	}
}

// TestSayFits: sentences are broken between words, and within one only where it
// is longer than a line.
func TestSayFits(t *testing.T) {
	for _, width := range []int{leastWidth, 80} {
		for _, text := range hostile {
			var out bytes.Buffer
			say(&out, width, "  Subject  ", "It printed: "+text+" and then it ended.")
			tame(t, out.String(), width)
		}
	}
	var out bytes.Buffer
	say(&out, 40, "  - ", "one two three four five six seven eight nine ten")
	if want := "  - one two three four five six seven\n    eight nine ten\n"; out.String() != want {
		t.Errorf("%q; want %q", &out, want)
	}
}

func TestShown(t *testing.T) {
	for text, want := range map[string]string{
		"web-1": "web-1", "\x1b[31mred": `\x1b[31mred`, "a\nb\tc": `a\nb\tc`, "\u202eb": `\u202eb`, "\u009b": `\u009b`, "\xffx": `\xffx`,
		"漢é🙂": "漢é🙂", "\u00a0": `\u00a0`, "�": "�", `C:\app`: `C:\app`,
	} {
		if got := shown(text); got != want {
			t.Errorf("%q: %q; want %q", text, got, want)
		}
	}
}

// TestJSONIsTame: a person may look at it, and it says the same all the same.
func TestJSONIsTame(t *testing.T) {
	var out bytes.Buffer
	if err := printJSON(&out, hostile); err != nil {
		t.Fatal(err)
	}
	tame(t, out.String(), 1<<20)
	var back []string
	decode(t, out.Bytes(), &back)
	for i, text := range hostile {
		if want := strings.ToValidUTF8(text, "\ufffd"); strings.ReplaceAll(back[i], "\ufffd\ufffd", "\ufffd") != want {
			t.Errorf("%q comes back as %q", want, back[i])
		}
	}
}

func TestWidth(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // of a test
	for columns, want := range map[string]int{"": 80, "100": 100, "5": leastWidth, "-1": 80, "9999999": mostWidth, "wide": 80} {
		if got := widthFor(file, []string{"COLUMNS=" + columns}); got != want {
			t.Errorf("COLUMNS=%s: %d; want %d", columns, got, want)
		}
	}
}

func FuzzTable(f *testing.F) {
	for _, text := range hostile {
		f.Add(text, 80)
	}
	f.Fuzz(func(t *testing.T, text string, width int) {
		width = min(max(width, leastWidth), mostWidth)
		tab := table{heads: []string{"A", "B"}}
		tab.add(text, text)
		var out bytes.Buffer
		tab.print(&out, "", width)
		say(&out, width, fmt.Sprintf("%-13s ", "Subject"), text)
		tame(t, out.String(), width)
	})
}
