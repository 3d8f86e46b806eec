package notify

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestWhatVendorsSay: answers that mean something else than their status alone,
// as the vendors document them.
func TestWhatVendorsSay(t *testing.T) {
	long := strings.Repeat("x", 2*maxAnswer)
	for _, c := range []struct {
		kind   string
		status int
		body   string
		class  string
		words  string
	}{
		{"slack", 404, "no_service", "closure", "no_service"},
		{"slack", 400, "invalid_payload", "refusal", "invalid_payload"},
		{"discord", 204, "", "delivered", ""},
		{"discord", 200, `{"id":"1","content":"` + long, "delivered", ""},
		{"discord", 200, "<html>Sign in</html>", "closure", "a login stands before it"},
		{"discord", 404, `{"message":"Unknown Webhook","code":10015}`, "closure", "Unknown Webhook"},
		{"discord", 400, `{"message":"Cannot send an empty message","code":50006}`, "refusal", "empty message"},
		{"discord", 400, `{"message":"Webhooks posted to forum channels must have a thread_name or thread_id","code":220001}`, "closure", "add ?thread_id=ID"},
		{"discord", 429, `{"message":"You are being rate limited.","retry_after":64.57,"global":false}`, "setback", "rate limited"},
		{"teams", 200, "1", "delivered", ""},
		{"teams", 202, long, "delivered", ""},
		{"teams", 400, `{"error":{"code":"WorkflowTriggerIsNotEnabled"}}`, "refusal", "NotEnabled"},
		{"telegram", 200, `{"ok":true}`, "delivered", ""},
		{"telegram", 200, `{"ok":true,"result":{"text":"` + long, "delivered", ""},
		{"telegram", 200, "", "closure", "a login stands before it"},
		{"telegram", 200, "<html>", "closure", "a login stands before it"},
		{"telegram", 200, `{"ok":"true"}`, "closure", "not how"},
		{"telegram", 200, `{"ok":false}`, "final", "200"},
		{"telegram", 200, `{"ok":false,"error_code":403,"description":"Forbidden: bot was kicked from the group chat"}`, "closure", "kicked"},
		{"telegram", 200, `{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":64}}`, "setback", "Too Many"},
		{"telegram", 429, `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 64","parameters":{"retry_after":64}}`, "setback", "retry after"},
		{"telegram", 401, `{"ok":false,"error_code":401,"description":"Unauthorized"}`, "closure", "Unauthorized"},
		{"telegram", 400, `{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}`, "closure", "chat not found"},
		{"telegram", 400, `{"ok":false,"error_code":400,"description":"Bad Request: message is too long"}`, "refusal", "too long"},
		{"telegram", 400, `{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1009876543210}}`,
			"closure", "upgraded to a supergroup and has another id now: change its chat id to -1009876543210"},
		{"ntfy", 200, `{"id":"x","message":"` + long, "delivered", ""},
		{"ntfy", 200, "<html>", "closure", "a login stands before it"},
		{"ntfy", 403, `{"code":40301,"http":403,"error":"forbidden"}`, "closure", "forbidden"},
		{"ntfy", 429, `{"code":42901,"http":429,"error":"limit reached: too many requests"}`, "setback", "too many requests"},
		{"ntfy", 429, `{"code":42908,"http":429,"error":"limit reached: daily message quota reached"}`, "setback", "daily"},
		{"gotify", 401, `{"error":"Unauthorized","errorCode":401,"errorDescription":"you need to provide a valid access token"}`, "closure", "valid access token"},
		{"gotify", 400, `{"error":"Bad Request","errorCode":400}`, "refusal", "Bad Request"},
		{"gotify", 200, "OK", "closure", "a login stands before it"},
		{"pushover", 200, `{"status":1,"request":"x"}`, "delivered", ""},
		{"pushover", 200, `{"status":0,"errors":["message cannot be blank"]}`, "refusal", "blank"},
		{"pushover", 200, `{"user":"invalid","errors":["user identifier is invalid"],"status":0}`, "closure", "identifier"},
		{"pushover", 200, "<html>", "closure", "a login stands before it"},
		{"pushover", 400, `{"message":"cannot be blank","errors":["message cannot be blank"],"status":0}`, "refusal", "blank"},
		{"pushover", 400, `{"token":"invalid","errors":["application token is invalid"],"status":0}`, "closure", "application"},
		{"pushover", 400, `{"errors":["user identifier is not a valid user, group, or subscribed user key"],"status":0}`, "closure", "identifier"},
		{"pushover", 429, `{"errors":["application is over its quota"],"status":0}`, "setback", "quota"},
		{"pushover", 500, `{"status":0,"errors":["token"]}`, "setback", "500"},
	} {
		k, err := kindNamed(c.kind)
		if err != nil {
			t.Fatal(err)
		}
		err = attemptAt(t, &exchange{status: c.status, body: c.body}, exampleAt(k, "http://127.0.0.1:1"), say(unhealthy()))
		if class(err) != c.class || (err != nil && !strings.Contains(err.Error(), c.words)) {
			t.Errorf("%s: %d %.120s is a %s, not a %s with %q: %v", c.kind, c.status, c.body, class(err), c.class, c.words, err)
		}
	}
}

// TestHowLongVendorsAskToWait: where each has it.
func TestHowLongVendorsAskToWait(t *testing.T) {
	for _, c := range []struct {
		kind, header, body string
		want               time.Duration
	}{
		{"discord", "64", `{"retry_after":64.5}`, 64500 * time.Millisecond},
		{"telegram", "", `{"ok":false,"parameters":{"retry_after":64}}`, 64 * time.Second},
		{"ntfy", "", `{"code":42901,"http":429}`, 30 * time.Second},
		{"ntfy", "", `{"code":42908,"http":429}`, 15 * time.Minute},
		{"ntfy", "3000", `{"code":42908,"http":429}`, 50 * time.Minute},
		{"pushover", "", "", 15 * time.Minute},
		{"gotify", "", "", 30 * time.Second},
		{"teams", "7", "", 7 * time.Second},
	} {
		k, err := kindNamed(c.kind)
		if err != nil {
			t.Fatal(err)
		}
		w := &exchange{status: 429, body: c.body, header: http.Header{"Retry-After": {c.header}}}
		s, ok := attemptAt(t, w, exampleAt(k, "http://127.0.0.1:1"), say(unhealthy())).(*setback) //nolint:errorlint // see class
		if !ok || s.after != c.want || !s.asked {
			t.Errorf("%s %q %s: %+v, not %s", c.kind, c.header, c.body, s, c.want)
		}
	}
}

// TestTelegramKeepsTheLimitOfGroups: 20 messages a minute.
func TestTelegramKeepsTheLimitOfGroups(t *testing.T) {
	_, log := newLog()
	n := mustNew(t, Options{AlertURLs: NewSecret("telegram+http://h/bot1:a#chat=-1")}, log)
	if got := n.workers[0].rate(); got != 3*time.Second {
		t.Errorf("one message in %s", got)
	}
}
