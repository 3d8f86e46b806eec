package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"
)

// What a Slack message may hold, in runes after escaping. Slack takes more of
// each, but refuses some messages of more than 9,597 in all (bolt-js#2867);
// the sum of these stays below 8,000 with the six facts that there can be.
const (
	slackTitle  = 150
	slackText   = 3000
	slackField  = 500
	slackName   = 50
	slackFooter = 120
	slackFacts  = 6
)

// slack tells a channel of Slack, Mattermost or Rocket.Chat through an incoming
// webhook. One incident is one conversation: repeats are not sent. Whom the
// option mention calls is in slackmention.go.
type slack struct{ chat }

// slackPayload is the body of an incoming webhook. Its text beside the
// attachment only calls somebody: more would show every title twice.
type slackPayload struct {
	Text        string            `json:"text,omitempty"`
	Attachments []slackAttachment `json:"attachments"`
}

type slackAttachment struct {
	Color    string       `json:"color"`
	Fallback string       `json:"fallback"` // what a phone's notification shows
	Title    string       `json:"title"`
	Text     string       `json:"text"`
	Fields   []slackEntry `json:"fields,omitempty"`
	Footer   string       `json:"footer"`
	Time     int64        `json:"ts,omitempty"` // Unix seconds
}

type slackEntry struct {
	Title string `json:"title"`
	Value string `json:"value"`
	Short bool   `json:"short"`
}

func (s *slack) deliver(ctx context.Context, m message) error {
	to, err := s.address()
	if err != nil {
		return err
	}
	payload := slackMessage(m)
	if m.firing() {
		payload.Text, _ = slackMention(to) // checked with the address
	}
	answer, err := s.post(ctx, to.url, nil, payload)
	if err != nil {
		return err
	}
	if err := answer.verdict(s.place()); err != nil {
		return err
	}
	return slackTook(answer, s.place())
}

// slackMessage gives the payload for a message. It is plain text: what is bold
// in Slack is not in Mattermost.
func slackMessage(m message) slackPayload {
	title := escapeSlack(m.title, slackTitle)
	attachment := slackAttachment{
		Color: slackColor(m.mood), Fallback: title, Title: title,
		Text: inSlack().lines(m.text, slackText), Footer: escapeSlack(m.sender, slackFooter),
	}
	for _, f := range m.facts[:min(len(m.facts), slackFacts)] {
		attachment.Fields = append(attachment.Fields,
			slackEntry{Title: escapeSlack(f.name, slackName), Value: escapeSlack(f.value, slackField), Short: true})
	}
	if !m.at.IsZero() {
		attachment.Time = m.at.Unix()
	}
	return slackPayload{Attachments: []slackAttachment{attachment}}
}

func slackColor(m mood) string {
	switch m {
	case bad:
		return "#d63232"
	case pending:
		return "#daa038"
	case good:
		return "#2eb67d"
	default:
		return "#808080"
	}
}

// slackTook judges the body of a 2xx. Slack and Mattermost say ok, Rocket.Chat
// {"success":true}; a page of a proxy or of the chat itself means that the
// address is wrong.
func slackTook(a answer, host string) error {
	body := bytes.TrimSpace(a.body)
	if len(body) == 0 || bytes.EqualFold(body, []byte("ok")) {
		return nil
	}
	var said struct {
		OK      any `json:"ok"`
		Success any `json:"success"`
	}
	// A mistake shows below; JSON of another shape is no refusal.
	_ = json.Unmarshal(body, &said)
	refused := said.OK == false || said.Success == false
	// Only the beginning of a long answer was read, which is no JSON then.
	long := len(a.body) == maxAnswer && body[0] == '{'
	switch {
	case refused && a.retryAfter(time.Now()) > 0:
		return a.setback(host)
	case refused || (!json.Valid(body) && !long):
		return fmt.Errorf("%w, which is not Slack's way to say yes", a.failed(host))
	}
	return nil
}

// escapeSlack gives a text that pings nobody, at most so many runes long and
// not cut within an entity.
func escapeSlack(text string, limit int) string { return inSlack().line(text, limit) }

// inSlack is how texts are written for Slack, which reads <!channel>, <@U1> and
// links between angle brackets; Mattermost also reads a bare @channel or @name,
// which an invisible space (U+200B) breaks. Addresses such as a@b stay whole.
func inSlack() dialect {
	return dialect{size: utf8.RuneCountInString, escape: func(before, r rune, rest string) string {
		switch {
		case r == '&':
			return "&amp;"
		case r == '<':
			return "&lt;"
		case r == '>':
			return "&gt;"
		case r == '@' && mentions(before, rest):
			return "@\u200b"
		}
		return string(r)
	}}
}

// mentions tells whether an @ between these two reads as a mention.
func mentions(before rune, after string) bool {
	next, _ := utf8.DecodeRuneInString(after)
	return !unicode.IsLetter(before) && !unicode.IsDigit(before) && unicode.IsLetter(next)
}
