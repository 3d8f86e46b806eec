package watcher

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Endpoint is where an engine listens and how it is spoken to.
type Endpoint struct {
	// Host is unix:///path, tcp://host:port, http://host:port or
	// https://host:port.
	Host string
	// TLS is set for an engine that wants it; the scheme of Host may be tcp.
	TLS *tls.Config
	// APIVersion pins the version of the API; empty: negotiated.
	APIVersion string
	// Dial replaces the dialler, for tests with an engine in the process.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// ParseEndpoint reads an engine's address in any of the spellings that people
// have in their Compose files: what DOCKER_HOST takes, and docker-autoheal's
// DOCKER_SOCK (a bare path; tcp:// for plain HTTP; tcps:// for TLS with the
// files of its /certs). certs is the folder of the TLS files, empty for none;
// verify checks the engine's certificate, as DOCKER_TLS_VERIFY does.
func ParseEndpoint(address, certs string, verify bool) (Endpoint, error) {
	address = strings.TrimSpace(address)
	if strings.HasPrefix(address, "/") {
		return Endpoint{Host: "unix://" + address}, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return Endpoint{}, errors.New("is not an address")
	}
	switch u.Scheme {
	case "unix":
		if u.Host != "" || !strings.HasPrefix(u.Path, "/") {
			return Endpoint{}, errors.New("needs an absolute path after unix://")
		}
		return Endpoint{Host: "unix://" + u.Path}, nil
	case "tcp", "http", "https", "tcps":
	default:
		return Endpoint{}, fmt.Errorf("has the scheme %q", u.Scheme)
	}
	if u.Port() == "" {
		return Endpoint{}, errors.New("has no port")
	}
	if u.Scheme == "tcps" {
		certs, verify = firstSet(certs, "/certs"), true
	}
	e := Endpoint{Host: "tcp://" + u.Host}
	if u.Scheme == "http" || (u.Scheme == "tcp" && certs == "" && !verify) {
		return e, nil
	}
	if e.TLS, err = tlsConfig(certs, verify || certs == ""); err != nil {
		return e, CertificateError{Folder: certs, Err: err}
	}
	return e, nil
}

// CertificateError says that an address is right, and the files for TLS are not.
type CertificateError struct {
	Folder string
	Err    error
}

// Error says what is wrong with them; it satisfies error.
func (e CertificateError) Error() string { return e.Err.Error() }

// Unwrap gives the reason.
func (e CertificateError) Unwrap() error { return e.Err }

// String gives the address as logs show it: without user info, which an
// address should not have but may.
func (e Endpoint) String() string {
	if u, err := url.Parse(e.Host); err == nil {
		u.User = nil
		return u.String()
	}
	return "an unreadable address"
}

func firstSet(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// tlsConfig reads ca.pem, cert.pem and key.pem of a folder, Docker's names, or
// client-cert.pem and client-key.pem, those of docker-autoheal.
func tlsConfig(folder string, verify bool) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: !verify} //nolint:gosec // the user's choice, as in Docker's own client; warned about at start
	if folder == "" {
		return c, nil
	}
	ca, err := os.ReadFile(filepath.Join(folder, "ca.pem"))
	switch {
	case err == nil:
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(ca) {
			return nil, fmt.Errorf("read %s: no certificate in it", filepath.Join(folder, "ca.pem"))
		}
	case verify:
		return nil, fmt.Errorf("read the certificate authority: %w", err)
	}
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	if _, err := os.Stat(cert); errors.Is(err, os.ErrNotExist) {
		cert, key = filepath.Join(folder, "client-cert.pem"), filepath.Join(folder, "client-key.pem")
	}
	if _, err := os.Stat(cert); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read the client certificate: %s has no cert.pem and key.pem", folder)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("read the client certificate: %w", err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

// transport makes a transport of its own for an endpoint. It never goes
// through HTTP_PROXY: the engine's traffic is nobody else's, and Docker's
// client would send it there for tcp:// addresses.
func (e Endpoint) transport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}
	dial := dialer.DialContext
	if path, ok := strings.CutPrefix(e.Host, "unix://"); ok {
		dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", path)
		}
	}
	if e.Dial != nil {
		dial = e.Dial
	}
	return &http.Transport{
		DialContext:         dial,
		TLSClientConfig:     e.TLS,
		TLSHandshakeTimeout: 5 * time.Second,
		DisableCompression:  true,
		MaxIdleConnsPerHost: maxLooks,
		IdleConnTimeout:     30 * time.Second,
	}
}
