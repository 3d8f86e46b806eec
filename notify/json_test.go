package notify

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"defib/heal"
)

// schema is the part of JSON Schema that docs/webhook.schema.json uses.
type schema struct {
	Schema      string            `json:"$schema"`
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Type        any               `json:"type"` // a name or several
	Enum        []any             `json:"enum"`
	Format      string            `json:"format"`
	Required    []string          `json:"required"`
	Properties  map[string]schema `json:"properties"`
	Additional  *bool             `json:"additionalProperties"`
	Items       *schema           `json:"items"`
}

// check gives what is wrong with a value, at a path.
func (s schema) check(path string, value any) (wrong []string) {
	names, several := s.Type.([]any)
	if !several {
		names = []any{s.Type}
	}
	if !slices.ContainsFunc(names, func(name any) bool { return isOf(value, name) }) {
		return []string{fmt.Sprintf("%s is %v, not of type %v", path, value, names)}
	}
	if s.Enum != nil && !slices.Contains(s.Enum, value) {
		wrong = append(wrong, fmt.Sprintf("%s is %v, none of %v", path, value, s.Enum))
	}
	switch value := value.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339, value); s.Format == "date-time" && err != nil {
			wrong = append(wrong, path+": "+err.Error())
		}
	case []any:
		for i, one := range value {
			wrong = append(wrong, s.Items.check(fmt.Sprintf("%s[%d]", path, i), one)...)
		}
	case map[string]any:
		for _, name := range s.Required {
			if _, there := value[name]; !there {
				wrong = append(wrong, path+"."+name+" is missing")
			}
		}
		for name, one := range value {
			if p, known := s.Properties[name]; known {
				wrong = append(wrong, p.check(path+"."+name, one)...)
			} else if s.Additional != nil && !*s.Additional {
				wrong = append(wrong, path+"."+name+" is not described")
			}
		}
	}
	return wrong
}

func isOf(value, name any) bool {
	switch value := value.(type) {
	case nil:
		return name == "null"
	case string:
		return name == "string"
	case bool:
		return name == "boolean"
	case float64:
		return name == "number" || (name == "integer" && value == math.Trunc(value))
	case []any:
		return name == "array"
	default:
		return name == "object"
	}
}

