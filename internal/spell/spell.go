// Package spell finds the name that somebody who mistyped one most likely
// meant.
package spell

// Nearest gives the word among known that takes the fewest edits to become
// word, and false where none is near: more than two fifths of it would change.
func Nearest(word string, known []string) (string, bool) {
	if len(word) > 100 {
		return "", false // nobody mistypes that much, and the cost is quadratic
	}
	best, least := "", 0.4
	for _, k := range known {
		skip := shared(word, k)
		part := word[skip:]
		if share := float64(edits(part, k[skip:])) / float64(max(1, len(part))); share <= least {
			best, least = k, share
		}
	}
	return best, best != ""
}

// shared gives the length of the words (AUTOHEAL_, autoheal.) that two names
// begin with alike: they say nothing of what was meant.
func shared(a, b string) int {
	n := 0
	for i := 0; i < len(a) && i < len(b) && a[i] == b[i]; i++ {
		if a[i] == '_' || a[i] == '.' {
			n = i + 1
		}
	}
	return n
}

// edits counts the insertions, deletions and changes from a to b
// (Levenshtein), byte by byte: the names are ASCII.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
