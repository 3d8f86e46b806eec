package notify

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"time"
)

// The session with a mail server. net/smtp speaks; what it leaves open is done
// here: how long it may take, how much a server may say, and what an answer
// means.

const (
	// maxMailAnswers is how many bytes a server may send in a session, its
	// certificates among them.
	maxMailAnswers = 128 << 10
	// mailGoodbye is how long the answer to QUIT is awaited: the mail is
	// delivered by then.
	mailGoodbye = time.Second
)

// mailFault is what went wrong at one step of a session.
type mailFault struct {
	step string
	text bool // the server had the text, or its size, to judge
	err  error
}

// Error gives the words of what went wrong.
func (f *mailFault) Error() string { return f.step + ": " + f.err.Error() }

// Unwrap gives what went wrong.
func (f *mailFault) Unwrap() error { return f.err }

// partly is the error of a mail that some of its recipients have got.
type partly struct{ err error }

// Error gives the words of what went wrong.
func (p *partly) Error() string { return p.err.Error() }

// Unwrap gives what went wrong.
func (p *partly) Unwrap() error { return p.err }

// submit hands a mail over. It takes no longer than ctx.
func (r *email) submit(ctx context.Context, way route, text []byte) error {
	conn, err := r.dial(ctx, "tcp", way.server)
	if err != nil {
		return &mailFault{step: "connect", err: err}
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if deadline, set := ctx.Deadline(); set {
		if err := conn.SetDeadline(deadline); err != nil {
			return &mailFault{step: "connect", err: err}
		}
	}
	c, err := r.greet(conn, way)
	if err != nil {
		return err
	}
	refused, err := envelope(c, way)
	if err != nil {
		return err
	}
	if err := hand(c, text); err != nil {
		return &mailFault{step: "text", text: true, err: err}
	}
	// The mail is theirs now: nothing that follows can fail it.
	_ = conn.SetDeadline(time.Now().Add(mailGoodbye))
	_ = c.Quit()
	if refused != nil {
		return &partly{refused}
	}
	return nil
}

// greet opens the session, up to the login.
func (r *email) greet(conn net.Conn, way route) (*smtp.Client, error) {
	settings := trust(r.client.roots)
	settings.ServerName = way.host
	own := ownName(conn)
	conn = &bounded{conn, maxMailAnswers}
	if way.implicit {
		conn = tls.Client(conn, settings)
	}
	c, err := smtp.NewClient(conn, way.host)
	if err == nil {
		err = c.Hello(own)
	}
	if err != nil {
		return nil, &mailFault{step: "greeting", err: err}
	}
	if !way.implicit && !way.clear {
		if offered, _ := c.Extension("STARTTLS"); !offered {
			return nil, &closure{errors.New("it offers no STARTTLS; if its network can be trusted, add #tls=none to its URL")}
		}
		if err := c.StartTLS(settings); err != nil {
			return nil, &mailFault{step: "STARTTLS", err: err}
		}
	}
	if way.user == "" {
		return c, nil
	}
	_, offered := c.Extension("AUTH")
	auth := way.auth(strings.Fields(strings.ToUpper(offered)))
	if auth == nil {
		return nil, &closure{errors.New("it offers none of the logins PLAIN, LOGIN and CRAM-MD5")}
	}
	if err := c.Auth(auth); err != nil {
		return nil, &mailFault{step: "login", err: err}
	}
	return c, nil
}

// ownName is how we call ourselves: by our address, since a container has no
// name that the server could know (RFC 5321, 4.1.4).
func ownName(conn net.Conn) string {
	address, ok := conn.LocalAddr().(*net.TCPAddr)
	switch {
	case !ok:
		return "localhost"
	case address.IP.To4() == nil:
		return "[IPv6:" + address.IP.String() + "]"
	}
	return "[" + address.IP.String() + "]"
}

// envelope names sender and recipients. refused is the error of the last
// recipient that was not taken where another was.
func envelope(c *smtp.Client, way route) (refused, err error) {
	// Not c.Mail: it asks for SMTPUTF8 wherever that is offered, and then the next
	// server on the way must have it too (vmime#186). All of ours is ASCII.
	if err := command(c, 250, "MAIL FROM:<"+way.from+">"); err != nil {
		return nil, &mailFault{step: "sender", err: err}
	}
	taken := 0
	for i, to := range way.to {
		err := c.Rcpt(to)
		answer, answered := errors.AsType[*textproto.Error](err)
		switch {
		case err == nil:
			taken++
		case !answered:
			return nil, &mailFault{step: "recipient", err: err}
		default:
			before, known := errors.AsType[*textproto.Error](refused)
			if !known || answer.Code < before.Code { // what may pass counts
				refused = &mailFault{step: fmt.Sprintf("recipient %d of %d", i+1, len(way.to)), err: err}
			}
		}
	}
	if taken == 0 {
		return nil, refused
	}
	return refused, nil
}

// command sends one line and reads the answer to it.
func command(c *smtp.Client, want int, line string) error {
	number, err := c.Text.Cmd("%s", line)
	if err != nil {
		return err
	}
	c.Text.StartResponse(number)
	defer c.Text.EndResponse(number)
	_, _, err = c.Text.ReadResponse(want)
	return err
}

// hand sends the text; the writer doubles dots at the beginning of lines.
func hand(c *smtp.Client, text []byte) error {
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	return w.Close()
}

// judged gives the error of an attempt in the words and the sort that a worker
// wants.
func (r *email) judged(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	words := err.Error()
	fault, _ := errors.AsType[*mailFault](err)
	if answer, answered := errors.AsType[*textproto.Error](err); answered {
		// The error's own words quote the answer, and a secret in quotes may pass for
		// another text.
		words = fmt.Sprintf("%s: it answered %d %s", fault.step, answer.Code, answer.Msg)
		_, some := errors.AsType[*partly](err)
		if some {
			words = "some recipients did not get it: " + words
		}
		return mailVerdict(answer.Code, some, fault.text, r.said(words))
	}
	if _, odd := errors.AsType[textproto.ProtocolError](err); odd { // which quotes too
		words = fault.step + ": its answer is not one of SMTP"
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		words = fault.step + ": no answer within " + inWords(attemptTimeout)
	}
	said := r.said(words)
	if _, closed := errors.AsType[*closure](err); closed {
		return &closure{said}
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok { // which seconds do not mend
		return &setback{err: fmt.Errorf("%w: if it is your own authority's, name its file in AUTOHEAL_ALERT_CA_FILE", said), after: maxBackoff}
	}
	return &setback{err: said}
}

// said gives an error of these words, without secrets.
func (r *email) said(words string) error {
	return fmt.Errorf("mail to %s: %s", r.place(), r.client.secrets.show(words, maxSaid, false))
}

// mailVerdict judges an answer by its code. some tells that there are
// recipients who have got the mail: they would get it again at each further
// attempt, so that there is one more at most. text tells that the server had
// the text to judge.
func mailVerdict(code int, some, text bool, said error) error {
	const tooLarge = 552
	switch {
	case some && code < 500:
		return &setback{err: said, after: partlySent, asked: true, last: partlySentTries}
	case some:
		return said
	case code < 500 || code > 599: // or no answer to what was asked
		return &setback{err: said}
	case text || code == tooLarge:
		return &refusal{said}
	}
	return &closure{said}
}

// bounded is a connection on which a server may send so many bytes.
type bounded struct {
	net.Conn

	left int
}

// Read reads what there is, until the bound is reached.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("it says too much to be a mail server")
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// auth gives the way of logging in; nil if none of ours is offered. Within TLS
// all are as good.
func (way route) auth(offered []string) smtp.Auth {
	switch {
	case slices.Contains(offered, "PLAIN"):
		return smtp.PlainAuth("", way.user, way.password, way.host)
	case slices.Contains(offered, "LOGIN"):
		return &loginAuth{way.user, way.password, 0}
	case slices.Contains(offered, "CRAM-MD5"):
		return smtp.CRAMMD5Auth(way.user, way.password)
	}
	return nil
}

// secrets gives what a server may repeat of the login, as it was sent. The
// parts of the URL are learnt elsewhere.
func (way route) secrets() []string {
	if way.user == "" {
		return nil
	}
	coded := base64.StdEncoding.EncodeToString
	return []string{
		way.password, coded([]byte(way.password)), coded([]byte(way.user)), coded([]byte("\x00" + way.user + "\x00" + way.password)),
	}
}

// loginAuth is the login that Microsoft's servers have: user and password are
// asked for one after the other. It was never more than a draft
// (draft-murchison-sasl-login).
type loginAuth struct {
	user, password string
	asked          int
}

// Start begins the login.
func (l *loginAuth) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if !server.TLS && !loopback(server.Name) {
		return "", nil, errors.New("a password is not sent in clear")
	}
	return "LOGIN", nil, nil
}

// Next answers what the server asks for. Its words differ from server to
// server, the order does not.
func (l *loginAuth) Next(_ []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	l.asked++
	switch l.asked {
	case 1:
		return []byte(l.user), nil
	case 2:
		return []byte(l.password), nil
	}
	return nil, errors.New("it asks for more than a user and a password")
}
