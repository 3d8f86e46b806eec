package notify

import (
	"strings"
	"unicode/utf8"
)

// dialect is how a receiver counts and escapes: the unit of its limits, and
// what is sent for a character that would mean something there.
type dialect struct {
	size func(piece string) int
	// escape gives what is sent for the character r between before and rest;
	// nil: all characters stand for themselves.
	escape func(before, r rune, rest string) string
}

// Dialects in which all characters stand for themselves.
func inRunes() dialect { return dialect{size: utf8.RuneCountInString} }
func inBytes() dialect { return dialect{size: func(piece string) int { return len(piece) }} }

// unitsUTF16 counts as JavaScript and Java do.
func unitsUTF16(text string) int {
	units := 0
	for _, r := range text {
		if units++; r > 0xffff {
			units++
		}
	}
	return units
}

// line writes a text that is cut at its end if it is too long.
func (d dialect) line(text string, limit int) string {
	written, _ := d.write(text, limit)
	return written
}

// lines writes the text of a message. Where it is too long what a container
// said gives way first: what defib did and what happens next are the news.
func (d dialect) lines(text string, limit int) string {
	written, whole := d.write(text, limit)
	for _, width := range []int{120, 60, 30, 0} {
		if whole {
			return written
		}
		written, whole = d.write(shortenQuotes(text, width), limit)
	}
	return written
}

// write gives the text as it is sent, at most so long in the dialect's unit and
// not cut within what stands for one character, and whether that is all of it.
func (d dialect) write(text string, limit int) (string, bool) {
	var b strings.Builder
	room := limit - d.size(ellipsis)
	size, end := 0, 0 // end: where b is cut to leave room for "…"
	before := '\n'
	for len(text) > 0 {
		r, width := utf8.DecodeRuneInString(text)
		text = text[width:]
		piece := string(r) // an invalid byte becomes U+FFFD
		if d.escape != nil {
			piece = d.escape(before, r, text)
		}
		if size += d.size(piece); size > limit {
			return b.String()[:end] + ellipsis, false
		}
		b.WriteString(piece)
		if size <= room {
			end = b.Len()
		}
		before = r
	}
	return b.String(), true
}

// shortenQuotes leaves so many runes of each foreign line (see quote); of 0 no
// line but one mark for all that follow each other.
func shortenQuotes(text string, width int) string {
	var kept []string
	for line := range strings.SplitSeq(text, "\n") {
		words, foreign := strings.CutPrefix(line, "| ")
		switch {
		case !foreign:
		case width > 0:
			line = "| " + cutRunes(words, width)
		case len(kept) > 0 && kept[len(kept)-1] == "| "+ellipsis:
			continue
		default:
			line = "| " + ellipsis
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "\n")
}
