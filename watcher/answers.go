package watcher

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/containerd/errdefs"

	"defib/heal"
)

// What the answers of an engine, and of a proxy before it, mean.

// explain says in words why an endpoint could not be reached, and what to do.
func explain(at Endpoint, err error) error {
	_, unix := strings.CutPrefix(at.Host, "unix://")
	switch {
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("no permission to open %s; run defib as root, or as a user of the socket's group", at)
	case unix && missing(strings.TrimPrefix(at.Host, "unix://")):
		return fmt.Errorf("there is no socket at %s; mount it: -v /var/run/docker.sock:/var/run/docker.sock", at)
	case unix && unconnected(err):
		return fmt.Errorf("nobody answers at %s; is the engine running?", at)
	case errdefs.IsPermissionDenied(err):
		return fmt.Errorf("the endpoint %s does not allow /_ping; allow it (PING=1 in docker-socket-proxy)", at)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the engine at %s does not answer", at)
	}
	if why := explainTLS(at, err); why != "" {
		return fmt.Errorf("the engine at %s %s", at, why)
	}
	return fmt.Errorf("reach the engine at %s: %s", at, plain(err))
}

// explainTLS says what an engine, and who it was, did not agree on; empty: it is
// not that.
func explainTLS(at Endpoint, err error) string {
	var stranger x509.UnknownAuthorityError
	var misnamed x509.HostnameError
	var invalid x509.CertificateInvalidError
	var op *net.OpError
	switch text := err.Error(); {
	case errors.As(err, &stranger):
		return "has a certificate of an authority that defib does not know: put the ca.pem that signed it into the folder that DOCKER_CERT_PATH names"
	case errors.As(err, &misnamed):
		return "has a certificate for other names: " + plain(misnamed) + "; call it by one of them in DOCKER_HOST"
	case errors.As(err, &invalid):
		return "has a certificate that is not valid: " + plain(invalid) + "; renew it, or put the clocks right"
	case errors.As(err, &op) && op.Op == "remote error":
		return "does not accept defib's certificate (" + plain(op.Err) + "): the folder that DOCKER_CERT_PATH names needs a cert.pem and key.pem " +
			"that the engine's own authority (--tlscacert) has signed"
	case at.TLS != nil && strings.Contains(text, "HTTP response to HTTPS client"):
		return "does not speak TLS: take DOCKER_TLS_VERIFY and DOCKER_CERT_PATH away, or name its port with TLS, usually 2376"
	case at.TLS == nil && strings.Contains(text, "HTTP request to an HTTPS server"):
		return "wants TLS: set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder of ca.pem, cert.pem and key.pem"
	}
	return ""
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// plain cuts an error's text to one line of bearable length: a proxy answers
// with a page of HTML.
func plain(err error) string {
	if errdefs.IsPermissionDenied(err) {
		return "403 Forbidden"
	}
	text := strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "Error response from daemon: ")), " ")
	if strings.Contains(text, "client version") && strings.Contains(text, "too old") {
		text = "the engine is too new for this defib, which needs a newer version, unless DOCKER_API_VERSION is what names too old a one: " + text
	}
	return cut(text, 300)
}

// outcome tells what an error of do on a container means. A 404 may also speak
// of another: the owner of a network name space that is gone.
func outcome(err error, id string, asked bool) heal.Outcome {
	switch {
	case err == nil:
		return heal.Done
	case !asked:
		return heal.Unreached
	case errdefs.IsNotFound(err) && strings.Contains(err.Error(), id):
		return heal.NotFound
	case errdefs.IsPermissionDenied(err), errdefs.IsUnauthorized(err):
		return heal.Refused
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), unconnected(err):
		return heal.NoAnswer
	}
	return heal.Failed
}

// isGone tells whether an error of an inspection says that there is no such
// container. A 404 that does not name it is that of something else, such as a
// proxy.
func isGone(err error, id string) bool {
	return errdefs.IsNotFound(err) && strings.Contains(err.Error(), id)
}

// isForbidden tells whether an error says that the endpoint does not allow a call.
func isForbidden(err error) bool { return errdefs.IsPermissionDenied(err) }

// nobody is a name that no container can have: names begin with a letter or a
// digit.
const nobody = "_defib_asks_what_is_allowed"

// mayInspect asks the endpoint whether it lets inspections through, without
// which nothing is restarted. docker-autoheal did without.
func (e *engine) mayInspect(ctx context.Context) string {
	if _, err := e.inspect(ctx, nobody); isForbidden(err) {
		return "the endpoint does not allow to inspect containers, without which defib restarts nothing: " +
			"allow GET /containers/{id}/json (CONTAINERS=1 in docker-socket-proxy)"
	}
	return ""
}

// mayRestart asks the endpoint whether it lets restarts through, with a
// container that cannot exist: an engine answers 404, a proxy 403. It gives
// what stands against restarts, in words, or nothing.
func (e *engine) mayRestart(ctx context.Context) string {
	_, err := e.do(ctx, heal.Restart, nobody, 0)
	switch {
	case err == nil, errdefs.IsNotFound(err):
		return ""
	case isForbidden(err):
		return "the endpoint does not allow restarts: allow them (ALLOW_RESTARTS=1 POST=1 in docker-socket-proxy), " +
			"name an endpoint that does in AUTOHEAL_DOCKER_HOST_WRITE, or set AUTOHEAL_ACTION=notify"
	}
	return "it is not known whether the endpoint allows restarts: " + plain(err)
}
