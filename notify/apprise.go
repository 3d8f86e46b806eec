package notify

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"defib/heal"
)

// apprise sends the body that docker-autoheal sent to APPRISE_URL, the address
// of a configuration in an Apprise API server (POST /notify/KEY).
type apprise struct {
	target *target
	client *client
}

// partlySent is how long to wait after a 424: some of the configuration's
// targets failed, and those that worked are sent to again. So it is tried once
// more only.
const (
	partlySent      = time.Minute
	partlySentTries = 2
)

func (r *apprise) name() string { return "apprise" }

func (r *apprise) place() string { return r.target.host() }

func (r *apprise) secretMark() string { return r.target.mark() }

func (r *apprise) wants(n heal.Notice) bool { return wantsAsAutoheal(n) }

func (r *apprise) deliver(ctx context.Context, m message) error {
	body, err := legacyBody(legacyPair{"title", "Autoheal"}, legacyPair{"body", autohealWords(m)})
	if err != nil {
		return err
	}
	answer, err := r.client.post(ctx, r.target, body)
	if err != nil {
		return err
	}
	return appriseVerdict(answer, r.place())
}

// appriseVerdict judges an answer of an Apprise API server.
func appriseVerdict(a answer, host string) error {
	switch a.status {
	case http.StatusNoContent:
		return fmt.Errorf("%w: it has no configuration under this key and sent nothing", a.failed(host))
	case http.StatusFailedDependency:
		return &setback{err: a.failed(host), after: partlySent, asked: true, last: partlySentTries}
	}
	return a.verdict(host)
}
