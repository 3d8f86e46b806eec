// Package notify tells people what defib did and why. It can never delay a
// restart: Post only puts a notice into queues in memory, and each receiver has
// a queue and a worker of its own, so that a dead receiver delays no other.
//
// The way of a notice:
//
//	Post -> queue.go    one bounded queue per receiver, which knows what to drop
//	        worker.go   one goroutine per receiver: takes, delivers, waits, logs
//	        message.go  a notice becomes words
//	        slack.go, webhook.go, apprise.go, script.go   words become a request
//	        client.go   the one place that speaks HTTP
//	        retry.go    the one place that judges an answer: again, when, or never
//
// Two rules hold everywhere. What comes from a container (names, labels, probe
// output) or from a server is hostile input and passes text.go before anyone
// reads it. And no address of a receiver leaves the package except its host:
// see secret.go and redact.go.
//
// A new kind of receiver is one file with a type that implements receiver, and
// one line in kinds (kinds.go).
package notify
