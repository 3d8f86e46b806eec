package notify

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
)

// target is one URL out of one variable. How many URLs a variable holds is
// settled at start; what they are is asked again at each use, because a file
// may change.
type target struct {
	variable string
	secret   Secret
	index    int
	secrets  *redactor
	lastHost atomic.Pointer[string]
}

// targets gives one target for each URL that the variable holds now.
func targets(variable string, secret Secret, secrets *redactor) ([]*target, error) {
	text, err := secret.Reveal()
	if err != nil {
		return nil, err
	}
	var found []*target
	for i := range strings.Fields(text) {
		t := &target{variable: variable, secret: secret, index: i, secrets: secrets}
		if _, err := t.url(); err != nil {
			return nil, err
		}
		found = append(found, t)
	}
	return found, nil
}

// url gives the present URL. Its errors hold nothing of it.
func (t *target) url() (*url.URL, error) {
	text, err := t.secret.Reveal()
	if err != nil {
		return nil, err
	}
	all := strings.Fields(text)
	for _, one := range all {
		t.secrets.learn(one)
	}
	if t.index >= len(all) {
		return nil, fmt.Errorf("use %s: it held %d URLs at start and holds %d now", t.variable, t.index+1, len(all))
	}
	u, err := parseURL(all[t.index])
	if err != nil {
		return nil, err
	}
	host := clean(u.Host, maxName)
	t.lastHost.Store(&host)
	return u, nil
}

// host names the server that was used last, with its port if it has one.
func (t *target) host() string {
	if host := t.lastHost.Load(); host != nil {
		return *host
	}
	return ""
}

// parseURL gives an http or https URL with a host. Its error does not hold the
// text, unlike those of net/url.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, errors.New("it is not an http or https URL with a host")
	}
	return u, nil
}
