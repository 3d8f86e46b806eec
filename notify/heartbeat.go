package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

// Times of the heartbeat. healthchecks.io takes five calls a minute.
const (
	beatEvery   = time.Minute
	beatTimeout = 5 * time.Second
	beatAgain   = 2 * time.Second // after a call that failed, once
	beatLook    = 5 * time.Second // how often defib is looked at while it is not alive
)

// heartbeat calls a URL every minute while defib can do its work, and only
// then: where the calls stay out somebody else raises the alarm. So nothing is
// queued, since a late call would be a lie, and no failure is reported there,
// since whoever can say that he is ill is not what this is for.
//
// It is a GET, which healthchecks.io, Uptime Kuma's push monitors and others
// take; any 2xx is success. A redirect is not followed.
type heartbeat struct {
	target *target // nil: there is none
	client *client
	alive  func() bool
	log    zerolog.Logger
}

// newHeartbeat reads the options. Its error holds no secret.
func newHeartbeat(o Options, c *client, log zerolog.Logger) (*heartbeat, error) {
	h := &heartbeat{client: c, alive: o.Alive, log: log}
	if h.alive == nil {
		h.alive = func() bool { return false }
	}
	found, err := setting{"AUTOHEAL_HEARTBEAT_URL", o.HeartbeatURL, true, plain("heartbeat")}.targets(c.secrets)
	if err != nil {
		return nil, err
	}
	if len(found) > 0 {
		h.target = found[0]
	}
	return h, nil
}

// run beats until ctx is done.
func (h *heartbeat) run(ctx context.Context) {
	if h.target == nil {
		return
	}
	trouble := "" // as it was logged last
	for {
		wait := beatLook
		if began := time.Now(); h.alive() {
			err := h.beat(ctx)
			if ctx.Err() != nil {
				return
			}
			trouble = h.report(trouble, err)
			wait = max(0, beatEvery-time.Since(began))
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

// beat calls, and once more if that failed and defib is still alive.
func (h *heartbeat) beat(ctx context.Context) error {
	err := h.call(ctx)
	if err == nil || !pause(ctx, beatAgain) || !h.alive() {
		return err
	}
	return h.call(ctx)
}

// pause waits; it gives false when ctx was done before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// call makes one request.
func (h *heartbeat) call(ctx context.Context) error {
	to, err := h.target.address()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, beatTimeout)
	defer cancel()
	// The URL is set afterwards: the errors of NewRequest print it.
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://host/", nil)
	if err != nil {
		return fmt.Errorf("call %s: %w", h.target.host(), err)
	}
	request.URL, request.Host = to.url, to.url.Host
	request.Header.Set("User-Agent", "defib")
	response, err := h.client.http.Do(request)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("call %s: no answer within %s", h.target.host(), inWords(beatTimeout))
	}
	if err != nil {
		return fmt.Errorf("call %s: %s", h.target.host(), h.client.words(err))
	}
	defer func() { _ = response.Body.Close() }()
	// Reading a short answer to its end keeps the connection; its words tell
	// nothing, and the status has told the outcome.
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswer)
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("call %s: it answered %d %s", h.target.host(), response.StatusCode, http.StatusText(response.StatusCode))
	}
	return nil
}

// report logs a trouble when it is another than before, and its end. It gives
// what to compare the next one with.
func (h *heartbeat) report(before string, err error) string {
	if err == nil {
		if before != "" {
			h.log.Info().Str("host", h.target.host()).Msg("the heartbeat arrives again")
		}
		return ""
	}
	trouble := sameTrouble(err)
	if trouble != before {
		h.log.Warn().AnErr("err", err).Str("host", h.target.host()).Msg("the heartbeat does not arrive")
	}
	return trouble
}
