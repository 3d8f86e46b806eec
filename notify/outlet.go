package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"defib/heal"
)

// outlet is what the receivers of AUTOHEAL_ALERT_URLS have in common.
type outlet struct {
	target *target
	client *client
}

func (o *outlet) name() string { return o.target.kind }

func (o *outlet) place() string { return o.target.host() }

func (o *outlet) wants(n heal.Notice) bool { return n.ForPeople() }

// options gives the address as it is now, for what is asked at start only.
func (o *outlet) options() address {
	to, _ := o.target.address() // New has refused a bad one
	return to
}

// secretMark changes with the content of a secret's file. It is empty for a
// secret that is a value, which cannot change.
func (o *outlet) secretMark() string {
	if o.target.secret.file == "" {
		return ""
	}
	text, err := o.target.secret.Reveal()
	if err != nil {
		return "unreadable"
	}
	return digest(text)[:16]
}

// address gives where to send to now. A bad or missing one is a setback: its
// file may be repaired.
func (o *outlet) address() (address, error) {
	to, err := o.target.address()
	if err != nil {
		return address{}, &setback{err: err}
	}
	return to, nil
}

// program is an outlet that a program reads: one alert is one message.
type program struct{ outlet }

// chat is an outlet that people read.
type chat struct{ outlet }

func (*chat) forPeople() {}

// body gives text and facts as one plain text.
func (m message) body() string {
	var b strings.Builder
	b.WriteString(m.text)
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
