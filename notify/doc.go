// Package notify tells people what defib did and why. It can never delay a
// restart: Post only puts a notice into queues in memory, and each receiver has
// a queue and a worker of its own, so that a dead receiver delays no other.
//
// The way of a notice:
//
//	Post -> ledger.go   what people were told: reminders, flapping, who heard what
//	        wish.go     for whom it is: levels, and whether an end is told
//	        queue.go    one bounded queue per receiver, which knows what to drop
//	        spool.go    a file for each alert that waits; recall.go reads them at start
//	        worker.go   one goroutine per receiver: takes, delivers, waits
//	        compose.go  out of all that waits, what the next message is about
//	        message.go  notices become words (tale.go, talk.go, trouble.go, stack.go …)
//	        discord.go, mail.go, json.go …   words become a request, in the unit of fit.go
//	        client.go   the one place that speaks HTTP; smtp.go speaks to mail servers
//	        retry.go    the one place that judges an answer: again, when, or never
//	        outcome.go  what is done about that; outage.go tells of it elsewhere
//
// Two rules hold everywhere. What comes from a container (names, labels, probe
// output) or from a server is hostile input and passes text.go before anyone
// reads it. And no address of a receiver leaves the package except its host:
// see secret.go and redact.go.
//
// A new kind of receiver is one file with a type that implements receiver, and
// one line in kinds (kinds.go).
package notify
