package notify

import (
	"cmp"
	"time"
)

// outage is the trouble of one receiver, told on another one: a receiver that
// takes nothing is silent, and nobody would notice.
type outage struct {
	receiver string // kind and host
	why      string // without secrets
	since    time.Time
	over     bool
}

// tellAgain is how long at least nothing more is told of the same receiver.
const tellAgain = time.Hour

// tellOutage gives the words about another receiver.
func tellOutage(o *outage, host string, now time.Time) message {
	on := ""
	if host = clean(host, maxName); host != "" {
		on = " on " + host
	}
	m := message{sender: "defib" + on, at: now, mood: bad, alerts: []alert{{Host: host, Queued: now, About: o}}}
	age := inWords(now.Sub(o.since))
	if o.over {
		m.mood = good
		m.title = "[" + statusResolved + "] defib" + cutHost(on) + " reaches " + o.receiver + " again"
		m.text = "Alerts of defib" + on + " arrive at " + o.receiver + " again, after " + age + ".\n" +
			"Done: what had to wait is being delivered.\nNext: there is nothing left to do."
		return m
	}
	m.title = "[" + statusFiring + "] defib" + cutHost(on) + " cannot tell " + o.receiver
	m.text = "Alerts of defib" + on + " do not arrive at " + o.receiver + ".\nWhy: " + sentence(cmp.Or(o.why, "it is not known")) + "\n" +
		"Done: the newest " + itoa(maxWaiting) + " alerts for it are kept, for a day. defib tries again, at the latest in an hour.\n" +
		"Next: repair its address or its permissions, then run: defib test-alert."
	return m
}
