package notify

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"defib/internal/spell"
)

// kind is a sort of receiver that AUTOHEAL_ALERT_URLS can hold.
type kind struct {
	name    string
	schemes []string               // of its URLs, without the kind in front
	knows   func(u *url.URL) bool  // tells by host, or by path, that a URL is of this kind; nil: it must be named
	options []string               // beside commonOptions
	example string                 // a URL as people write it; words in capitals stand for what is secret
	check   func(to address) error // what is missing, and what to write; nil: nothing can be
	build   func(t *target, c *client) receiver
}

// kinds gives all that there are; those that are known by their host are asked
// in this order.
func kinds() []kind {
	return []kind{
		slackKind(), discordKind(), teamsKind(), telegramKind(), ntfyKind(), pushoverKind(),
		pagerdutyKind(), mailKind(), appriseKind(), jsonKind(), alertmanagerKind(),
		gotifyKind(), // by its path, so the last
	}
}

// commonOptions are those that each kind has: from which level on a receiver is
// told, and whether it is told of what is over.
func commonOptions() []string { return []string{"level", "resolved"} }

// openOptions are those whose values are ordinary words: hiding these would make
// every other error unreadable.
func openOptions() []string {
	return append(commonOptions(), "tls", "severity", "mention", "priority", "silent", "sound")
}

// onHost tells whether a URL's host is one of these, or ends with one that
// begins with a dot.
func onHost(hosts ...string) func(u *url.URL) bool {
	return func(u *url.URL) bool {
		host := strings.ToLower(u.Hostname())
		return slices.ContainsFunc(hosts, func(h string) bool {
			return host == h || (strings.HasPrefix(h, ".") && strings.HasSuffix(host, h))
		})
	}
}

// kindNamed gives the kind of that name; one for any URL when there is none.
func kindNamed(name string) (kind, error) {
	var names []string
	any := kind{}
	for _, k := range kinds() {
		if k.name == name {
			return k, nil
		}
		names = append(names, k.name)
		for _, s := range k.schemes {
			if !slices.Contains(any.schemes, s) {
				any.schemes = append(any.schemes, s)
			}
		}
	}
	if name == "" {
		return any, nil
	}
	words := "there is no such kind of receiver as stands in front of its +"
	if near, ok := spell.Nearest(name, names); ok {
		words += ": did you mean " + near + "?"
	}
	return kind{}, fmt.Errorf("%s; there are %s", words, strings.Join(names, ", "))
}

// kindOf finds the kind of a URL that does not name it.
func kindOf(u *url.URL) (kind, error) {
	var names []string
	for _, k := range kinds() {
		if k.knows != nil && k.knows(u) {
			return k, nil
		}
		names = append(names, k.name)
	}
	return kind{}, errors.New("its host does not tell what kind of receiver it is: put one of " + strings.Join(names, ", ") +
		" and a + in front, as in ntfy+https://…")
}
