package notify

import (
	"context"
	"strings"

	"defib/heal"
)

// webhook sends the body that docker-autoheal sent to WEBHOOK_URL, byte for
// byte except that its strings are valid JSON whatever the name.
type webhook struct {
	target *target
	client *client
	key    string // of the one JSON field; empty: chosen by host
}

func (w *webhook) name() string { return "webhook" }

func (w *webhook) place() string { return w.target.host() }

func (w *webhook) secretMark() string { return w.target.mark() }

func (w *webhook) wants(n heal.Notice) bool { return wantsAsAutoheal(n) }

func (w *webhook) deliver(ctx context.Context, m message) error {
	to, err := w.target.address()
	if err != nil {
		return &setback{err: err}
	}
	body, err := legacyBody(legacyPair{w.keyFor(to.url.Hostname()), autohealWords(m)})
	if err != nil {
		return err
	}
	answer, err := w.client.post(ctx, w.target, body)
	if err != nil {
		return err
	}
	return answer.verdict(w.place())
}

// keyFor gives the name of the JSON field: Slack wants text; Discord, and what
// docker-autoheal's image was set to, content.
func (w *webhook) keyFor(host string) string {
	switch {
	case w.key != "":
		return w.key
	case strings.EqualFold(host, "hooks.slack.com"):
		return "text"
	}
	return "content"
}
