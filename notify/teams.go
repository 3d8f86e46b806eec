package notify

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"
)

// What a Teams message may hold, in bytes of JSON in ASCII. Teams takes 28 KB
// of its own writing, which is larger than ours: one of 24,453 bytes became
// 28,897 and was lost within the workflow (msteams-docs#11274). So all is to
// stay below 20 KB, also where each character that is not ASCII becomes \uXXXX.
const (
	teamsTitle  = 1000
	teamsText   = 13000
	teamsField  = 500
	teamsName   = 100
	teamsSender = 500
	teamsFacts  = 6
	teamsLine   = 150 // what a line costs beside its text
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
//
// Texts stand in TextRuns, which know no markdown. TextBlocks do, and how to
// escape it depends on the device (AdaptiveCards#5590, #7474).
type teams struct{ chat }

func teamsKind() kind {
	hosts := []string{".logic.azure.com", ".api.powerplatform.com"}
	return kind{
		name: "teams", schemes: webSchemes(),
		example: "https://prod-1.westeurope.logic.azure.com/workflows/XXXX/triggers/manual/paths/invoke?api-version=2016-06-01&sig=XXXX",
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

// teamsBlock is a RichTextBlock: one line.
type teamsBlock struct {
	Type    string     `json:"type"`
	Spacing string     `json:"spacing,omitempty"`
	Inlines []teamsRun `json:"inlines"`
}

type teamsRun struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	Weight string `json:"weight,omitempty"`
	Size   string `json:"size,omitempty"`
	Color  string `json:"color,omitempty"` // a word: numbers are refused
	Font   string `json:"fontType,omitempty"`
	Subtle bool   `json:"isSubtle,omitempty"`
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
	d := dialect{size: sizeTeams, escape: escapeTeams}
	blocks := []teamsBlock{teamsLineOf("", teamsRun{Text: d.line(m.title, teamsTitle), Weight: "Bolder", Size: "Medium", Color: teamsColor(m.mood)})}
	for i, line := range strings.Split(d.lines(m.text, teamsText), "\n") {
		run, spacing := teamsRun{Text: line}, "None"
		if strings.HasPrefix(line, "| ") {
			run.Font = "Monospace"
		}
		if i == 0 {
			spacing = "Small"
		}
		if line != "" {
			blocks = append(blocks, teamsLineOf(spacing, run))
		}
	}
	for i, f := range m.facts[:min(len(m.facts), teamsFacts)] {
		spacing := "None"
		if i == 0 {
			spacing = "Medium"
		}
		blocks = append(blocks, teamsLineOf(spacing, teamsRun{Text: d.line(f.name, teamsName) + ": ", Weight: "Bolder"}, teamsRun{Text: d.line(f.value, teamsField)}))
	}
	if m.sender != "" {
		blocks = append(blocks, teamsLineOf("Medium", teamsRun{Text: d.line(m.sender, teamsSender), Size: "Small", Subtle: true}))
	}
	return teamsPayload{Type: "message", Attachments: []teamsAttachment{{
		ContentType: "application/vnd.microsoft.card.adaptive",
		Content: teamsCard{
			Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4",
			Teams: teamsWidth{"Full"}, Body: blocks,
		},
	}}}
}

// teamsLineOf gives a line of these runs.
func teamsLineOf(spacing string, runs ...teamsRun) teamsBlock {
	for i := range runs {
		runs[i].Type = "TextRun"
	}
	return teamsBlock{Type: "RichTextBlock", Spacing: spacing, Inlines: runs}
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

// escapeTeams breaks the functions that a card may hold, {{DATE(…)}} and
// {{TIME(…)}}, by an invisible space (U+200B).
func escapeTeams(_, r rune, rest string) string {
	if r == '{' && (strings.HasPrefix(rest, "{DATE(") || strings.HasPrefix(rest, "{TIME(")) {
		return "{\u200b"
	}
	return string(r)
}

// sizeTeams counts the bytes of a text in a card whose JSON is all ASCII. A
// line end stands for the block that begins there.
func sizeTeams(text string) int {
	size := 0
	for _, r := range text {
		switch {
		case r == '\n':
			size += teamsLine
		case r == '"', r == '\\':
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
