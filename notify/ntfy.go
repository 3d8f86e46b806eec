package notify

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of ntfy, in bytes. A message of 4,096, and what is longer, becomes an
// attachment, or is refused; a whole body may have 32 KB.
const (
	ntfyText   = 4000
	ntfyTitle  = 500
	maxTopic   = 64
	ntfyNormal = 3
	ntfyHigh   = 4
)

// A 429 of ntfy has no Retry-After but a code in its body.
const (
	ntfyDailyCode  = 42908.0 // the quota of the day is used up
	ntfyDailyPause = 15 * time.Minute
)

// ntfy tells the subscribers of a topic:
//
//	https://ntfy.sh/topic
//	ntfy+https://ntfy.example.org/topic#token=tk_…&priority=urgent
//
// The contract is that of docs.ntfy.sh/publish ("Publish as JSON", "Message
// priority", "Authentication", "Limitations") and, for limits and codes, of the
// server's source (server.go, errors.go). JSON goes to the root of the server
// and not to the topic; a path before the topic is kept. Success is a 200 with
// the message. ntfy.sh takes 60 at once, then one in 5 s, and 250 a day. The
// token may also stand in the user part of the URL or in its parameter auth.
type ntfy struct{ chat }

func ntfyKind() kind {
	return kind{
		name: "ntfy", schemes: webSchemes(), options: []string{"token", "priority"}, example: "https://ntfy.sh/TOPIC#priority=high",
		knows: onHost("ntfy.sh"), check: func(to address) error { _, err := ntfyTo(to); return err },
		build: func(t *target, c *client) receiver { return &ntfy{chat{outlet{t, c}}} },
	}
}

type ntfyPayload struct {
	Topic    string   `json:"topic"`
	Title    string   `json:"title"`
	Message  string   `json:"message"`
	Priority int      `json:"priority"` // 1 to 5
	Tags     []string `json:"tags"`
}

// ntfyRoute is where a message goes, and how.
type ntfyRoute struct {
	url           *url.URL
	topic         string
	authorization string // empty: none, or the user of the URL
	priority      int    // of what is firing; 0: by mood
}

func (r *ntfy) deliver(ctx context.Context, m message) error {
	to, err := r.address()
	if err != nil {
		return err
	}
	route, err := ntfyTo(to)
	if err != nil {
		return &setback{err: err}
	}
	header := http.Header{}
	_, secret, _ := strings.Cut(route.authorization, " ")
	if route.authorization != "" {
		header.Set("Authorization", route.authorization)
	}
	answer, err := r.post(ctx, route.url, header, ntfyMessage(m, route), secret, basicPair(secret))
	if err != nil {
		return err
	}
	return ntfyTook(answer, r.place())
}

// basicPair gives what user:password a Basic authorization stands for.
func basicPair(secret string) string {
	pair, err := base64.StdEncoding.DecodeString(secret)
	if err != nil {
		return ""
	}
	return string(pair)
}

func ntfyMessage(m message, to ntfyRoute) ntfyPayload {
	d := inBytes()
	p := ntfyPayload{Topic: to.topic, Title: d.line(m.title, ntfyTitle), Message: m.plain(d, ntfyText), Priority: ntfyNormal, Tags: []string{ntfyTag(m.mood)}}
	switch {
	case m.firing() && to.priority != 0:
		p.Priority = to.priority
	case m.mood == bad:
		p.Priority = ntfyHigh
	}
	return p
}

// ntfyTag gives the name of an emoji, which ntfy puts before the title.
func ntfyTag(m mood) string {
	switch m {
	case bad:
		return "rotating_light"
	case pending:
		return "hourglass_flowing_sand"
	case good:
		return "white_check_mark"
	default:
		return "information_source"
	}
}

// ntfyTo reads an address.
func ntfyTo(to address) (ntfyRoute, error) {
	path := strings.TrimRight(to.url.Path, "/")
	start := strings.LastIndexByte(path, '/') + 1
	route := ntfyRoute{url: at(to.url, path[:start]), topic: path[start:]}
	switch {
	case route.topic == "":
		return ntfyRoute{}, errors.New("it has no topic: write it behind the host")
	case len(route.topic) > maxTopic || !onlyOf(route.topic, "-_"):
		return ntfyRoute{}, errors.New("its topic, which is the last part of the path, has more than 64 characters or others than letters, digits, - and _")
	}
	if priority := to.options["priority"]; priority != "" {
		if route.priority = ntfyPriority(priority); route.priority == 0 {
			return ntfyRoute{}, errors.New("its option priority is none of 1 to 5, min, low, default, high, urgent")
		}
	}
	var err error
	if route.authorization, err = ntfyAuthorization(to); err != nil {
		return ntfyRoute{}, err
	}
	query := to.url.Query()
	query.Del("auth")
	route.url.RawQuery = query.Encode() // such as icon=, which the server reads there too
	return route, nil
}

// ntfyAuthorization gives the header of that name, empty for none. A user and
// a password in the URL are sent by net/http; with an empty user the password
// is a token.
func ntfyAuthorization(to address) (string, error) {
	if token := to.options["token"]; token != "" {
		if !onlyOf(token, "-_") {
			return "", errors.New("its token has other characters than letters, digits, - and _: write it as ntfy gave it, as in #token=tk_…")
		}
		return "Bearer " + token, nil
	}
	if auth := to.url.Query().Get("auth"); auth != "" {
		auth = strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(auth)
		plain, err := base64.RawStdEncoding.DecodeString(auth)
		scheme, secret, _ := strings.Cut(string(plain), " ")
		if err != nil || (scheme != "Basic" && scheme != "Bearer") || !onlyOf(secret, "-_+/=.") {
			return "", errors.New("its parameter auth is not the base64 of \"Basic …\" or \"Bearer …\": use #token=tk_… instead")
		}
		return scheme + " " + secret, nil
	}
	return "", nil
}

// ntfyPriority reads a priority; it gives 0 for what is none.
func ntfyPriority(text string) int {
	if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= 5 {
		return n
	}
	text = strings.ToLower(text)
	if text == "max" {
		text = "urgent"
	}
	return slices.Index([]string{"min", "low", "default", "high", "urgent"}, text) + 1
}

// ntfyTook judges an answer.
func ntfyTook(a answer, host string) error {
	if a.status == http.StatusTooManyRequests && a.field("code") == ntfyDailyCode {
		s := a.setback(host)
		s.after, s.asked = max(s.after, ntfyDailyPause), true
		return s
	}
	return tookObject(a, host)
}
