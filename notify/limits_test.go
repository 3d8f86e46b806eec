package notify

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

// sent is a payload of any kind, by its parts.
type sent struct {
	t    *testing.T
	kind string
	body []byte
}

// at gives the text that path leads to; "" where there is none.
func (s sent) at(path ...any) string {
	var value any
	if err := json.Unmarshal(s.body, &value); err != nil {
		s.t.Fatalf("%s: %v in %.200s", s.kind, err, s.body)
	}
	for _, step := range path {
		switch v := value.(type) {
		case map[string]any:
			value = v[step.(string)]
		case []any:
			if value = nil; step.(int) < len(v) {
				value = v[step.(int)]
			}
		}
	}
	text, _ := value.(string)
	return text
}

// most fails for a text that is empty or longer than the limit in its unit.
func (s sent) most(limit int, unit func(string) int, path ...any) int {
	text := s.at(path...)
	if size := unit(text); size > limit || strings.TrimSpace(text) == "" {
		s.t.Errorf("%s: %v has %d of %d: %.100q", s.kind, path, size, limit, text)
	}
	return unit(text)
}

func inUnits(text string) int { return len(utf16.Encode([]rune(text))) }
func octets(text string) int  { return len(text) }

// asASCII is the size of a body as a writer of ASCII would have it.
func asASCII(body []byte) int {
	size := 0
	for _, r := range string(body) {
		switch {
		case r > 0xffff:
			size += 12
		case r >= utf8.RuneSelf, strings.ContainsRune(`<>&'`, r):
			size += 6
		default:
			size++
		}
	}
	return size
}

// within holds a payload to the limits that its vendor documents.
func (s sent) within() {
	runes := utf8.RuneCountInString
	switch s.kind {
	case "discord":
		e := []any{"embeds", 0}
		sum := s.most(256, runes, append(e, "title")...) + s.most(4096, runes, append(e, "description")...) + runes(s.at("embeds", 0, "footer", "text"))
		for i := 0; s.at("embeds", 0, "fields", i, "name") != ""; i++ {
			sum += s.most(256, runes, "embeds", 0, "fields", i, "name") + s.most(1024, runes, "embeds", 0, "fields", i, "value")
		}
		if bytes.Contains(s.body, []byte(`"value":""`)) || sum > 6000 || s.at("embeds", 0, "fields", 25, "name") != "" {
			s.t.Errorf("discord: %d in all", sum)
		}
	case "teams":
		if size := max(len(s.body), asASCII(s.body)); size > 20<<10 {
			s.t.Errorf("teams: %d bytes", size)
		}
	case "telegram":
		s.most(4096, inUnits, "text")
	case "ntfy":
		s.most(4095, octets, "message")
		if len(s.body) > 32<<10 {
			s.t.Errorf("ntfy: %d bytes", len(s.body))
		}
	case "gotify":
		s.most(4000, runes, "message")
	case "pushover":
		s.most(250, runes, "title")
		s.most(1024, runes, "message")
	}
	if !utf8.Valid(s.body) || len(s.body) > 64<<10 {
		s.t.Errorf("%s: %d bytes, valid %t", s.kind, len(s.body), utf8.Valid(s.body))
	}
}

