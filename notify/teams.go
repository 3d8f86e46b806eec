package notify

import (
	"context"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a Teams message may hold, in bytes of JSON in ASCII. Teams takes 28 KB
// of its own writing, which is larger than ours: one of 24,453 bytes became
// 28,897 and was lost within the workflow (msteams-docs#11274). So all is to
// stay below 20 KB, also where each character that is not ASCII becomes \uXXXX.
const (
	teamsTitle  = 1000
	teamsText   = 13000
	teamsField  = 600
	teamsName   = 100
	teamsSender = 600
	teamsFacts  = 6
)

// teams tells a channel of Microsoft Teams through a workflow of Power Automate
// that begins with "When a Teams webhook request is received":
//
//	https://….logic.azure.com/workflows/ID/triggers/manual/paths/invoke?api-version=…&sp=…&sv=1.0&sig=…
//	https://….environment.api.powerplatform.com/powerautomate/…?…&sig=…
//
// The URL is used as it is, since it is signed. The body is an adaptive card
// ("Cards: Format cards in Teams", adaptivecards.io); of version 1.4, as later
// ones are not shown everywhere. The workflow says 202 before it posts, or 200:
// any 2xx means that it was taken, and whether it was posted is not told. More
// than 4 a second are answered with 429.
type teams struct{ chat }

func teamsKind() kind {
	hosts := []string{".logic.azure.com", ".api.powerplatform.com"}
	return kind{
		name: "teams", schemes: webSchemes(),
		example: "https://prod-1.westeurope.logic.azure.com/workflows/ID/triggers/manual/paths/invoke?api-version=2016-06-01&sig=SIGNATURE",
		knows:   onHost(append(hosts, teamsRetired()...)...),
		check: func(to address) error {
			switch {
			case onHost(teamsRetired()...)(to.url):
				return errors.New("it is of an Office 365 connector, which Microsoft has retired: in Teams, open Workflows at the channel, " +
					"take \"Send webhook alerts to a channel\", and use the URL that it shows at its end")
			case onHost(hosts...)(to.url) && to.url.Query().Get("sig") == "":
				return errors.New("it has no sig=, so it was cut off, perhaps at an &: copy the whole URL of the workflow and put it in quotes")
			}
			return nil
		},
		build: func(t *target, c *client) receiver { return &teams{chat{outlet{t, c}}} },
	}
}

// teamsRetired gives the hosts of Office 365 connectors.
func teamsRetired() []string {
	return []string{".webhook.office.com", "outlook.office.com", "outlook.office365.com"}
}

type teamsPayload struct {
	Type        string            `json:"type"`
	Attachments []teamsAttachment `json:"attachments"`
}

type teamsAttachment struct {
	ContentType string    `json:"contentType"`
	ContentURL  *string   `json:"contentUrl"` // null
	Content     teamsCard `json:"content"`
}

type teamsCard struct {
	Schema  string       `json:"$schema"`
	Type    string       `json:"type"`
	Version string       `json:"version"`
	Teams   teamsWidth   `json:"msteams"`
	Body    []teamsBlock `json:"body"`
}

type teamsWidth struct {
	Width string `json:"width"`
}

// teamsBlock is a TextBlock, or a FactSet if it has facts.
type teamsBlock struct {
	Type   string       `json:"type"`
	Text   string       `json:"text,omitempty"`
	Weight string       `json:"weight,omitempty"`
	Size   string       `json:"size,omitempty"`
	Color  string       `json:"color,omitempty"` // a word: numbers are refused
	Subtle bool         `json:"isSubtle,omitempty"`
	Wrap   bool         `json:"wrap,omitempty"`
	Facts  []teamsEntry `json:"facts,omitempty"`
}

type teamsEntry struct {
	Title string `json:"title"`
	Value string `json:"value"`
}

func (r *teams) deliver(ctx context.Context, m message) error {
	to, err := r.address()
	if err != nil {
		return err
	}
	answer, err := r.post(ctx, to.url, nil, teamsMessage(m))
	if err != nil {
		return err
	}
	return answer.verdict(r.place())
}

func teamsMessage(m message) teamsPayload {
	d := dialect{size: sizeASCII, escape: escapeTeams}
	blocks := []teamsBlock{
		{Type: "TextBlock", Text: d.line(m.title, teamsTitle), Weight: "Bolder", Size: "Medium", Color: teamsColor(m.mood), Wrap: true},
		{Type: "TextBlock", Text: d.lines(m.text, teamsText), Wrap: true},
	}
	if len(m.facts) > 0 {
		facts := teamsBlock{Type: "FactSet"}
		for _, f := range m.facts[:min(len(m.facts), teamsFacts)] {
			facts.Facts = append(facts.Facts, teamsEntry{d.line(f.name, teamsName), d.line(f.value, teamsField)})
		}
		blocks = append(blocks, facts)
	}
	if m.sender != "" {
		blocks = append(blocks, teamsBlock{Type: "TextBlock", Text: d.line(m.sender, teamsSender), Size: "Small", Subtle: true, Wrap: true})
	}
	return teamsPayload{Type: "message", Attachments: []teamsAttachment{{
		ContentType: "application/vnd.microsoft.card.adaptive",
		Content: teamsCard{
			Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4",
			Teams: teamsWidth{"Full"}, Body: blocks,
		},
	}}}
}

func teamsColor(m mood) string {
	switch m {
	case bad:
		return "Attention"
	case pending:
		return "Warning"
	case good:
		return "Good"
	default:
		return "Default"
	}
}

// escapeTeams takes the meaning from the markdown of TextBlock and FactSet:
// emphasis, links with a text of their own, lists, and dates in {{}}. A link is
// broken by an invisible space (U+200B), since Teams on phones does not know all
// escapes (AdaptiveCards#5590, #7474) and a link is what must not be. A line
// end counts only if it is double.
func escapeTeams(before, r rune, rest string) string {
	next, _ := utf8.DecodeRuneInString(rest)
	escaped := false
	switch r {
	case '\n':
		return "\n\n"
	case ']':
		if strings.ContainsRune("([:", next) {
			return "]\u200b"
		}
	case '{':
		if next == '{' {
			return "{\u200b"
		}
	case '\\':
		escaped = next < utf8.RuneSelf && (unicode.IsPunct(next) || unicode.IsSymbol(next))
	case '*':
		escaped = true
	case '_': // within a word it is none of emphasis
		escaped = !wordly(before) || !wordly(next)
	case '-', '+', '#', '>':
		escaped = before == '\n'
	}
	if escaped {
		return `\` + string(r)
	}
	return string(r)
}

func wordly(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// sizeASCII counts the bytes of a text in JSON that is all ASCII.
func sizeASCII(text string) int {
	size := 0
	for _, r := range text {
		switch {
		case r == '"', r == '\\', r == '\n', r == '\r', r == '\t':
			size += 2
		case r < ' ', r == '<', r == '>', r == '&', r == '\'', r == 0x7f:
			size += 6 // \u003c, as some writers have it
		case r < utf8.RuneSelf:
			size++
		case r > 0xffff:
			size += 12
		default:
			size += 6
		}
	}
	return size
}
