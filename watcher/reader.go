package watcher

import (
	"context"
	"io"
	"net/http"
)

// What is wanted of long answers is read past Docker's client, which does all
// else of the call: it decodes all of an answer, and nothing before it has all.

// readerKey is the context's key of a func(io.Reader) error.
type readerKey struct{}

// withReader has the answer to the call that is made with a context read by
// read, if it is a good one. The client is left with null.
func withReader(ctx context.Context, read func(body io.Reader) error) context.Context {
	return context.WithValue(ctx, readerKey{}, read)
}

// passToReader replaces an answer's body, where the request's context asks for
// it.
func passToReader(req *http.Request, resp *http.Response) {
	if read, ok := req.Context().Value(readerKey{}).(func(io.Reader) error); ok && resp.StatusCode == http.StatusOK {
		resp.Body = &passed{body: resp.Body, read: read}
	}
}

// passed is a body that is read on the first Read, which gives null.
type passed struct {
	body io.ReadCloser
	read func(io.Reader) error
	left string // what is still to be given
	done bool
}

// Read satisfies io.Reader. Its error is the reader's.
func (p *passed) Read(into []byte) (int, error) {
	if !p.done {
		if err := p.read(p.body); err != nil {
			return 0, unended(err)
		}
		// To its end, so that the connection can be used again.
		if _, err := io.CopyN(io.Discard, p.body, 512); err != nil && err != io.EOF { //nolint:errorlint // the reader's own
			return 0, err //nolint:wrapcheck // the body's own
		}
		p.done, p.left = true, "null"
	}
	if p.left == "" {
		return 0, io.EOF
	}
	n := copy(into, p.left)
	p.left = p.left[n:]
	return n, nil
}

// unended names the end of a body in the middle of what is read: to whom reads
// the body, an end is a good one.
func unended(err error) error {
	if err == io.EOF { //nolint:errorlint // an error that wraps it names itself
		return io.ErrUnexpectedEOF
	}
	return err
}

// Close satisfies io.Closer.
func (p *passed) Close() error { return p.body.Close() }
