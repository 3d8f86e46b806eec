package main

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// chat is the receiver of the demo: it takes what the Slack receiver posts and
// shows it as Slack would.
type chat struct {
	told func(chatAlert) // called with each message

	mu   sync.Mutex
	kept []chatAlert // the last chatKept, oldest first
}

// chatAlert is one message, as the page of the demo shows it.
type chatAlert struct {
	At       time.Time `json:"at"` // when it arrived
	Receiver string    `json:"receiver"`
	Status   string    `json:"status"` // firing, resolved or started
	Title    string    `json:"title"`
	Text     string    `json:"text"`
	Color    string    `json:"color"` // #rrggbb
}

const (
	chatKept = 100
	chatPath = "/api/v1/demo/alerts"
	chatMost = 64 << 10 // bytes of a message
)

// webhook is the chat's incoming webhook.
func (c *chat) webhook(w http.ResponseWriter, r *http.Request) {
	var m struct {
		Attachments []struct{ Title, Text, Color string }
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, chatMost)).Decode(&m); err != nil || len(m.Attachments) == 0 {
		http.Error(w, "invalid_payload", http.StatusBadRequest) // as Slack says it
		return
	}
	a := chatAlert{At: time.Now(), Receiver: "slack", Title: asShown(m.Attachments[0].Title), Text: asShown(m.Attachments[0].Text), Color: m.Attachments[0].Color}
	status, _, _ := strings.Cut(strings.TrimPrefix(a.Title, "["), "]")
	a.Status = strings.ToLower(status)
	c.keep(a)
	c.told(a)
	_, _ = io.WriteString(w, "ok") // who has gone need not know
}

func (c *chat) keep(a chatAlert) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = append(c.kept, a)
	c.kept = slices.Clone(c.kept[max(0, len(c.kept)-chatKept):])
}

// asShown undoes what is escaped for Slack, and drops what nobody sees.
func asShown(text string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&",
		"\u200b", "", "\u200c", "", "\u200d", "", "\u2060", "", "\ufeff", "").Replace(text)
}

// beside serves the messages, newest first, and leaves all else to next.
func (c *chat) beside(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != chatPath:
			next.ServeHTTP(w, r)
			return
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "this can only be read", http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_ = json.NewEncoder(w).Encode(c.newest()) // who has gone need not know
	})
}

// newest gives the messages, newest first; it is never nil, which JSON would
// call null.
func (c *chat) newest() []chatAlert {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := append([]chatAlert{}, c.kept...)
	slices.Reverse(all)
	return all
}
