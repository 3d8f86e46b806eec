package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"defib/heal"
)

// jsonWebhook posts what happened as JSON of defib's own, for programs:
//
//	json+https://example.org/hook
//	json+https://example.org/hook#secret=whsec_…
//
// docs/webhook.schema.json describes the body. Its version changes when a field
// goes or means something else; new fields come without that. A body has at
// most 20 KB.
//
// With a secret it is signed after Standard Webhooks 1.0.0: webhook-id is the
// same on every attempt (it is also the field id), webhook-timestamp is new on
// each, and webhook-signature is "v1," and the base64 of the HMAC-SHA256 of id,
// timestamp and body, joined by dots. The secret is whsec_ and the base64 of 24
// to 64 bytes. Any 2xx is success; so is a 409 to what is signed, since the
// server has that id already.
type jsonWebhook struct{ program }

func jsonKind() kind {
	return kind{
		name: "json", schemes: webSchemes(), options: []string{"secret"},
		example: "json+https://example.org/hook/SECRET",
		check:   func(to address) error { _, err := signingKey(to.options["secret"]); return err },
		build:   func(t *target, c *client) receiver { return &jsonWebhook{program{outlet{t, c}}} },
	}
}

func (r *jsonWebhook) deliver(ctx context.Context, m message) error {
	to, err := r.address()
	if err != nil {
		return err
	}
	key, err := signingKey(to.options["secret"])
	if err != nil {
		return &setback{err: err} // a file may be repaired
	}
	content := jsonMessage(m)
	body, err := encode(content)
	if err != nil {
		return err
	}
	answer, err := r.client.send(ctx, to.url, signature(key, content.ID, time.Now(), body), body)
	if err != nil {
		return err
	}
	if answer.status == http.StatusConflict && key != nil {
		return nil
	}
	return answer.verdict(r.place())
}

// jsonVersion is the version of the body.
const jsonVersion = 1

// Limits of the body, in bytes: with all else it stays below 20 KB.
const (
	jsonTitle = 1 << 10
	jsonText  = 4 << 10
)

// jsonBody is the body. docs/webhook.schema.json says what each field means.
type jsonBody struct {
	Version   int             `json:"version"`
	ID        string          `json:"id"`
	Type      string          `json:"type"`
	Timestamp string          `json:"timestamp"`
	Status    string          `json:"status"`
	Severity  string          `json:"severity"`
	Reason    string          `json:"reason"`
	Ended     *string         `json:"ended"`
	Reminder  bool            `json:"reminder"`
	Incident  string          `json:"incident"`
	Host      string          `json:"host"`
	Container *containerFacts `json:"container"`
	Owner     *string         `json:"owner"`
	Many      *jsonMany       `json:"many"`
	Health    *healthFacts    `json:"health"`
	Action    jsonAction      `json:"action"`
	Evidence  *evidenceFacts  `json:"evidence"`
	ExitCode  *int            `json:"exit_code"`
	Times     *int            `json:"times"`
	ByPerson  bool            `json:"by_person"`
	Detail    *string         `json:"detail"`
	StartedAt *string         `json:"started_at"`
	EndedAt   *string         `json:"ended_at"`
	NextAt    *string         `json:"next_at"`
	Title     string          `json:"title"`
	Text      string          `json:"text"`
}

// jsonMany is what a message about many containers adds.
type jsonMany struct {
	Count int      `json:"count"`
	Of    *int     `json:"of"`
	Left  int      `json:"left"`
	Names []string `json:"names"`
}

// jsonAction is what defib did.
type jsonAction struct {
	Taken   string   `json:"taken"`
	Result  *string  `json:"result"`
	Attempt int      `json:"attempt"`
	Max     *int     `json:"max"`
	Took    *float64 `json:"took_seconds"`
	Error   *string  `json:"error"`
}

