package notify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"defib/heal"
)

// outlet is what all receivers have in common that are reached at a URL of
// AUTOHEAL_ALERT_URLS.
type outlet struct {
	target *target
	client *client
}

func (o *outlet) name() string { return o.target.kind }

func (o *outlet) place() string { return o.target.host() }

func (o *outlet) wants(n heal.Notice) bool { return n.ForPeople() }

// options gives the present address, for what is asked once at the start. One
// that is bad by then has no options: the attempts will tell.
func (o *outlet) options() address {
	to, _ := o.target.address()
	return to
}

func (o *outlet) secretMark() string { return o.target.mark() }

// address gives where to send to now. A bad one is a setback: its file may be
// repaired.
func (o *outlet) address() (address, error) {
	to, err := o.target.address()
	if err != nil {
		return address{}, &setback{err: err}
	}
	return to, nil
}

// post sends a payload once. The parts of the URL and the options were learnt
// with the address; secrets are what was made of them, such as half of a part.
func (o *outlet) post(ctx context.Context, u *url.URL, header http.Header, payload any, secrets ...string) (answer, error) {
	body, err := encode(payload)
	if err != nil {
		return answer{}, err
	}
	for _, secret := range secrets {
		o.target.secrets.learn(secret)
	}
	return o.client.send(ctx, u, header, body)
}

// program is an outlet that a program reads: one alert is one message.
type program struct{ outlet }

// chat is an outlet that people read.
type chat struct{ outlet }

func (*chat) forPeople() {}

// plain gives text and facts as one text, at most so long. Of a long one what a
// container said gives way, then the end of the facts and of the text.
func (m message) plain(d dialect, limit int) string {
	facts := d.line(m.details(), limit/4)
	text := d.lines(m.text, limit-d.size(facts))
	if strings.TrimSpace(text) == "" { // most vendors refuse an empty message
		text = d.line(m.title, limit-d.size(facts))
	}
	return text + facts
}

// value gives what stands behind the # by the first name, or else in the query
// of the URL by the second, where vendors have it; empty for neither.
func (to address) value(option, parameter string) string {
	if value := to.options[option]; value != "" {
		return value
	}
	return to.url.Query().Get(parameter)
}

// priority reads the option of that name, a whole number; it gives another one
// where it is not set.
func (to address) priority(least, most, otherwise int) (int, error) {
	text, set := to.options["priority"]
	if !set {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return otherwise, fmt.Errorf("its option priority is no number from %d to %d", least, most)
	}
	return n, nil
}

// at gives the URL with another path and without a query.
func at(u *url.URL, path string) *url.URL {
	to := *u
	to.Path, to.RawPath, to.RawQuery, to.ForceQuery = path, "", "", false
	return &to
}

// onlyOf tells whether a text is not empty and consists of ASCII letters,
// digits and these characters: what stands for a token, an id or a name.
func onlyOf(text, others string) bool {
	for _, r := range text {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (r < '0' || r > '9') && !strings.ContainsRune(others, r) {
			return false
		}
	}
	return text != ""
}

// isNumber tells whether a text is an id in digits.
func isNumber(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// field gives the value of a field of a JSON object, of which only the
// beginning may have been read: most vendors repeat the message behind it. It
// gives nil where there is none.
func (a answer) field(name string) any {
	d := json.NewDecoder(bytes.NewReader(a.body))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil
		}
		if key == name {
			var plain any
			_ = json.Unmarshal(value, &plain) // it was decoded before
			return plain
		}
	}
	return nil
}

// tookObject judges an answer of a vendor that says yes with a JSON object. A
// page instead is that of a login or of another server.
func tookObject(a answer, host string) error {
	if err := a.verdict(host); err != nil {
		return err
	}
	if body := bytes.TrimSpace(a.body); len(body) > 0 && body[0] != '{' {
		return a.notYes(host)
	}
	return nil
}

// notYes is for a 2xx that is no success.
func (a answer) notYes(host string) error {
	return &closure{fmt.Errorf("%w, which is not how such a receiver says yes: the address is wrong, or a login stands before it", a.failed(host))}
}

// body gives text and facts as one plain text.
func (m message) body() string { return m.text + m.details() }

// details gives the facts, a line each, after an empty line.
func (m message) details() string {
	var b strings.Builder
	for i, f := range m.facts {
		if i == 0 {
			b.WriteByte('\n')
		}
		b.WriteString("\n" + f.name + ": " + f.value)
	}
	return b.String()
}

// isBrief tells that the message is a second try, cut to the least: facts are
// what brief leaves out.
func (m message) isBrief() bool { return len(m.facts) == 0 }

// digest gives the SHA-256 of some texts in hexadecimal. No two lists of texts
// run together to one.
func digest(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return hex.EncodeToString(sum[:])
}