func readSchema(t *testing.T) schema {
	t.Helper()
	file, err := os.Open("../docs/webhook.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var s schema
	d := json.NewDecoder(file)
	d.DisallowUnknownFields() // what the check above does not know
	if err := d.Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func asJSON(t *testing.T, body []byte) (value any) {
	t.Helper()
	if err := json.Unmarshal(body, &value); err != nil {
		t.Fatalf("%v in %.300s", err, body)
	}
	return value
}

// TestWebhookKeepsToItsSchema holds all stories, all reasons and hostile texts
// against the schema, and the schema against what must be wrong.
func TestWebhookKeepsToItsSchema(t *testing.T) {
	s := readSchema(t)
	at := unhealthy().At
	all := []message{
		tell(alert{Test: true, Queued: at}, at),
		tellOutage(&outage{receiver: "slack (h)", since: at}, "", at), tellOutage(&outage{receiver: "slack (h)", since: at, over: true}, "", at),
	}
	for _, n := range stories() {
		m := tell(alert{Notice: n, Host: "host1"}, n.At)
		all = append(all, m, m.brief())
	}
	for r := heal.Restarted; r <= heal.StormOver; r++ {
		n := unhealthy()
		n.Reason, n.Reminder, n.Times = r, true, 4
		all = append(all, tell(alert{Notice: n}, n.At))
		if n.OfTrouble() || r == heal.Flapping {
			n.Reason, n.Ended, n.Exited, n.Count, n.Of = heal.Recovered, r, true, 3, 0
			all = append(all, tell(alert{Notice: n}, n.At))
		}
	}
	for _, piece := range oddities() {
		all = append(all, worst(piece))
	}
	for _, m := range all {
		body, err := encode(jsonMessage(m))
		if err != nil {
			t.Fatal(err)
		}
		for _, wrong := range s.check("body", asJSON(t, body)) {
			t.Errorf("%s: %s", m.title, wrong)
		}
	}
	good, _ := encode(jsonMessage(say(unhealthy())))
	for part, other := range map[string]string{
		`"version":1`: `"version":2`, `"status":"firing"`: `"status":"on"`, `"host":""`: `"host":null`, `"attempt":1`: `"attempt":1.5`,
		`"reminder":false`: `"reminder":false,"more":1`, `"title":`: `"titel":`, `"timestamp":"2026`: `"timestamp":"x2026`, `"exit_code":7`: `"exit_code":"7"`,
	} {
		bad := strings.Replace(string(good), part, other, 1)
		if bad == string(good) || len(s.check("body", asJSON(t, []byte(bad)))) == 0 {
			t.Errorf("%s passes", other)
		}
	}
}

// TestSignature has the vector of the Standard Webhooks libraries.
func TestSignature(t *testing.T) {
	key, err := signingKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	header := signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if got := header.Get("webhook-signature"); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("%v", header)
	}
}

// TestSignedOnEachAttempt: the id stays, the time and the signature are new,
// and they are of the very bytes.
func TestSignedOnEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
		key, _ := signingKey(secret)
		m := say(unhealthy())
		var ids, times []string
		for range 2 {
			got, err := sendVia(t, "json+http://example.org/hook#secret="+secret, m)
			if err != nil {
				t.Fatal(err)
			}
			id, at := got.header.Get("webhook-id"), got.header.Get("webhook-timestamp")
			if want := signature(key, id, time.Now(), []byte(got.body)); got.header.Get("webhook-signature") != want.Get("webhook-signature") {
				t.Errorf("%v does not sign %s", got.header, got.body)
			}
			if !strings.Contains(got.body, `"id":"`+id+`"`) || strings.Contains(fmt.Sprint(got), secret) {
				t.Errorf("%v", got)
			}
			ids, times = append(ids, id), append(times, at)
			time.Sleep(time.Minute)
		}
		if ids[0] != ids[1] || times[0] == times[1] {
			t.Errorf("ids %v, times %v", ids, times)
		}
	})
	if got, err := sendTo(t, "json", "/hook", say(unhealthy()), 200, ""); err != nil || got.header.Get("webhook-id") != "" || got.path != "/hook" {
		t.Errorf("without a secret: %v %v", got, err)
	}
}

// TestEachNoticeHasItsID: what differs is another alert, what is tried again is
// not.
func TestEachNoticeHasItsID(t *testing.T) {
	n := unhealthy()
	seen := map[string]string{}
	for name, change := range map[string]func(a *alert){
		"itself": func(*alert) {}, "reason": func(a *alert) { a.Notice.Reason = heal.GaveUp }, "time": func(a *alert) { a.Notice.At = n.At.Add(1) },
		"incident": func(a *alert) { a.Notice.Incident = "x" }, "container": func(a *alert) { a.Notice.Container.ID = "x" },
		"reminder": func(a *alert) { a.Notice.Reminder = true }, "test": func(a *alert) { a.Test = true },
		"outage": func(a *alert) { a.About = &outage{receiver: "x"} }, "end of it": func(a *alert) { a.About = &outage{receiver: "x", over: true} },
	} {
		a := alert{Notice: n}
		change(&a)
		if other, known := seen[a.id()]; known {
			t.Errorf("%s is %s", name, other)
		}
		seen[a.id()] = name
		same := a
		same.Queued, same.Host, same.number, same.file = a.Queued, "host1", 7, "x"
		if a.id() != same.id() || !strings.HasPrefix(a.id(), "msg_") {
			t.Errorf("%s has two ids", name)
		}
	}
}
