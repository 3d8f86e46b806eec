package notify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// What a Discord message may hold, in code points (discord-api-docs#1315), after
// escaping. Discord takes 256, 4096, 1024 and 2048, but of an embed 6000 in all;
// these sum up to less.
const (
	discordTitle  = 256
	discordText   = 3500
	discordField  = 250
	discordName   = 50
	discordFooter = 150
	discordFacts  = 6
)

// discord tells a channel, or a thread, through the channel's webhook:
//
//	https://discord.com/api/webhooks/ID/TOKEN
//	https://discord.com/api/webhooks/ID/TOKEN?thread_id=ID#mention=role:ID
//
// The contract is that of Discord's pages "Webhook: Execute Webhook", "Message:
// Embed Limits, Allowed Mentions" and "Rate Limits". Without wait=true what is
// not saved is no error. Success is a 200 with the message, or a 204. A 429 says
// how long to wait, in fractions of seconds. 10,000 answers of 401, 403 and 429
// within 10 min ban the IP address, so a webhook that is gone is left alone.
//
// Embeds show markdown and links but call nobody; only the content does, and of
// it only what allowed_mentions names.
type discord struct{ chat }

func discordKind() kind {
	return kind{
		name: "discord", schemes: webSchemes(), options: []string{"mention"}, example: "https://discord.com/api/webhooks/1234567890/XXXX#mention=here",
		knows: onHost("discord.com", "discordapp.com", ".discord.com", ".discordapp.com"), check: discordCheck,
		build: func(t *target, c *client) receiver { return &discord{chat{outlet{t, c}}} },
	}
}

func discordCheck(to address) error {
	_, hook, found := strings.Cut(discordURL(to.url).EscapedPath(), "/webhooks/")
	id, token, parted := strings.Cut(hook, "/")
	if !found || !parted || id == "" || token == "" || strings.Contains(token, "/") {
		return errors.New("it is not the URL of a webhook: copy it from the settings of the channel (Integrations, Webhooks); " +
			"it ends with /api/webhooks/ID/TOKEN")
	}
	if thread := to.url.Query().Get("thread_id"); to.url.Query().Has("thread_id") && !isNumber(thread) {
		return errors.New("its thread_id is no number: copy the id of the thread with Discord's developer mode")
	}
	if mention := to.options["mention"]; mention != "" {
		_, _, err := discordMention(mention)
		return err
	}
	return nil
}

type discordPayload struct {
	Username string          `json:"username"`
	Content  string          `json:"content,omitempty"`
	Allowed  discordMentions `json:"allowed_mentions"`
	Embeds   []discordEmbed  `json:"embeds"`
}

// discordMentions says who may be called; a list that is empty and not missing
// means nobody.
type discordMentions struct {
	Parse []string `json:"parse"`
	Roles []string `json:"roles,omitempty"`
	Users []string `json:"users,omitempty"`
}

type discordEmbed struct {
	Title       string         `json:"title"`
	Description string         `json:"description"`
	Color       int            `json:"color"`
	Fields      []discordEntry `json:"fields,omitempty"`
	Footer      *discordFoot   `json:"footer,omitempty"`
	Timestamp   string         `json:"timestamp,omitempty"`
}

type discordEntry struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Inline bool   `json:"inline"`
}

type discordFoot struct {
	Text string `json:"text"`
}

func (r *discord) deliver(ctx context.Context, m message) error {
	to, err := r.address()
	if err != nil {
		return err
	}
	payload, err := discordMessage(m, to.options["mention"])
	if err != nil {
		return &setback{err: err}
	}
	answer, err := r.post(ctx, discordURL(to.url), nil, payload)
	if err != nil {
		return err
	}
	return discordTook(answer, r.place())
}

// discordTook judges an answer. A webhook of a forum cannot post without a
// thread (code 220001), whatever the message.
func discordTook(a answer, host string) error {
	if a.status == http.StatusBadRequest && a.field("code") == 220001.0 {
		return &closure{fmt.Errorf("%w: the channel is a forum: add ?thread_id=ID to the URL, with the id of a thread", a.failed(host))}
	}
	return tookObject(a, host)
}

// discordURL asks for an answer once the message is saved. It takes the endings
// off that stand for the payloads of other services; a thread stays.
func discordURL(u *url.URL) *url.URL {
	path := strings.TrimRight(u.Path, "/")
	path = strings.TrimSuffix(strings.TrimSuffix(path, "/slack"), "/github")
	to := at(u, path)
	query := url.Values{"wait": {"true"}}
	if thread := u.Query().Get("thread_id"); thread != "" {
		query.Set("thread_id", thread)
	}
	to.RawQuery = query.Encode()
	return to
}

func discordMessage(m message, mention string) (discordPayload, error) {
	p := discordPayload{Username: "defib", Allowed: discordMentions{Parse: []string{}}}
	if m.firing() && mention != "" {
		var err error
		if p.Content, p.Allowed, err = discordMention(mention); err != nil {
			return discordPayload{}, err
		}
	}
	d := dialect{size: utf8.RuneCountInString, escape: escapeDiscord}
	e := discordEmbed{Title: d.line(m.title, discordTitle), Description: d.lines(m.text, discordText), Color: discordColor(m.mood)}
	for _, f := range m.facts[:min(len(m.facts), discordFacts)] {
		if f.name != "" && f.value != "" { // Discord refuses a message with an empty one
			e.Fields = append(e.Fields, discordEntry{Name: d.line(f.name, discordName), Value: d.line(f.value, discordField), Inline: true})
		}
	}
	if m.sender != "" {
		e.Footer = &discordFoot{inRunes().line(m.sender, discordFooter)} // no markdown there
	}
	if !m.at.IsZero() {
		e.Timestamp = m.at.UTC().Format(time.RFC3339)
	}
	p.Embeds = []discordEmbed{e}
	return p, nil
}

// discordMention gives the content that calls somebody, and the leave to do it.
// The ids of roles and of users look alike, so they are named.
func discordMention(mention string) (string, discordMentions, error) {
	role, isRole := strings.CutPrefix(mention, "role:")
	user, isUser := strings.CutPrefix(mention, "user:")
	switch {
	case mention == "here" || mention == "everyone":
		return "@" + mention, discordMentions{Parse: []string{"everyone"}}, nil
	case isRole && isNumber(role):
		return "<@&" + role + ">", discordMentions{Parse: []string{}, Roles: []string{role}}, nil
	case isUser && isNumber(user):
		return "<@" + user + ">", discordMentions{Parse: []string{}, Users: []string{user}}, nil
	}
	return "", discordMentions{}, errors.New("its option mention is none of here, everyone, role:ID and user:ID, where ID is a number " +
		"that Discord's developer mode copies")
}

func discordColor(m mood) int {
	switch m {
	case bad:
		return 0xd63232
	case pending:
		return 0xdaa038
	case good:
		return 0x2eb67d
	default:
		return 0x808080
	}
}

// escapeDiscord takes the meaning from Discord's markdown: emphasis, code,
// spoilers, links with a text of their own, mentions and times in angle
// brackets, headings, lists and quotes at the begin of a line. A bare address
// becomes no link either, since escapes within it would be part of it.
func escapeDiscord(before, r rune, rest string) string {
	escaped := false
	switch r {
	case '\\', '*', '_', '~', '`', '<':
		escaped = true
	case '[': // an escape before the ] would not help
		escaped = strings.Contains(rest[:min(len(rest), 2*discordText)], "](")
	case '|': // one alone marks what a container said
		escaped = strings.HasPrefix(rest, "|")
	case ':':
		escaped = strings.HasPrefix(rest, "//")
	case '#', '>', '-', '+':
		escaped = before == '\n'
	case '@':
		escaped = mentions(before, rest)
	}
	if escaped {
		return `\` + string(r)
	}
	return string(r)
}