// jsonMessage gives the body for a message about one alert.
func jsonMessage(m message) jsonBody {
	a := &m.alerts[0]
	n := a.Notice
	b := jsonBody{
		Version: jsonVersion, ID: a.id(), Type: "defib." + a.class(), Timestamp: stamp(m.at), Status: "firing", Severity: severityOf(m.mood),
		Reason: a.class(), Reminder: n.Reminder, Incident: clean(n.Incident, maxName), Host: clean(a.Host, maxName),
		Container: containerOf(n.Container), Owner: word(clean(n.Owner, maxName)), Many: manyOf(n), Action: actionOf(n), ByPerson: n.ByPerson, Detail: word(clean(n.Detail, maxOutput)),
		StartedAt: instant(n.Since), NextAt: instant(n.Next), Title: cutBytes(m.title, jsonTitle), Text: cutBytes(m.text, jsonText),
	}
	switch {
	case a.Test:
		b.Status = "test"
	case n.Reason == heal.WatchBegan:
		b.Status = "started"
	case a.resolves():
		b.Status, b.EndedAt = "resolved", instant(m.at)
	}
	if n.Ended != 0 {
		b.Ended = word(n.Ended.String())
	}
	if n.Exited || n.Reason == heal.ExitedByItself || n.Reason == heal.OutOfMemory {
		b.ExitCode = &n.ExitCode
	}
	if n.Times > 0 {
		b.Times = &n.Times
	}
	if !m.isBrief() {
		b.Health, b.Evidence = healthOf(n), evidenceOf(n.Evidence)
	}
	return b
}

// word gives a text, and nil for none.
func word(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func manyOf(n heal.Notice) *jsonMany {
	if n.Count == 0 {
		return nil
	}
	many := &jsonMany{Count: n.Count, Left: n.Left, Names: []string{}}
	if n.Of > 0 {
		many.Of = &n.Of
	}
	for _, name := range n.Names[:min(len(n.Names), maxGrouped)] {
		many.Names = append(many.Names, clean(name, maxName))
	}
	return many
}

// actionOf gives what defib did right before the notice, and what came of it
// where that is known.
func actionOf(n heal.Notice) jsonAction {
	act := jsonAction{Taken: "none", Attempt: n.Attempt}
	did := func(verb heal.Verb, result string) { act.Taken, act.Result = verb.String(), &result }
	verb := heal.Restart
	if n.Exited {
		verb = heal.Start
	}
	switch n.Reason { //nolint:exhaustive // nothing was done right before the others
	case heal.Restarted:
		did(verb, "done")
		took := n.Took.Seconds()
		act.Took = &took
	case heal.RestartFailed:
		if !n.Exited {
			verb = n.Verb
		}
		did(verb, "failed")
		act.Error = word(clean(n.Err, maxOutput))
	case heal.StillUnhealthy:
		did(verb, "no-help")
	case heal.Followed:
		did(verb, "done")
	case heal.Quarantined:
		did(heal.Stop, "done")
	}
	if n.Budget > 0 {
		act.Max = &n.Budget
	}
	return act
}

// The lengths of a key that Standard Webhooks allows, in bytes.
const (
	shortestKey = 24
	longestKey  = 64
)

// signingKey reads a secret as Standard Webhooks has it. No secret gives no key.
func signingKey(secret string) ([]byte, error) {
	if secret == "" {
		return nil, nil
	}
	coded, named := strings.CutPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(coded)
	if !named || err != nil || len(key) < shortestKey || len(key) > longestKey {
		return nil, errors.New("the option secret behind its # is not whsec_ and the base64 of 24 to 64 bytes; this makes one: echo whsec_$(openssl rand -base64 32)")
	}
	return key, nil
}

// signature gives the headers of a signed body; nil without a key.
func signature(key []byte, id string, now time.Time, body []byte) http.Header {
	if key == nil {
		return nil
	}
	at := strconv.FormatInt(now.Unix(), 10)
	sum := hmac.New(sha256.New, key)
	sum.Write([]byte(id + "." + at + "."))
	sum.Write(body)
	header := http.Header{}
	header.Set("webhook-id", id)
	header.Set("webhook-timestamp", at)
	header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(sum.Sum(nil)))
	return header
}
