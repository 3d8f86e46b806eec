package notify

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"defib/heal"
)

// TestWhereKindsSend: what people paste, and what becomes of it on the wire.
func TestWhereKindsSend(t *testing.T) {
	const hook = "discord.com/api/webhooks/123/x-Y_z"
	for text, want := range map[string]string{
		"https://" + hook:                                      "https://" + hook + "?wait=true",
		"https://ptb." + hook + "/slack":                       "https://ptb." + hook + "?wait=true",
		"https://canary." + hook + "/github/":                  "https://canary." + hook + "?wait=true",
		"https://" + hook + "?thread_id=77&wait=false":         "https://" + hook + "?thread_id=77&wait=true",
		"https://discordapp.com/api/v10/webhooks/1/x":          "https://discordapp.com/api/v10/webhooks/1/x?wait=true",
		"discord+http://relay:8080/api/webhooks/1/x#level=all": "http://relay:8080/api/webhooks/1/x?wait=true",

		"https://p.1.logic.azure.com:443/workflows/a/x%2Fy?api-version=1&sp=%2Ftriggers%2Frun&sig=A-b_%2b": "https://p.1.logic.azure.com:443/workflows/a/x%2Fy?api-version=1&sp=%2Ftriggers%2Frun&sig=A-b_%2b",
		"https://d.e4.environment.api.powerplatform.com:443/powerautomate/x?sig=Z&a=1":                     "https://d.e4.environment.api.powerplatform.com:443/powerautomate/x?sig=Z&a=1",

		"https://api.telegram.org/bot12:a-b_C/sendMessage?chat_id=-1001": "https://api.telegram.org/bot12:a-b_C/sendMessage chat_id=-1001",
		"https://api.telegram.org/bot12:a/getUpdates#chat=@name":         "https://api.telegram.org/bot12:a/sendMessage chat_id=@name",
		"telegram+http://relay/sub/bot12%3Aa#chat=5":                     "http://relay/sub/bot12:a/sendMessage chat_id=5",

		"https://ntfy.sh/topic_1-x":                                "https://ntfy.sh/ topic=topic_1-x",
		"ntfy+https://n.example/sub/topic/#token=tk_a":             "https://n.example/sub/ topic=topic Authorization=Bearer tk_a",
		"ntfy+https://u:p@n.example/t":                             "https://n.example/ topic=t Authorization=Basic dTpw",
		"ntfy+https://n.example/t?auth=QmVhcmVyIHRrX2E&icon=x":     "https://n.example/?icon=x topic=t Authorization=Bearer tk_a",
		"ntfy+https://n.example/t?auth=QmFzaWMgZFRwdw==":           "https://n.example/ topic=t Authorization=Basic dTpw",
		"ntfy+https://u:p@n.example/t?auth=QmFzaWMgZFRwdw#token=b": "https://n.example/ topic=t Authorization=Bearer b",

		"gotify+https://g.example/?token=Ab.c":                    "https://g.example/message X-Gotify-Key=Ab.c",
		"gotify+https://g.example/sub/#token=Ab":                  "https://g.example/sub/message X-Gotify-Key=Ab",
		"https://g.example/sub/message/?token=Ab":                 "https://g.example/sub/message X-Gotify-Key=Ab",
		"gotify+https://g.example?token=old#token=new":            "https://g.example/message X-Gotify-Key=new",
		"https://api.pushover.net/1/messages.json?token=a&user=b": "https://api.pushover.net/1/messages.json token=a user=b",
		"https://api.pushover.net#token=a&user=b&device=c":        "https://api.pushover.net/1/messages.json token=a user=b device=c",
	} {
		w := &exchange{status: 500}
		_ = attemptAt(t, w, text, say(unhealthy())) // what was sent is asked for
		got := w.url
		var body map[string]any
		if err := json.Unmarshal(w.got, &body); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for _, name := range []string{"chat_id", "topic", "token", "user", "device"} {
			if value, set := body[name]; set {
				got += fmt.Sprintf(" %s=%v", name, value)
			}
		}
		for _, name := range []string{"Authorization", "X-Gotify-Key"} {
			if value := w.sent.Get(name); value != "" {
				got += " " + name + "=" + value
			}
		}
		if got != want {
			t.Errorf("%s goes to\n%s, not\n%s", text, got, want)
		}
	}
}

