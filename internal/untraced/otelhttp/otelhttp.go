// Package otelhttp stands in for OpenTelemetry's package of that name, which
// Docker's client wraps its connection in. defib traces nothing; the real one is
// half a megabyte of the binary and some twenty packages, for spans that go
// nowhere. The replace line in go.mod leads here.
//
// It has what the client names, and no more: a newer client that needs more does
// not compile, and says what. When the client can do without, this goes.
package otelhttp

import (
	"net/http"

	"go.opentelemetry.io/otel/trace"
)

// Option would change how requests are traced.
type Option func()

// Transport passes requests on.
type Transport struct{ base http.RoundTripper }

// NewTransport gives base itself in the type that the client wants; nil stands
// for http.DefaultTransport, as with the real one.
func NewTransport(base http.RoundTripper, _ ...Option) *Transport {
	if base == nil {
		base = http.DefaultTransport
	}
	return &Transport{base}
}

// RoundTrip does what the transport below it does.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) { return t.base.RoundTrip(r) }

// WithTracerProvider changes nothing.
func WithTracerProvider(trace.TracerProvider) Option { return nil }

// WithSpanNameFormatter changes nothing.
func WithSpanNameFormatter(func(operation string, r *http.Request) string) Option { return nil }