// TestLimits sends every kind huge texts of all sorts, as messages and as they
// come out of notices.
func TestLimits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{
		"a", "é", "漢", "😀", "\U0010ffff", "\xff", "\n", "| x\n", "| ", `"`, `\`, "<", "&", "*", "[a](b)", "@everyone ", "<!channel>", "\x1b[31m", "\u202e", " ",
		"https://evil.example/_", "\u2028", "\x00", "{{DATE(", "||", "-\n", "e\u0301",
	}
	huge := func() string {
		var b strings.Builder
		for _, piece := range []string{pieces[random.IntN(len(pieces))], pieces[random.IntN(len(pieces))]} {
			b.WriteString(strings.Repeat(piece, random.IntN(20_000)))
		}
		return b.String()
	}
	for round := range 60 {
		m := message{title: "[FIRING] " + huge(), text: huge(), sender: huge(), mood: mood(random.IntN(4)), at: unhealthy().At, alerts: []alert{{Notice: assault()}}}
		m.facts = append(m.facts, fact{"Empty", ""})
		for range random.IntN(30) {
			m.facts = append(m.facts, fact{"F" + huge(), huge()})
		}
		told := chatKinds() // of what is no notice only people are told
		if round%3 == 0 {
			told = webKinds()
			n := unhealthy()
			n.Container.Name, n.Container.Image, n.Probe.Output, n.Err, n.Detail, n.Incident = huge(), huge(), huge(), huge(), huge(), huge()
			n.Container.Project, n.Container.Service = huge(), huge()
			m = tell(alert{Notice: n, Host: huge()}, n.At)
		}
		for _, k := range told {
			for _, m := range []message{m, m.brief()} {
				w := &exchange{status: 500}
				_ = attemptAt(t, w, exampleAt(k, "http://127.0.0.1:1"), m) // what was sent is asked for
				sent{t, k.name, w.got}.within()
			}
		}
	}
}

// TestNextSurvivesEveryLimit: whatever a container says, people hear what was
// done and whether they must get up.
func TestNextSurvivesEveryLimit(t *testing.T) {
	for _, piece := range []string{"a", "漢", "😀", "*_", "&<", "a\n", `"\`} {
		n := assault()
		n.Container.Name = "web"
		n.Probe.Output = strings.Repeat(piece, 1<<18)
		n.Evidence.Log = strings.Split(strings.Repeat(strings.Repeat(piece, 300)+"\n", 100), "\n")
		m := tell(alert{Notice: n, Host: "host1"}, n.At)
		for _, k := range chatKinds() {
			w := &exchange{status: 500}
			_ = attemptAt(t, w, exampleAt(k, "http://127.0.0.1:1"), m) // what was sent is asked for
			for _, part := range []string{"Done: defib restarted it", "Next: defib waits for it to turn healthy and tells you the outcome."} {
				if !strings.Contains(string(w.got), part) {
					t.Errorf("%s: %q is not in %.3000s", k.name, part, w.got)
				}
			}
		}
	}
}

func TestDialects(t *testing.T) {
	units := dialect{size: unitsUTF16}
	double := dialect{size: octets, escape: func(_, r rune, _ string) string { return string(r) + "!" }}
	for _, c := range []struct {
		dialect    dialect
		text, want string
		limit      int
	}{
		{inRunes(), "abcd", "abcd", 4}, {inRunes(), "abcde", "abc…", 4}, {inRunes(), "äöüß", "äöüß", 4}, {inRunes(), "\xffa", "\ufffda", 4},
		{inBytes(), "äöü", "äöü", 6}, {inBytes(), "äöü", "ä…", 5},
		{units, "😀😀", "😀😀", 4}, {units, "😀😀😀", "😀…", 4}, {units, "😀😀", "😀…", 3},
		{double, "abc", "a!b!c!", 6}, {double, "abcd", "a!b!…", 7},
	} {
		if got := c.dialect.line(c.text, c.limit); got != c.want {
			t.Errorf("%q at most %d gives %q, not %q", c.text, c.limit, got, c.want)
		}
	}
	text := "Why: it failed:\n| " + strings.Repeat("x", 200) + "\n| y\nNext: wait."
	for limit, want := range map[int]string{
		1000: text,
		160:  "Why: it failed:\n| " + strings.Repeat("x", 119) + "…\n| y\nNext: wait.",
		40:   "Why: it failed:\n| …\nNext: wait.",
		20:   "Why: it failed:\n| ……",
	} {
		if got := inRunes().lines(text, limit); got != want {
			t.Errorf("at most %d: %q, not %q", limit, got, want)
		}
	}
}