// TestWhatAnAddressLacks: each kind says in words what is missing, without any
// part of what was pasted.
func TestWhatAnAddressLacks(t *testing.T) {
	const workflow = "https://x.logic.azure.com/workflows/"
	for text, want := range map[string]string{
		"https://hooks.slack.com/" + marker + "#mention=" + marker:             "id of a member (U…, W…)",
		"slack+https://chat.example/hooks/" + marker + "#mention=a b" + marker: "name of a user",
		"https://discord.com/channels/1/" + marker:                             "Integrations, Webhooks",
		"https://discord.com/api/webhooks/" + marker:                           "ends with /api/webhooks/ID/TOKEN",
		"https://discord.com/api/webhooks/1/x?thread_id=" + marker:             "thread_id is no number",
		"https://discord.com/api/webhooks/1/x#mention=" + marker:               "role:ID and user:ID",
		"https://discord.com/api/webhooks/1/x#mention=123456789012345678":      "role:ID and user:ID",
		"https://discord.com/api/webhooks/1/x#mention=role:" + marker:          "role:ID and user:ID",
		"https://tenant.webhook.office.com/webhookb2/" + marker:                "Send webhook alerts to a channel",
		"https://outlook.office.com/webhook/" + marker:                         "has retired",
		workflow + marker: "put it in quotes",
		"https://api.telegram.org/" + marker + "#chat=1":                     "behind /bot, as BotFather gave it",
		"https://api.telegram.org/bot" + marker + "#chat=1":                  "a number, a colon, and letters",
		"https://api.telegram.org/bot1:" + marker:                            "add #chat=",
		"https://api.telegram.org/bot1:" + marker + "#chat=" + marker:        "neither a number",
		"https://api.telegram.org/bot1:" + marker + "#chat=1&thread=x":       "thread is no number",
		"https://api.telegram.org/bot1:" + marker + "#chat=1&silent=perhaps": "neither yes nor no",
		"https://ntfy.sh":                                            "has no topic",
		"https://ntfy.sh/" + marker + "%20x":                         "letters, digits, - and _",
		"https://ntfy.sh/" + strings.Repeat("x", 65):                 "64 characters",
		"https://ntfy.sh/x#priority=6":                               "1 to 5, min, low",
		"https://ntfy.sh/x#token=a%0d" + marker:                      "as in #token=tk_",
		"https://ntfy.sh/x?auth=" + marker:                           "use #token=tk_",
		"https://ntfy.sh/x?auth=QmVhcmVyIGENCmI":                     "use #token=tk_",
		"gotify+https://g.example/" + marker:                         "has no token",
		"gotify+https://g.example/?token=a%0d%0a" + marker:           "Apps",
		"gotify+https://g.example/?token=" + marker + "#priority=11": "from 0 to 10",
		"https://api.pushover.net/1/messages.json?user=" + marker:    "has no token",
		"https://api.pushover.net/1/messages.json?token=" + marker:   "has no user",
		"https://api.pushover.net/?token=a&user=<" + marker:          "letters and digits",
		"https://api.pushover.net/?token=a&user=b#priority=2":        "from -2 to 1",
		"https://api.pushover.net/?token=a&user=b#sound=a b":         "name of a sound",
		"https://api.pushover.net/?token=a&user=b#device=a/b":        "name of a device",
	} {
		_, err := parseAddress(text)
		if err == nil || !strings.Contains(err.Error(), want) || leaks(err.Error()) || strings.Contains(err.Error(), "12345678901234") {
			t.Errorf("%q gives %v, which lacks %q", text, err, want)
			continue
		}
		kind, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "kind "), ":")
		if k, err2 := kindNamed(kind); err2 != nil || !strings.HasSuffix(err.Error(), k.example) {
			t.Errorf("%q gives no example: %v", text, err)
		}
	}
}

// TestHostsThatOnlyLookLikeOne: nothing goes to a server that only has a name
// like a vendor's.
func TestHostsThatOnlyLookLikeOne(t *testing.T) {
	for _, host := range []string{"evildiscord.com", "discord.com.evil.example", "api.telegram.org.evil.example", "ntfy.sh@evil.example", "xlogic.azure.com"} {
		if to, err := parseAddress("https://" + host + "/api/webhooks/1/x?sig=x"); err == nil {
			t.Errorf("%s is taken for %s", host, to.kind)
		}
	}
}

