package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-isatty"
	"golang.org/x/sys/unix"
)

// How wide what is printed may be, in columns.
const (
	usualWidth = 80
	leastWidth = 40
	mostWidth  = 500
	leastCell  = 3 // a cell is not cut below that
)

// widthFor gives how many columns may be printed: what COLUMNS says, else the
// terminal's width, else 80.
func widthFor(w io.Writer, environ []string) int {
	width := usualWidth
	if n, err := strconv.Atoi(cleaned(environ, nil)["COLUMNS"]); err == nil && n > 0 {
		width = n
	} else if columns, _, ok := terminalSize(w); ok {
		width = columns
	}
	return min(max(width, leastWidth), mostWidth)
}

// terminalSize gives the size of the terminal that w is; ok is false where it
// is none.
func terminalSize(w io.Writer) (columns, lines int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile || !isatty.IsTerminal(f.Fd()) {
		return 0, 0, false
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 {
		return 0, 0, false
	}
	return int(size.Col), int(size.Row), true
}

// shown makes a text that comes from elsewhere safe to print on one line: what
// a terminal would obey, and what turns the direction of writing, is escaped.
func shown(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		text = text[size:]
	}
	return b.String()
}

// columnsOf counts the columns that a text takes. What takes none, such as a
// combining mark, counts as one: rather too short a line than too long a one.
func columnsOf(text string) int {
	n := 0
	for _, r := range text {
		n += columns(r)
	}
	return n
}

// columns gives two for the scripts and pictures that terminals print wide.
func columns(r rune) int {
	switch {
	case r < 0x1100:
		return 1
	case r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff,
		r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6,
		r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd, r >= 0x2600 && r <= 0x27bf, r >= 0x231a && r <= 0x23ff:
		return 2
	}
	return 1
}

// cutTo cuts a text to so many columns; what was cut ends with an ellipsis.
func cutTo(text string, width int) string {
	if fits(text, width) {
		return text
	}
	return firstColumns(text, width-1) + "…"
}

// firstColumns gives the beginning of a text that fits.
func firstColumns(text string, width int) string {
	n := 0
	for i, r := range text {
		if n += columns(r); n > width {
			return text[:i]
		}
	}
	return text
}

// fits tells whether a text takes no more columns than that. It does not look
// at the rest, which may be long.
func fits(text string, width int) bool { return len(firstColumns(text, width)) == len(text) }

// table is printed in columns that fit a width.
type table struct {
	heads []string
	rows  [][]string
}

// add adds a row; it may have fewer cells than there are heads.
func (t *table) add(cells ...string) {
	row := make([]string, len(t.heads))
	for i, c := range cells {
		row[i] = shown(c)
	}
	t.rows = append(t.rows, row)
}

// print prints the table, nothing where it has no rows. What does not fit is
// cut, in the widest column first.
func (t *table) print(w io.Writer, indent string, width int) {
	if len(t.rows) == 0 {
		return
	}
	widths := t.widths(width - len(indent))
	for _, row := range append([][]string{t.heads}, t.rows...) {
		var b strings.Builder
		b.WriteString(indent)
		for i, cell := range row {
			cell = cutTo(cell, widths[i])
			b.WriteString(cell)
			b.WriteString(strings.Repeat(" ", widths[i]-columnsOf(cell)+2))
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// widths gives the columns' widths, two columns of space between them apart.
func (t *table) widths(width int) []int {
	widths := make([]int, len(t.heads))
	sum := 2 * (len(widths) - 1)
	for i, head := range t.heads {
		widths[i] = columnsOf(head)
		for _, row := range t.rows {
			widths[i] = min(max(widths[i], columnsOf(row[i])), width)
		}
		sum += widths[i]
	}
	for ; sum > width; sum-- {
		widest := 0
		for i := range widths {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= leastCell {
			break
		}
		widths[widest]--
	}
	return widths
}

// say prints a sentence, or several, in lines that fit; the first begins with
// first, the others with spaces below it.
func say(w io.Writer, width int, first, text string) {
	rest := strings.Repeat(" ", columnsOf(first))
	line, room := first, width-len(rest)
	used := 0
	for _, word := range strings.Fields(shown(text)) {
		for used > 0 && !fits(word, room-used-1) || used == 0 && !fits(word, room) {
			if used == 0 { // longer than a line: it is broken
				part := firstColumns(word, room)
				line, word = line+part, word[len(part):]
			}
			fmt.Fprintln(w, line)
			line, used = rest, 0
		}
		if used > 0 {
			line, used = line+" ", used+1
		}
		line, used = line+word, used+columnsOf(word)
	}
	fmt.Fprintln(w, strings.TrimRight(line, " "))
}

// printJSON prints a document for machines. A person may look at it as well:
// what a terminal would obey is escaped.
func printJSON(w io.Writer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write it as JSON: %w", err)
	}
	var b strings.Builder
	for _, r := range string(text) {
		switch {
		case r == '\n' || strconv.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	fmt.Fprintln(w, b.String())
	return nil
}
