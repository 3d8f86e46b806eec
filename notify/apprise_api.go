package notify

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"
)

// appriseAPI sends messages for people through a server of the Apprise API,
// which knows many services that defib does not:
//
//	apprise+https://apprise.example.org/notify/KEY#tag=ops
//	apprise+https://apprise.example.org/notify#urls=mailto%3A%2F%2Fuser%3Apass%40example.org
//
// The first uses a configuration that the server holds under the key, or what
// has the tag in it; the second names the services itself, percent-encoded and
// separated by commas. Success is a 200. A 204 is none: the key has no
// configuration, and nothing was sent. After a 424, where some of the services
// failed, it is tried once more.
type appriseAPI struct{ chat }

// Limits of a message, in runes. Apprise itself cuts or splits for a service.
const (
	appriseTitle = 250
	appriseText  = 6000
)

func appriseKind() kind {
	return kind{
		name: "apprise", schemes: webSchemes(), options: []string{"tag", "urls"},
		example: "apprise+https://apprise.example.org/notify/KEYOFCONFIG",
		check:   checkApprise,
		build:   func(t *target, c *client) receiver { return &appriseAPI{chat{outlet{t, c}}} },
	}
}

func checkApprise(to address) error {
	path := strings.TrimRight(to.url.Path, "/")
	stateless := strings.HasSuffix(path, "/notify")
	_, urls := to.options["urls"]
	switch {
	case stateless && !urls:
		return errors.New("it has neither a key, as in /notify/KEY, nor #urls= with services")
	case !stateless && !strings.Contains(path, "/notify/"):
		return errors.New("its path is neither /notify/KEY nor /notify")
	case !stateless && urls:
		return errors.New("it has a key and #urls= as well: the server would take one of them only")
	}
	return nil
}

type apprisePayload struct {
	URLs   string `json:"urls,omitempty"`
	Tag    string `json:"tag,omitempty"`
	Title  string `json:"title"`
	Body   string `json:"body"`
	Type   string `json:"type"`
	Format string `json:"format"`
}

func (r *appriseAPI) deliver(ctx context.Context, m message) error {
	to, err := r.address()
	if err != nil {
		return err
	}
	answer, err := r.post(ctx, to.url, nil, appriseMessage(m, to.options))
	if err != nil {
		return err
	}
	err = appriseVerdict(answer, r.place())
	if answer.status == http.StatusNoContent {
		return &closure{err}
	}
	return err
}

func appriseMessage(m message, options map[string]string) apprisePayload {
	return apprisePayload{
		URLs: options["urls"], Tag: options["tag"], Type: appriseType(m.mood), Format: "text",
		Title: cutRunes(harmless(m.title), appriseTitle), Body: cutRunes(harmless(m.body()), appriseText),
	}
}

func appriseType(m mood) string {
	switch m {
	case bad:
		return "failure"
	case pending:
		return "warning"
	case good:
		return "success"
	default:
		return "info"
	}
}

// harmless gives a text that pings nobody in whatever chat it ends: Apprise
// looks for @everyone and <@…> itself and asks Discord to ping whom it finds. An
// invisible space (U+200B) breaks them.
func harmless(text string) string {
	var b strings.Builder
	before := ' '
	text = strings.ToValidUTF8(text, "\ufffd")
	for i, r := range text {
		b.WriteRune(r)
		next := text[i+utf8.RuneLen(r):]
		if (r == '@' && mentions(before, next)) || (r == '<' && next != "" && strings.ContainsRune("@!#", rune(next[0]))) {
			b.WriteRune('\u200b')
		}
		before = r
	}
	return b.String()
}
