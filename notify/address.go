package notify

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"defib/internal/spell"
)

// address is where a receiver is reached and how it wants to be told.
type address struct {
	kind    string
	url     *url.URL          // without the kind in front, and without the options
	options map[string]string // from the fragment: what stands behind the #
}

// plain reads the URL of a variable whose kind is known. A fragment is left
// out: servers never see one.
func plain(kind string) func(text string) (address, error) {
	return func(text string) (address, error) {
		u, err := parseURL(text, webSchemes())
		if err != nil {
			return address{}, err
		}
		u.Fragment, u.RawFragment = "", ""
		return address{kind: kind, url: u}, nil
	}
}

// slackAddress reads the URL of SLACK_WEBHOOK_URL, whatever its host. It may
// have options.
func slackAddress(text string) (address, error) { return parseAddress("slack+" + text) }

// parseAddress reads one of AUTOHEAL_ALERT_URLS: a URL as the receiver's own
// pages show it, where its host tells the kind; else with the kind and a plus in
// front, as in ntfy+https://ntfy.example.org/alerts. Options follow a #, as in
// #level=failures&resolved=no. The error holds nothing that could be secret.
func parseAddress(text string) (address, error) {
	to := address{}
	scheme, _, _ := strings.Cut(text, "://")
	if kind, _, named := strings.Cut(scheme, "+"); named {
		to.kind, text = strings.ToLower(kind), text[len(kind)+1:]
	}
	k, err := kindNamed(to.kind)
	if err != nil {
		return address{}, err
	}
	u, err := parseURL(text, k.schemes)
	if err != nil {
		return address{}, err
	}
	if to.kind == "" {
		if k, err = kindOf(u); err != nil {
			return address{}, err
		}
		to.kind = k.name
	}
	if !slices.Contains(k.schemes, u.Scheme) {
		return address{}, fmt.Errorf("a URL of kind %s begins with %s://", k.name, strings.Join(k.schemes, ":// or "))
	}
	if to.options, err = options(u.EscapedFragment(), k); err != nil {
		return address{}, err
	}
	u.Fragment, u.RawFragment = "", ""
	to.url = u
	if k.check != nil {
		if err := k.check(to); err != nil {
			return address{}, fmt.Errorf("kind %s: %w; such a URL is like %s", k.name, err, k.example)
		}
	}
	return to, nil
}

// options reads what stands behind the #: name=value, joined by &. A name that
// the kind does not know is an error.
func options(fragment string, k kind) (map[string]string, error) {
	if fragment == "" {
		return nil, nil
	}
	all := map[string]string{}
	known := append(slices.Clone(commonOptions()), k.options...)
	for pair := range strings.SplitSeq(fragment, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(known, name) {
			err := fmt.Sprintf("an option behind its # does not exist for kind %s, which knows %s", k.name, strings.Join(known, ", "))
			if near, ok := spell.Nearest(name, known); ok {
				err += ": did you mean " + near + "?"
			}
			return nil, errors.New(err)
		}
		plain, err := url.PathUnescape(value)
		if err != nil || plain == "" {
			return nil, fmt.Errorf("the option %s behind its # has no value, or one with a bad %%", name)
		}
		all[name] = plain
	}
	return all, checkWish(all)
}

// webSchemes are those of most kinds.
func webSchemes() []string { return []string{"https", "http"} }

// parseURL gives a URL with a host and one of these schemes. Its error does not
// hold the text, unlike those of net/url.
func parseURL(text string, schemes []string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || !slices.Contains(schemes, u.Scheme) || u.Hostname() == "" {
		return nil, fmt.Errorf("it is not a URL that begins with %s:// and has a host", strings.Join(schemes, ":// or "))
	}
	return u, nil
}
