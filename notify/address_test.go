package notify

import (
	"strings"
	"testing"
)

func TestAddressesThatPeoplePaste(t *testing.T) {
	for text, want := range map[string]string{
		"https://hooks.slack.com/services/T/B/X":                       "slack https://hooks.slack.com/services/T/B/X",
		"https://HOOKS.slack.com/services/T/B/X#mention=here":          "slack https://HOOKS.slack.com/services/T/B/X mention=here",
		"slack+https://chat.example.org/hooks/k#resolved=no&level=all": "slack https://chat.example.org/hooks/k level=all resolved=no",
	} {
		to, err := parseAddress(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := to.kind + " " + to.url.String()
		for _, name := range []string{"level", "mention", "resolved"} {
			if value, set := to.options[name]; set {
				got += " " + name + "=" + value
			}
		}
		if got != want {
			t.Errorf("%s is %s, not %s", text, got, want)
		}
	}
}

func TestAddressesThatNobodyKnows(t *testing.T) {
	for text, want := range map[string]string{
		"https://example.org/" + marker:                            "its host does not tell",
		"slak+https://example.org/" + marker:                       "did you mean slack?",
		"slack+ftp://example.org/" + marker:                        "begins with https://",
		"https://hooks.slack.com/" + marker + "#mentoin=" + marker: "did you mean mention?",
		"https://hooks.slack.com/" + marker + "#" + marker:         "does not exist for kind slack",
		"https://hooks.slack.com/" + marker + "#mention=":          "has no value",
		"https://hooks.slack.com/" + marker + "\n/x":               "is not a URL",
		"//" + marker: "is not a URL",
		marker:        "is not a URL",
	} {
		_, err := parseAddress(text)
		if err == nil || !strings.Contains(err.Error(), want) || leaks(err.Error()) {
			t.Errorf("%q gives %v, which lacks %q", text, err, want)
		}
	}
}