// TestMentions: only the option calls somebody, and only about what is wrong.
func TestMentions(t *testing.T) {
	const discord, nobody = "discord+http://h/api/webhooks/1/x#mention=", `{"parse":[]}`
	for text, want := range map[string]string{
		"https://hooks.slack.com/services/1/2/3#mention=here":      `"text":"<!here>",`,
		"https://hooks.slack.com/services/1/2/3#mention=@channel":  `"text":"<!channel>",`,
		"https://hooks.slack.com/services/1/2/3#mention=U12AB":     `"text":"<@U12AB>",`,
		"https://hooks.slack.com/services/1/2/3#mention=W12AB":     `"text":"<@W12AB>",`,
		"https://hooks.slack.com/services/1/2/3#mention=S12AB":     `"text":"<!subteam^S12AB>",`,
		"slack+https://chat.example/hooks/k#mention=here":          `"text":"@here",`,
		"slack+https://chat.example/hooks/k#mention=channel":       `"text":"@all",`,
		"slack+https://chat.example/hooks/k#mention=@on-call.1":    `"text":"@on-call.1",`,
		"slack+https://relay.example/services/1/2/3#mention=S12AB": `"text":"<!subteam^S12AB>",`,
		discord + "here":       `"content":"@here","allowed_mentions":{"parse":["everyone"]}`,
		discord + "everyone":   `"content":"@everyone","allowed_mentions":{"parse":["everyone"]}`,
		discord + "role:12345": `"content":"<@&12345>","allowed_mentions":{"parse":[],"roles":["12345"]}`,
		discord + "user:12345": `"content":"<@12345>","allowed_mentions":{"parse":[],"users":["12345"]}`,
	} {
		for name, n := range map[string]heal.Notice{"firing": assault(), "over": stories()["recovered"]} {
			w := &exchange{status: 500}
			_ = attemptAt(t, w, text, say(n)) // what was sent is asked for
			if got := strings.Contains(string(w.got), want); got != (name == "firing") {
				t.Errorf("%s, %s: %s", text, name, w.got)
			}
			if called := strings.Contains(text, discord) && !strings.Contains(string(w.got), nobody); called && name == "over" {
				t.Errorf("%s, %s calls somebody: %s", text, name, w.got)
			}
		}
	}
}

// TestHowLoud: the option is for what is wrong, and good news is never loud.
func TestHowLoud(t *testing.T) {
	const ntfy, gotify = "ntfy+http://h/t", "gotify+http://h/?token=a"
	const pushover, telegram = "pushover+http://h/?token=a&user=b", "telegram+http://h/bot1:a#chat=1&thread=7"
	for text, want := range map[string]string{
		ntfy:                                 `"priority":3 "priority":4 "priority":3 `,
		ntfy + "#priority=max":               `"priority":5 "priority":5 "priority":3 `,
		ntfy + "#priority=1":                 `"priority":1 "priority":1 "priority":3 `,
		gotify:                               `"priority":5 "priority":8 "priority":4 `,
		gotify + "#priority=10":              `"priority":10 "priority":10 "priority":4 `,
		pushover:                             `"priority":0 "priority":0 "priority":0 `,
		pushover + "#priority=1&sound=siren": `"priority":1,"sound":"siren" "priority":1,"sound":"siren" "priority":0 `,
		telegram:                             `"message_thread_id":7 "disable_notification":false "message_thread_id":7 "disable_notification":false "message_thread_id":7 "disable_notification":false `,
		telegram + "&silent=yes":             `"message_thread_id":7 "disable_notification":true "message_thread_id":7 "disable_notification":true "message_thread_id":7 "disable_notification":true `,
	} {
		got := ""
		for _, story := range []string{"restarted", "gave-up", "recovered"} {
			w := &exchange{status: 500}
			_ = attemptAt(t, w, text, say(stories()[story])) // what was sent is asked for
			for part := range strings.FieldsFuncSeq(string(w.got), func(r rune) bool { return r == ',' || r == '{' || r == '}' }) {
				switch name, _, _ := strings.Cut(part, ":"); name {
				case `"priority"`, `"message_thread_id"`, `"disable_notification"`:
					got += part + " "
				case `"sound"`:
					got = strings.TrimSuffix(got, " ") + "," + part + " "
				}
			}
		}
		if got != want {
			t.Errorf("%s gives %s, not %s", text, got, want)
		}
	}
}
