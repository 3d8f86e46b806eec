package notify

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// What is left of hostile texts, in runes.
const (
	maxName   = 100  // of a container, an image, a host
	maxOutput = 500  // of a probe, and of the engine's words
	maxLines  = 12   // of a probe
	maxSaid   = 256  // of a server, in bytes
	maxHeld   = 4096 // of each text while it waits in a queue, in bytes
)

const ellipsis = "…"

// clean makes a text that comes from elsewhere safe to show: at most so many
// runes of valid UTF-8, without terminal sequences, control characters and
// marks that turn the direction of writing. White space at its ends goes too.
func clean(text string, runes int) string { return scrub(text, runes, false) }

// cleanLines is clean for a text of several lines: it keeps its line ends.
func cleanLines(text string, runes int) string { return scrub(text, runes, true) }

// scrub cuts before it cleans, since the text may be huge: eight bytes for each
// rune leave room for long characters and some terminal sequences.
func scrub(text string, runes int, lines bool) string {
	whole := len(text) <= 8*runes
	if !whole {
		text = prefix(text, 8*runes)
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if r == '\x1b' || r == '\u009b' {
			text = text[terminalSequence(text, size):]
			continue
		}
		text = text[size:]
		switch {
		case r == '\n' && lines:
			b.WriteByte('\n')
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			b.WriteByte(' ')
		case turnsWriting(r):
		default:
			b.WriteRune(r) // an invalid byte becomes U+FFFD
		}
	}
	result := strings.TrimSpace(b.String())
	if cut := cutRunes(result, runes); cut != result || whole {
		return cut
	}
	return cutRunes(strings.TrimSpace(result+" "+ellipsis), runes)
}

// turnsWriting tells whether a character changes the direction of what follows
// it (U+202A to U+202E, U+2066 to U+2069): with one a name reads as another.
func turnsWriting(r rune) bool {
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// terminalSequence gives the length of the control sequence that text begins
// with (ECMA-48); at is the length of its introducer.
func terminalSequence(text string, at int) int {
	if text[0] != '\x1b' { // the introducer CSI in one character
		return pass(text, at, 0x20, 0x3f, 0x40)
	}
	if at == len(text) {
		return at
	}
	switch text[at] {
	case '[':
		return pass(text, at+1, 0x20, 0x3f, 0x40)
	case ']', 'P', 'X', '^', '_':
		return stringEnd(text, at+1)
	}
	return pass(text, at, 0x20, 0x2f, 0x30)
}

// pass gives the index after any number of bytes from low to high and one final
// byte, which is at least final.
func pass(text string, at int, low, high, final byte) int {
	for at < len(text) && text[at] >= low && text[at] <= high {
		at++
	}
	if at < len(text) && text[at] >= final && text[at] < 0x7f {
		at++
	}
	return at
}

// stringEnd gives the index after a control string, which BEL or ESC \ ends. A
// string without an end is taken to end with its line.
func stringEnd(text string, at int) int {
	for i := at; i < len(text); i++ {
		switch {
		case text[i] == '\a':
			return i + 1
		case text[i] == '\x1b' && i+1 < len(text) && text[i+1] == '\\':
			return i + 2
		case text[i] == '\n':
			return i
		}
	}
	return len(text)
}

// cutRunes gives at most so many runes of text; the last one then is "…".
func cutRunes(text string, runes int) string {
	if len(text) <= runes {
		return text
	}
	count, end := 0, 0
	for i := range text {
		if count == runes-1 {
			end = i
		}
		if count++; count > runes {
			return text[:end] + ellipsis
		}
	}
	return text
}

// cutBytes gives at most so many bytes of text; what was cut ends with "…".
func cutBytes(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return prefix(text, limit-len(ellipsis)) + ellipsis
}

// prefix gives the first bytes of text, less those of a character that the
// limit would split.
func prefix(text string, limit int) string {
	for back := range utf8.UTFMax {
		if at := limit - back; at >= 0 && utf8.RuneStart(text[at]) {
			return text[:at]
		}
	}
	return text[:limit]
}
