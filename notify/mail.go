package notify

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"time"
)

// email sends plain text through a server that takes mail for delivery:
//
//	smtp://user:password@mail.example.org?from=defib@example.org&to=ops@example.org,boss@example.org
//	smtps://user:password@mail.example.org?from=defib@example.org&to=ops@example.org
//	smtp://postfix:25?from=defib@example.org&to=ops@example.org#tls=none
//
// smtp:// (port 587, unless the URL has another) begins in clear and goes on
// after STARTTLS; a server without that is refused, unless the option tls=none
// stands behind the #. smtps:// (port 465) is TLS from the first byte. A
// password crosses a network only within TLS. from may be left out where the
// user is an address itself.
//
// A 4xx is tried again. A 5xx means that the server takes nothing from us, and
// one about the text or its size that another text may do. Where the server
// takes some of the recipients only, those get the mail and the error says so.
type email struct {
	chat
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func mailKind() kind {
	return kind{
		name: "email", schemes: []string{"smtp", "smtps"}, options: []string{"tls"},
		example: "smtp://USER:PASSWORD@mail.example.org:587?from=defib@example.org&to=ops@example.org",
		knows:   func(u *url.URL) bool { return u.Scheme == "smtp" || u.Scheme == "smtps" },
		check:   func(to address) error { _, err := routeOf(to); return err },
		build: func(t *target, c *client) receiver {
			return &email{chat: chat{outlet{t, c}}, dial: (&net.Dialer{Timeout: connectTimeout}).DialContext}
		},
	}
}

func (r *email) deliver(ctx context.Context, m message) error {
	to, err := r.address()
	if err != nil {
		return err
	}
	way, err := routeOf(to)
	if err != nil {
		return &setback{err: err} // a file may be repaired
	}
	for _, secret := range way.secrets() {
		r.client.secrets.learn(secret)
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	err = r.submit(ctx, way, letter(m, way, time.Now()))
	return r.judged(ctx, err)
}

// route is what an address says of the way of a mail.
type route struct {
	server         string // host and port
	host           string // whom the certificate must name
	user, password string // empty: without AUTH
	from           string
	to             []string
	implicit       bool // TLS from the first byte
	clear          bool // no TLS at all
}

// routeOf reads an address. Its errors hold nothing of it.
func routeOf(to address) (route, error) {
	u := to.url
	way := route{host: u.Hostname(), implicit: u.Scheme == "smtps"}
	port := "587"
	if way.implicit {
		port = "465"
	}
	way.server = net.JoinHostPort(way.host, cmp.Or(u.Port(), port))
	if mode, set := to.options["tls"]; set {
		if way.clear = mode == "none"; !way.clear || way.implicit {
			return route{}, errors.New("the option tls can only be none, and only for smtp://")
		}
	}
	if u.Path != "" && u.Path != "/" {
		return route{}, errors.New("it has a path: a / within a user or a password is written %2F, and a # %23")
	}
	if err := way.login(u); err != nil {
		return route{}, err
	}
	return way, way.people(u)
}

// login reads user and password.
func (way *route) login(u *url.URL) error {
	if u.User == nil {
		return nil
	}
	way.user = u.User.Username()
	way.password, _ = u.User.Password()
	switch {
	case way.user == "" || way.password == "":
		return errors.New("it has a user without a password, or a password without a user")
	case way.clear && !loopback(way.host):
		return errors.New("with tls=none it must have no user and password: they would cross the network in clear")
	}
	return nil
}

// people reads sender and recipients. A + is one here, and no space.
func (way *route) people(u *url.URL) error {
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		text, err := url.PathUnescape(value)
		if err != nil {
			return errors.New("behind its ? stands a bad %")
		}
		switch {
		case pair == "":
		case name == "from":
			way.from = strings.TrimSpace(text)
		case name == "to":
			for one := range strings.SplitSeq(text, ",") {
				way.to = append(way.to, strings.TrimSpace(one))
			}
		default:
			return errors.New("behind its ? stands something else than from= and to= (options stand behind a #)")
		}
	}
	if way.from == "" && isMailbox(way.user) {
		way.from = way.user
	}
	if !isMailbox(way.from) {
		return errors.New("it needs the address of a sender: ?from=defib@example.org")
	}
	for _, one := range way.to {
		if !isMailbox(one) {
			return errors.New("one of its recipients is no address such as ops@example.org")
		}
	}
	if len(way.to) == 0 {
		return errors.New("it needs recipients: &to=ops@example.org,boss@example.org")
	}
	return nil
}

// maxMailbox is how many bytes an address may have (RFC 5321, 4.5.3.1).
const maxMailbox = 254

// isMailbox tells whether a text is an address that can stand in a command and
// in a header as it is. Those in other scripts must be written in ASCII
// (Punycode): not every server on the way takes them.
func isMailbox(text string) bool {
	local, domain, found := strings.Cut(text, "@")
	odd := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`<>()[]\,;:"@`, r) }
	return found && local != "" && domain != "" && len(text) <= maxMailbox && !strings.ContainsFunc(local, odd) && !strings.ContainsFunc(domain, odd)
}

// loopback tells whether a host is this one, by its name alone; net/smtp goes
// by the same list.
func loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }
