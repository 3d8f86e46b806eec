package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// telegramText is how many UTF-16 units a message may have.
const telegramText = 4096

// telegramPace is the time for one message: a group takes 20 a minute.
const telegramPace = 3 * time.Second

// telegram tells a chat, a group or a channel through a bot:
//
//	https://api.telegram.org/botTOKEN/sendMessage?chat_id=-100…
//	https://api.telegram.org/botTOKEN#chat=-100…&thread=7&silent=yes
//
// The contract is that of the Bot API (core.telegram.org/bots/api, "sendMessage",
// "ResponseParameters") and the FAQ of bots (limits). Without parse_mode nothing
// in a text is markup. Success is {"ok":true,…}; a 200 with ok false is none. A
// 429 says how long to wait in parameters.retry_after. A group that became a
// supergroup has another id from then on, which the answer names. Other servers
// of the Bot API, and relays, are named as telegram+https://….
type telegram struct{ chat }

func telegramKind() kind {
	return kind{
		name: "telegram", schemes: webSchemes(), options: []string{"chat", "thread", "silent"},
		example: "https://api.telegram.org/bot123456:XXXX/sendMessage?chat_id=-1001234567890", knows: onHost("api.telegram.org"),
		check: func(to address) error { _, err := telegramTo(to); return err },
		build: func(t *target, c *client) receiver { return &telegram{chat{outlet{t, c}}} },
	}
}

type telegramPayload struct {
	Chat    string          `json:"chat_id"`
	Thread  int             `json:"message_thread_id,omitempty"`
	Text    string          `json:"text"`
	Silent  bool            `json:"disable_notification"`
	Preview telegramPreview `json:"link_preview_options"`
}

type telegramPreview struct {
	Disabled bool `json:"is_disabled"`
}

// telegramRoute is where a message goes, and how loudly.
type telegramRoute struct {
	url    *url.URL
	token  string // 123456:secret
	chat   string
	thread int
	silent bool
}

// pace is that of a group.
func (*telegram) pace() time.Duration { return telegramPace }

func (r *telegram) deliver(ctx context.Context, m message) error {
	to, err := r.address()
	if err != nil {
		return err
	}
	route, err := telegramTo(to)
	if err != nil {
		return &setback{err: err}
	}
	_, secret, _ := strings.Cut(route.token, ":")
	answer, err := r.post(ctx, route.url, nil, telegramMessage(m, route), route.token, secret)
	if err != nil {
		return err
	}
	return telegramTook(answer, r.place())
}

func telegramMessage(m message, to telegramRoute) telegramPayload {
	d := dialect{size: unitsUTF16, escape: escapeTelegram}
	title := d.line(m.title, telegramText/8) + "\n\n"
	return telegramPayload{
		Chat: to.chat, Thread: to.thread, Text: title + m.plain(d, telegramText-d.size(title)), Silent: to.silent,
		Preview: telegramPreview{Disabled: true},
	}
}

// escapeTelegram breaks a bare @name by an invisible space (U+200B): it would
// call the member of that name, also without parse_mode.
func escapeTelegram(before, r rune, rest string) string {
	if r == '@' && mentions(before, rest) {
		return "@\u200b"
	}
	return string(r)
}

// telegramTo reads an address. People paste the URL of any method of the bot.
func telegramTo(to address) (telegramRoute, error) {
	start := strings.Index(to.url.Path, "/bot")
	if start < 0 {
		return telegramRoute{}, errors.New("it has no token: write it behind /bot, as BotFather gave it")
	}
	token, _, _ := strings.Cut(to.url.Path[start+len("/bot"):], "/")
	bot, secret, _ := strings.Cut(token, ":")
	if !isNumber(bot) || !onlyOf(secret, "-_") {
		return telegramRoute{}, errors.New("its token is not like BotFather gives it: a number, a colon, and letters")
	}
	route := telegramRoute{url: at(to.url, to.url.Path[:start]+"/bot"+token+"/sendMessage"), token: token, chat: to.value("chat", "chat_id")}
	name, public := strings.CutPrefix(route.chat, "@")
	switch {
	case route.chat == "":
		return telegramRoute{}, errors.New("it names no chat: add #chat= and the chat's id, such as -1001234567890, or @ and the name of a channel")
	case public && !onlyOf(name, "_"), !public && !isNumber(strings.TrimPrefix(route.chat, "-")):
		return telegramRoute{}, errors.New("its chat is neither a number, such as -1001234567890, nor @ and the name of a channel")
	}
	var err error
	if thread := to.value("thread", "message_thread_id"); thread != "" {
		if route.thread, err = strconv.Atoi(thread); err != nil || route.thread < 1 {
			return telegramRoute{}, errors.New("its thread is no number: it is the last one in the link to the topic's first message")
		}
	}
	if silent := to.value("silent", "disable_notification"); silent != "" {
		if route.silent, err = yes(silent); err != nil {
			return telegramRoute{}, fmt.Errorf("its option silent %w", err)
		}
	}
	return route, nil
}

// telegramTook judges an answer by what it says.
func telegramTook(a answer, host string) error {
	ok, known := a.field("ok").(bool)
	good := a.status >= 200 && a.status < 300
	if good && ok {
		return nil
	}
	var said struct {
		Code        int    `json:"error_code"`
		Description string `json:"description"`
		Parameters  struct {
			MigrateTo int64 `json:"migrate_to_chat_id"`
		} `json:"parameters"`
	}
	// What is no JSON is judged by its status alone.
	_ = json.Unmarshal(a.body, &said)
	switch {
	case said.Parameters.MigrateTo != 0:
		return &closure{fmt.Errorf("post to %s: the group was upgraded to a supergroup and has another id now: change its chat id to %d",
			host, said.Parameters.MigrateTo)}
	case good && !known:
		return a.notYes(host)
	case good && said.Code < 300: // it says no and not why
		return a.failed(host)
	case good:
		a.status = said.Code
	}
	if a.status == http.StatusBadRequest && telegramChatWrong(strings.ToLower(said.Description)) {
		return &closure{a.failed(host)}
	}
	return a.verdict(host)
}

// telegramChatWrong tells whether a 400 is about the chat, and not about the
// message. Telegram documents none of these; they are as its servers say them.
func telegramChatWrong(description string) bool {
	for _, words := range []string{"chat not found", "thread not found", "topic_closed", "rights to send", "chat_write_forbidden", "peer_id_invalid"} {
		if strings.Contains(description, words) {
			return true
		}
	}
	return false
}
