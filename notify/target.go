package notify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

// target is one address out of one variable. How many a variable holds, and of
// which kind each is, is settled at start; what they are is asked again at each
// use, because a file may change.
type target struct {
	variable string
	secret   Secret
	index    int
	secrets  *redactor
	parse    func(text string) (address, error)
	kind     string // at start
	lastHost atomic.Pointer[string]
}

// targets gives one target for each address that the variable holds now; the
// error has a line for each that is wrong.
func targets(variable string, secret Secret, secrets *redactor, parse func(string) (address, error)) ([]*target, error) {
	text, err := secret.Reveal()
	if err != nil {
		return nil, err
	}
	var found []*target
	var wrong []error
	for i := range strings.Fields(text) {
		t := &target{variable: variable, secret: secret, index: i, secrets: secrets, parse: parse}
		to, err := t.address()
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		t.kind = to.kind
		found = append(found, t)
	}
	return found, errors.Join(wrong...)
}

// address gives the present address. Its errors hold nothing of it.
func (t *target) address() (address, error) {
	text, err := t.secret.Reveal()
	if err != nil {
		return address{}, err
	}
	all := strings.Fields(text)
	for _, one := range all {
		t.secrets.learn(unquote(one))
	}
	if t.index >= len(all) {
		return address{}, fmt.Errorf("use %s: it held %d URLs at start and holds %d now", t.variable, t.index+1, len(all))
	}
	to, err := t.parse(unquote(all[t.index]))
	if err != nil {
		if len(all) > 1 {
			err = fmt.Errorf("URL %d of %d: %w", t.index+1, len(all), err)
		}
		return address{}, err
	}
	if t.kind != "" && t.kind != to.kind {
		return address{}, fmt.Errorf("use %s: URL %d was of kind %s at start and is of kind %s now: restart defib",
			t.variable, t.index+1, t.kind, to.kind)
	}
	for name, value := range to.options {
		if !slices.Contains(openOptions(), name) {
			t.secrets.learn(value)
		}
	}
	host := clean(to.url.Host, maxName)
	t.lastHost.Store(&host)
	return to, nil
}

// mark changes when the secret in a file does; it tells nothing of it. A secret
// that is a value cannot change: its mark is empty.
func (t *target) mark() string {
	if t.secret.file == "" {
		return ""
	}
	text, err := t.secret.Reveal()
	if err != nil {
		return "unreadable"
	}
	return digest(text)[:16]
}

// host names the server that was used last, with its port if it has one.
func (t *target) host() string {
	if host := t.lastHost.Load(); host != nil {
		return *host
	}
	return ""
}
