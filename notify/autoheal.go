package notify

import (
	"bytes"
	"fmt"
	"strings"

	"defib/heal"
)

// This file holds what docker-autoheal's two notifications have in common.

// wantsAsAutoheal tells whether docker-autoheal would have told of it: of every
// attempt to restart. Its storm of equal failures is left out, and so is what
// is done after giving up.
func wantsAsAutoheal(n heal.Notice) bool {
	if n.Silent || n.Reminder {
		return false
	}
	return n.Reason == heal.Restarted || (n.Reason == heal.RestartFailed && !n.Repeat)
}

// autohealWords gives docker-autoheal's sentence. "Successfully" means that the
// engine made the restart, not that it helped. Such receivers hear of each
// restart by itself, so that a message is about one alert.
func autohealWords(m message) string {
	a := m.alerts[0]
	if a.Test {
		return m.title + ". Nothing is wrong."
	}
	outcome := "Successfully restarted"
	if a.Notice.Reason == heal.RestartFailed {
		outcome = "Failed to restart"
	}
	c := a.Notice.Container
	if a.Notice.Exited {
		return fmt.Sprintf("Container %s (%s) exited by itself. %s the container!",
			clean(c.Name, maxName), clean(c.ShortID(), maxName), strings.Replace(outcome, "restart", "start", 1))
	}
	return fmt.Sprintf("Container %s (%s) found to be unhealthy. %s the container!",
		clean(c.Name, maxName), clean(c.ShortID(), maxName), outcome)
}

type legacyPair struct{ key, value string }

// legacyBody gives a JSON object as docker-autoheal wrote it: two spaces before
// each field, none after the colon, no line end after the brace.
func legacyBody(pairs ...legacyPair) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("{\n")
	for i, p := range pairs {
		key, err := encode(p.key)
		if err != nil {
			return nil, err
		}
		value, err := encode(p.value)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "  %s:%s", key, value)
		if i < len(pairs)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
