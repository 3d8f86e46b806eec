package watcher

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"defib/heal"
)

// Options says what is watched and within which limits.
type Options struct {
	Endpoint      Endpoint
	WriteEndpoint *Endpoint // for restart, stop and start; nil: Endpoint
	Selection     Selection
	Policy        heal.Policy
	StartPeriod   time.Duration // nothing is watched for so long after the start
	Interval      time.Duration // between two lists of the unhealthy
	CallTimeout   time.Duration // for a call to the engine; a restart's comes on top of its stop timeout
	Parallel      int           // acts at a time
	StateDir      string        // the folder of what is remembered over restarts of defib; empty: nowhere
	LogLines      int           // how many lines of a container's log are kept before it is restarted
	OwnID         string        // the container that defib runs in; empty: none
	HostName      string        // what this host is called where the engine does not tell; empty: nothing
	Greet         bool          // people are told when the watch has begun
	Changed       func()        // called when a list would tell something new; it must return at once; nil: nobody wants to know
	Log           zerolog.Logger
	Notifier      Notifier
}

// Notifier takes what people are to be told.
type Notifier interface {
	// Post takes a notice. It must not block.
	Post(n heal.Notice)
	// Settle makes durable what was posted before, as long as ctx lasts: what
	// the watcher remembers as told must be told, whoever is killed.
	Settle(ctx context.Context)
}

// The times that are nobody's to choose.
const (
	// listTimeout bounds the calls that find a hung engine.
	listTimeout = 10 * time.Second
	// overlap is how far back a new stream starts: events may be lost for some
	// milliseconds after the engine has answered (engine fact 2.6), and come
	// out of order.
	overlap = 5 * time.Second
	// history is how far back the first stream starts: who is being stopped or
	// was just unpaused should be known. Engines keep 256 events at most.
	history = 5 * time.Minute
	// steady is how long a stream must have lived for the next one to be
	// opened at once.
	steadyStream = time.Second
	// retryMin and retryMax bound the wait for an engine that is away. It is
	// short at its longest: a refused connection costs nothing.
	retryMin, retryMax = 100 * time.Millisecond, 3 * time.Second
	// maxLooks bounds the inspections at a time: each is a connection to the
	// engine, which takes half a millisecond for one.
	maxLooks = 16
	// slack is added to a restart's stop timeout: the engine needs time to
	// start the container, and one that is given up too soon is done twice.
	slack = 30 * time.Second
	// lastWords is how long acts under way are waited for when defib is
	// stopped; Docker kills it after 10 s.
	lastWords = 5 * time.Second
)
