package notify

import "time"

// outage is the trouble of one receiver, told on another one: a receiver that
// takes nothing is silent, and nobody would notice.
type outage struct {
	receiver string // kind and host
	what     trouble
	why      string // without secrets
	since    time.Time
	over     bool
}

// trouble is what keeps a receiver from telling people.
type trouble uint8

const (
	shut     trouble = iota // its address or its secret is wrong
	resting                 // it wants to be left alone for long
	refusing                // it did not take a message, not even a brief one
	expired                 // it took nothing for a day
)

// tellOutage gives the words about another receiver.
func tellOutage(o *outage, host string, now time.Time) message {
	on := ""
	if host = clean(host, maxName); host != "" {
		on = " on " + host
	}
	name := clean(o.receiver, 2*maxName)
	m := message{sender: "defib" + on, at: now, mood: bad, alerts: []alert{{Host: host, Queued: now, About: o}}}
	if o.over {
		m.mood = good
		m.title = "[" + statusResolved + "] " + name + " works again" + cutHost(on)
		m.text = "Alerts of defib" + on + " arrive at " + name + " again, after " + inWords(now.Sub(o.since)) + ".\n" +
			"Done: what had to wait for it is being delivered.\nNext: there is nothing left to do."
		return m
	}
	m.title = "[" + statusFiring + "] defib cannot reach " + name + cutHost(on)
	opening, done, next := o.words()
	m.text = "Alerts of defib" + on + " do not arrive at " + name + opening + ".\n"
	if why := clean(o.why, maxOutput); why != "" {
		m.text += "Why: " + sentence(why) + "\n"
	}
	m.text += "Done: " + done + "\nNext: " + next
	return m
}

// words gives what differs from trouble to trouble: the end of the opening
// sentence, what defib did, what is to be done.
func (o *outage) words() (opening, done, next string) {
	kept := "the newest " + itoa(maxWaiting) + " alerts for it are kept, each for a day. "
	switch o.what {
	case resting:
		return ", because it wants to be left alone for long", kept + "defib tries again in an hour.",
			"find out who sends it so much, or raise its quota. You are told when it works again."
	case refusing:
		return ": it refused one, and a brief one as well", "the alert was dropped; the log of defib names it. Others are tried as always.",
			"run: defib test-alert. If that arrives, the alert itself was to blame: please report it with the line of the log."
	case expired:
		return ": it has taken none for a day", "what is older than a day was dropped; the log of defib names it. What is newer is tried again.",
			"find out why it does not answer, then run: defib test-alert."
	default:
		return "", kept + "defib tries again every hour, and when the file of its secret changes.",
			"repair its address or its permission, then run: defib test-alert."
	}
}
