package notify

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// post is a mail server that follows a script.
type post struct {
	offers   []string          // extensions
	replies  map[string]string // by step instead of the usual; a step is a verb, with the address behind RCPT
	hang     string            // the step that is not answered
	implicit bool              // TLS from the first byte
	settings *tls.Config

	mu   sync.Mutex
	said []string // lines of clients, those within TLS with "tls " in front
	text string   // as it was sent, without the line that ends it
}

// newPost gives a server with a certificate for 127.0.0.1 and example.com, and
// who trusts it.
func newPost(t *testing.T, offers ...string) (*post, *x509.CertPool) {
	t.Helper()
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	trust := x509.NewCertPool()
	trust.AddCert(web.Certificate())
	return &post{offers: offers, settings: &tls.Config{Certificates: web.TLS.Certificates}, replies: map[string]string{}}, trust
}

// serve talks with one client.
func (p *post) serve(raw net.Conn) {
	defer func() { _ = raw.Close() }()
	conn, secure := raw, ""
	if p.implicit {
		if p.hang == "handshake" {
			select {}
		}
		conn, secure = tls.Server(raw, p.settings), "tls "
	}
	lines := bufio.NewReader(conn)
	ok := p.say(conn, "greeting", "220 mail.example.com ESMTP")
	for ok {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		p.note(secure + line)
		verb, rest, _ := strings.Cut(line, " ")
		switch verb = strings.ToUpper(verb); verb {
		case "EHLO":
			ok = p.say(conn, verb, "250-mail.example.com\r\n"+p.extensions()+"250 OK")
		case "STARTTLS":
			if ok = p.say(conn, verb, "220 go ahead"); ok && p.replies[verb] == "" {
				if p.hang == "handshake" {
					p.sleep(raw)
					return
				}
				conn, secure = tls.Server(raw, p.settings), "tls "
				lines = bufio.NewReader(conn)
			}
		case "AUTH":
			ok = p.login(conn, lines, rest)
		case "DATA":
			ok = p.say(conn, verb, "354 go ahead")
			if ok && p.replies[verb] == "" {
				ok = p.take(lines) && p.say(conn, "text", "250 queued")
			}
		case "QUIT":
			p.say(conn, verb, "221 bye")
			return
		case "RCPT":
			ok = p.say(conn, strings.TrimSuffix(strings.Replace(line, " TO:<", " ", 1), ">"), "250 OK")
		default:
			ok = p.say(conn, verb, "250 OK")
		}
	}
}

func (p *post) extensions() (lines string) {
	for _, e := range p.offers {
		lines += "250-" + e + "\r\n"
	}
	return lines
}

// login plays the three ways of logging in and notes what was said.
func (p *post) login(conn net.Conn, lines *bufio.Reader, rest string) bool {
	questions := map[string][]string{"LOGIN": {"VXNlcm5hbWU6", "UGFzc3dvcmQ6"}, "CRAM-MD5": {"PDE+"}}
	for _, question := range questions[strings.Fields(rest)[0]] {
		if !p.say(conn, "question", "334 "+question) {
			return false
		}
		line, err := lines.ReadString('\n')
		if err != nil {
			return false
		}
		p.note(strings.TrimRight(line, "\r\n"))
	}
	return p.say(conn, "AUTH", "235 welcome")
}

// take reads a text up to the dot.
func (p *post) take(lines *bufio.Reader) bool {
	var text strings.Builder
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		text.WriteString(line)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = text.String()
	return true
}

// say answers at a step, unless the script says otherwise.
func (p *post) say(conn net.Conn, step, usual string) bool {
	if p.hang == step {
		p.sleep(conn)
		return false
	}
	answer := usual
	for name, reply := range p.replies {
		if name == step || name == strings.Fields(step)[0] {
			answer = reply
			if name == step {
				break
			}
		}
	}
	_, err := io.WriteString(conn, answer+"\r\n")
	return err == nil
}

// sleep reads, and answers no more, until the client goes.
func (p *post) sleep(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

func (p *post) note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = append(p.said, line)
}

// heard gives all that clients said, a line each.
func (p *post) heard() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.said, "\n")
}

// letter gives the text that was taken last.
func (p *post) letter() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text
}

// dial connects through a pipe, whatever the address.
func (p *post) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if p.hang == "connect" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	ours, theirs := net.Pipe()
	go p.serve(theirs)
	return ours, nil
}

// listen serves on loopback and gives the port.
func (p *post) listen(t *testing.T) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// mailTo gives the receiver of a URL.
func mailTo(t *testing.T, url string, trust *x509.CertPool) *email {
	t.Helper()
	_, log := newLog()
	r, ok := mustNew(t, Options{AlertURLs: NewSecret(url)}, log).workers[0].receiver.(*email)
	if !ok {
		t.Fatal("it is no mail")
	}
	r.client.roots = trust
	return r
}

// mailVia gives the receiver of a URL whose connections are pipes to a server.
func mailVia(t *testing.T, p *post, url string, trust *x509.CertPool) *email {
	t.Helper()
	r := mailTo(t, url, trust)
	r.dial = p.dial
	return r
}

// sort says what an error of a receiver means to a worker.
func sort(err error) string {
	switch err := err.(type) { //nolint:errorlint // the worker wants these themselves or wrapped; here they are not
	case nil:
		return "delivered"
	case *setback:
		if err.last > 0 {
			return fmt.Sprintf("again after %s, %d times in all", err.after, err.last)
		}
		return "again"
	case *refusal:
		return "refused"
	case *closure:
		return "closed"
	}
	return "dropped"
}
