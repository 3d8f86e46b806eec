package notify

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// What a Pushover message may hold, in characters.
const (
	pushoverTitle = 250
	pushoverText  = 1024
)

// pushoverPause is how long to wait after a 429: the quota of the month is used
// up, and begins anew on the first of the next.
const pushoverPause = 15 * time.Minute

// pushover tells the devices of a user or of a group:
//
//	https://api.pushover.net/1/messages.json?token=APPTOKEN&user=USERKEY
//	https://api.pushover.net/1/messages.json#token=…&user=…&priority=1&sound=siren
//
// The contract is that of pushover.net/api ("Pushing Messages", "Message
// Priority", "Limitations", "Response Format", "Being Friendly"). Token and user
// go into the body and never into the URL that is sent. Success is a 200 with
// status 1. A 4xx lists its errors; one about token, user or device is about us
// and not about the message. 10,000 messages a month are free, and a 429 comes
// when they are used up. Priority 2, which repeats until somebody confirms, is
// not offered: what defib tells may be over before.
type pushover struct{ chat }

func pushoverKind() kind {
	return kind{
		name: "pushover", schemes: webSchemes(), options: []string{"token", "user", "priority", "sound", "device"},
		example: "https://api.pushover.net/1/messages.json?token=XXXX&user=XXXX", knows: onHost("api.pushover.net"), check: pushoverCheck,
		build: func(t *target, c *client) receiver { return &pushover{chat{outlet{t, c}}} },
	}
}

func pushoverCheck(to address) error {
	token, user := to.value("token", "token"), to.value("user", "user")
	switch {
	case token == "":
		return errors.New("it has no token: add ?token= and the API token of your application, which pushover.net shows with it")
	case user == "":
		return errors.New("it has no user: add &user= and your user key, which pushover.net shows at the top, or the key of a group")
	case !onlyOf(token, "") || !onlyOf(user, ""):
		return errors.New("its token or its user has other characters than letters and digits: copy them from pushover.net")
	}
	if sound := to.value("sound", "sound"); sound != "" && !onlyOf(sound, "-_") {
		return errors.New("its option sound is not the name of a sound, such as siren or pushover")
	}
	if device := to.value("device", "device"); device != "" && !onlyOf(device, "-_,") {
		return errors.New("its option device is not the name of a device, or several with commas between")
	}
	_, err := to.priority(-2, 1, 0)
	return err
}

type pushoverPayload struct {
	Token    string `json:"token"`
	User     string `json:"user"`
	Title    string `json:"title"`
	Message  string `json:"message"`
	Priority int    `json:"priority"`
	Sound    string `json:"sound,omitempty"`
	Device   string `json:"device,omitempty"`
	Time     int64  `json:"timestamp,omitempty"` // Unix seconds
}

func (r *pushover) deliver(ctx context.Context, m message) error {
	to, err := r.address()
	if err != nil {
		return err
	}
	answer, err := r.post(ctx, pushoverURL(to.url), nil, pushoverMessage(m, to))
	if err != nil {
		return err
	}
	return pushoverTook(answer, r.place())
}

func pushoverURL(u *url.URL) *url.URL {
	path := strings.TrimRight(u.Path, "/")
	if path == "" {
		path = "/1/messages.json"
	}
	return at(u, path)
}

func pushoverMessage(m message, to address) pushoverPayload {
	d := inRunes()
	p := pushoverPayload{
		Token: to.value("token", "token"), User: to.value("user", "user"), Device: to.value("device", "device"),
		Title: d.line(m.title, pushoverTitle), Message: m.plain(d, pushoverText),
	}
	if m.firing() {
		p.Priority, _ = to.priority(-2, 1, 0) // checked with the address
	}
	if m.mood != good { // a siren is not for good news
		p.Sound = to.value("sound", "sound")
	}
	if !m.at.IsZero() {
		p.Time = m.at.Unix()
	}
	return p
}

// pushoverTook judges an answer by what it says.
func pushoverTook(a answer, host string) error {
	if a.status == http.StatusTooManyRequests {
		s := a.setback(host)
		s.after, s.asked = max(s.after, pushoverPause), true
		return s
	}
	status, known := a.field("status").(float64)
	good := a.status >= 200 && a.status < 300
	switch {
	case good && known && status == 1:
		return nil
	case good && !known:
		return a.notYes(host)
	case !good && (a.status < 400 || a.status >= 500):
		return a.verdict(host)
	}
	var said struct {
		Token  string   `json:"token"` // "invalid"
		User   string   `json:"user"`
		Errors []string `json:"errors"`
	}
	// What is no JSON is judged by its status alone.
	_ = json.Unmarshal(a.body, &said)
	about := strings.ToLower(strings.Join(said.Errors, " "))
	switch {
	case said.Token != "", said.User != "", strings.Contains(about, "token"), strings.Contains(about, "user"), strings.Contains(about, "device"):
		return &closure{a.failed(host)}
	case good:
		return &refusal{a.failed(host)}
	}
	return a.verdict(host)
}
