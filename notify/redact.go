package notify

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Shorter parts of a secret than these many bytes are left alone: "true" and
// "api" are words, and hiding them would make every other text unreadable. A
// path is split, and its short segments are identifiers rather than keys.
const (
	minSecretWord    = 4
	minSecretSegment = 8
)

// maxSecretWords bounds what a redactor remembers, in case that files with
// secrets change for years.
const maxSecretWords = 4096

// redactor replaces the secrets of all receivers in texts that leave the
// package. It is safe for use by several goroutines.
type redactor struct {
	mu    sync.RWMutex
	known map[string]bool
	words []string // longest first, so that no secret is replaced in part
}

func newRedactor() *redactor { return &redactor{known: map[string]bool{}} }

// learn remembers a secret and, if it is a URL, the parts of it that could
// open something: everything but scheme, host and port.
func (r *redactor) learn(secret string) {
	r.mu.RLock()
	known := r.known[secret]
	r.mu.RUnlock()
	if known {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.words) > maxSecretWords {
		r.known, r.words = map[string]bool{}, nil
	}
	r.add(minSecretWord, secret)
	if u, err := url.Parse(secret); err == nil {
		r.addURL(u)
	}
	slices.SortFunc(r.words, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
}

func (r *redactor) addURL(u *url.URL) {
	r.add(minSecretWord, u.String(), u.RequestURI(), u.EscapedPath(), u.Path, u.RawQuery, u.Fragment, u.EscapedFragment())
	r.add(minSecretSegment, strings.Split(u.EscapedPath(), "/")...)
	r.add(minSecretSegment, strings.Split(u.Path, "/")...)
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		key, value, _ := strings.Cut(pair, "=")
		r.add(minSecretSegment, key)
		r.add(minSecretWord, value)
		if plain, err := url.QueryUnescape(value); err == nil {
			r.add(minSecretWord, plain)
		}
	}
	if u.User != nil {
		password, _ := u.User.Password()
		basic := base64.StdEncoding.EncodeToString([]byte(u.User.Username() + ":" + password))
		r.add(minSecretWord, u.User.String(), u.User.Username(), password, basic)
		for part := range strings.SplitSeq(u.User.String(), ":") {
			r.add(minSecretWord, part)
		}
	}
}

// add remembers the words of at least so many bytes.
func (r *redactor) add(least int, words ...string) {
	for _, word := range words {
		if len(word) >= least && !r.known[word] {
			r.known[word] = true
			r.words = append(r.words, word)
		}
	}
}

// hide gives the text without any secret that was learnt.
func (r *redactor) hide(text string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, word := range r.words {
		text = strings.ReplaceAll(text, word, hidden)
	}
	return text
}

// show makes a foreign text fit for a log: clean, without secrets, at most so
// many runes long. Secrets are looked for before the text is cut, and where it
// was cut before (cut tells so) its end may be the beginning of one.
func (r *redactor) show(text string, runes int, cut bool) string {
	longest := r.longest()
	cleaned := clean(text, runes+longest)
	shown := r.hide(cleaned)
	if cut || strings.HasSuffix(cleaned, ellipsis) {
		shown = prefix(shown, max(0, len(shown)-longest-len(ellipsis))) + ellipsis
	}
	return cutRunes(shown, runes)
}

// longest is the length in bytes of the longest secret.
func (r *redactor) longest() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.words) == 0 {
		return 0
	}
	return len(r.words[0])
}
