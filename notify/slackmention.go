package notify

import (
	"errors"
	"net/url"
	"strings"
)

// slackKind: a webhook of Slack itself ends with three ids; those of Mattermost
// and Rocket.Chat have paths of their own.
func slackKind() kind {
	return kind{
		name: "slack", schemes: webSchemes(), options: []string{"mention"}, example: "https://hooks.slack.com/services/T000/B000/XXXX#mention=here",
		knows: bySlack(), check: func(to address) error { _, err := slackMention(to); return err },
		build: func(t *target, c *client) receiver { return &slack{chat{outlet{t, c}}} },
	}
}

// bySlack knows the hosts of Slack itself.
func bySlack() func(u *url.URL) bool { return onHost("hooks.slack.com", "hooks.slack-gov.com") }

// slackMention gives the text that calls whom the option mention names; none is
// nobody. Slack calls by ids, in angle brackets (api.slack.com/reference/surfaces/
// formatting, "Advanced formatting"), also where a relay stands before it.
// Mattermost and Rocket.Chat call by names; both know @here and @all.
func slackMention(to address) (string, error) {
	mention := strings.TrimPrefix(to.options["mention"], "@")
	atSlack := bySlack()(to.url)
	switch {
	case to.options["mention"] == "":
		return "", nil
	case atSlack && (mention == "here" || mention == "channel"):
		return "<!" + mention + ">", nil
	case isSlackID(mention, "UW"):
		return "<@" + mention + ">", nil
	case isSlackID(mention, "S"):
		return "<!subteam^" + mention + ">", nil
	case atSlack:
		return "", errors.New("its option mention is none of here, channel, the id of a member (U…, W…) and the id of a user group (S…): " +
			"a name does not call anybody; the profile of the member or group shows the id")
	case mention == "channel":
		return "@all", nil
	case onlyOf(mention, "-_."):
		return "@" + mention, nil
	}
	return "", errors.New("its option mention is none of here, channel and the name of a user")
}

// isSlackID tells whether a text is an id that begins with one of these letters.
func isSlackID(text, first string) bool {
	return len(text) > 2 && strings.Contains(first, text[:1]) && onlyOf(text, "") && strings.ToUpper(text) == text
}
