package notify

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// What a Gotify message holds at most, in runes. Gotify documents no limits; a
// phone shows no more.
const (
	gotifyTitle = 250
	gotifyText  = 4000
)

// Priorities of Gotify: from 4 on a phone makes a sound, from 8 on it shows the
// message over what is on the screen.
const (
	gotifyLoud   = 8
	gotifyMiddle = 5
	gotifyNormal = 4
)

// gotify tells the users of an application of a Gotify server:
//
//	gotify+https://push.example.org/?token=APPTOKEN
//	gotify+https://push.example.org/prefix#token=APPTOKEN&priority=10
//	https://push.example.org/message?token=APPTOKEN
//
// The contract is that of gotify.net/api-docs (createMessage) and
// gotify.net/docs/msgextras. The token goes into a header and never into the URL
// that is sent, which proxies log. Success is a 200 with the message; 400, 401
// and 403 are final; Gotify has no rate limit of its own.
type gotify struct{ chat }

func gotifyKind() kind {
	return kind{
		name: "gotify", schemes: webSchemes(), options: []string{"token", "priority"}, example: "gotify+https://push.example.org/?token=XXXX",
		knows: func(u *url.URL) bool {
			return strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/message") && u.Query().Has("token")
		},
		check: gotifyCheck,
		build: func(t *target, c *client) receiver { return &gotify{chat{outlet{t, c}}} },
	}
}

func gotifyCheck(to address) error {
	token := to.value("token", "token")
	switch {
	case token == "":
		return errors.New("it has no token: add #token= and the token of an application, which Gotify shows under Apps")
	case !onlyOf(token, "-_."):
		return errors.New("its token has other characters than letters, digits, . - and _: copy that of the application, which Gotify shows under Apps")
	}
	_, err := to.priority(0, 10, 0)
	return err
}

type gotifyPayload struct {
	Title    string       `json:"title"`
	Message  string       `json:"message"`
	Priority int          `json:"priority"` // 0 to 10
	Extras   gotifyExtras `json:"extras"`
}

type gotifyExtras struct {
	Display gotifyDisplay `json:"client::display"`
}

type gotifyDisplay struct {
	ContentType string `json:"contentType"` // what a container says is no markdown
}

func (r *gotify) deliver(ctx context.Context, m message) error {
	to, err := r.address()
	if err != nil {
		return err
	}
	token := to.value("token", "token")
	u := at(to.url, strings.TrimSuffix(strings.TrimRight(to.url.Path, "/"), "/message")+"/message")
	answer, err := r.post(ctx, u, http.Header{"X-Gotify-Key": {token}}, gotifyMessage(m, to))
	if err != nil {
		return err
	}
	return tookObject(answer, r.place())
}

func gotifyMessage(m message, to address) gotifyPayload {
	d := inRunes()
	p := gotifyPayload{Title: d.line(m.title, gotifyTitle), Message: m.plain(d, gotifyText), Priority: gotifyNormal}
	p.Extras.Display.ContentType = "text/plain"
	switch m.mood {
	case bad:
		p.Priority = gotifyLoud
	case pending:
		p.Priority = gotifyMiddle
	case good, neutral:
	}
	if m.firing() {
		p.Priority, _ = to.priority(0, 10, p.Priority) // checked with the address
	}
	return p
}
