package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Limits of one attempt. The whole of it is bounded because a receiver that
// answers one byte a second is as dead as one that does not answer.
const (
	attemptTimeout = 15 * time.Second
	connectTimeout = 5 * time.Second // also for the TLS handshake
	headerTimeout  = 10 * time.Second
	idleTimeout    = 30 * time.Second
	maxHeader      = 64 << 10 // bytes of an answer's header
	maxAnswer      = 4 << 10  // bytes of an answer's body that are read
)

// client speaks HTTP with all receivers. It never follows a redirect: another
// server would get the alert, and the secret of the address in a Referer.
type client struct {
	http    *http.Client
	secrets *redactor
	roots   *x509.CertPool // nil: the system's
}

// newClient gives a client that believes in these authorities; nil: the
// system's. A transport that is given has its own.
func newClient(transport http.RoundTripper, roots *x509.CertPool, secrets *redactor) *client {
	if transport == nil {
		own := newTransport()
		own.TLSClientConfig = trust(roots)
		transport = own
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{http: &http.Client{Transport: transport, CheckRedirect: stay}, roots: roots, secrets: secrets}
}

// newTransport gives a transport of our own: the default one has no time-outs
// and is shared with whoever uses it, such as a Docker client. It speaks HTTP/1.1,
// as the shipped binary can nothing else (Dockerfile).
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout:    connectTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConnsPerHost:    1,
		IdleConnTimeout:        idleTimeout,
		DisableCompression:     true,
	}
}

// answer is what a server said. Nothing of it may be shown but said.
type answer struct {
	status int
	header http.Header
	body   []byte // at most maxAnswer bytes
	said   string // the body for people: clean, short, without secrets
}

// post sends a JSON body once to the URL of a target. A bad or missing address
// is a setback: its file may be repaired.
func (c *client) post(ctx context.Context, t *target, body []byte) (answer, error) {
	to, err := t.address()
	if err != nil {
		return answer{}, &setback{err: err}
	}
	return c.send(ctx, to.url, nil, body)
}

// send posts a body once. It is JSON unless the header says otherwise; the
// header may be nil. Whatever keeps the server from answering is a setback.
// Secrets that are no part of the target's text must be learnt before.
func (c *client) send(ctx context.Context, u *url.URL, header http.Header, body []byte) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	// The URL is set afterwards: the errors of NewRequest print it.
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://host/", bytes.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("post to %s: %w", u.Host, err)
	}
	request.URL, request.Host = u, u.Host
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "defib")
	maps.Copy(request.Header, header)
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, c.noAnswer(ctx, u.Host, err)
	}
	defer func() { _ = response.Body.Close() }()
	// An error of reading is passed over: the status has told the outcome, and
	// sending again would be sending twice.
	read, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return answer{status: response.StatusCode, header: response.Header, body: read, said: c.show(read)}, nil
}

// noAnswer judges a request that got no answer. It keeps the words of the
// error and not the error itself: *url.Error prints the address, and so might
// what it wraps.
func (c *client) noAnswer(ctx context.Context, host string, err error) error {
	result, hint := &setback{}, ""
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		result.after, result.wrong = maxBackoff, true // seconds do not mend it
		hint = ": if it is your own authority's, name its file in AUTOHEAL_ALERT_CA_FILE"
	}
	words := c.words(err)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		words = "no answer within " + inWords(attemptTimeout)
	}
	result.err = fmt.Errorf("post to %s: %s%s", clean(host, maxName), words, hint)
	return result
}

// words gives what an error of net/http says besides the address.
func (c *client) words(err error) string {
	for {
		outer, ok := errors.AsType[*url.Error](err)
		if !ok {
			return c.secrets.show(err.Error(), maxSaid, false)
		}
		err = outer.Err
	}
}

// show makes a server's body fit for a log; servers echo requests.
func (c *client) show(body []byte) string {
	return cutBytes(c.secrets.show(string(body), maxSaid, len(body) == maxAnswer), maxSaid)
}

// encode gives the JSON of a payload without a line end. It leaves < > & as
// they are, which every reader of JSON takes and people can read.
func encode(payload any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(payload); err != nil {
		return nil, fmt.Errorf("encode payload: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
