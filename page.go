package main

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"

	"defib/status"
)

// listenAddress is where the status page is served; empty: nowhere.
type listenAddress string

// parseListen reads one. Whether the machine has the address is found when it is
// listened on.
func parseListen(text string) (listenAddress, error) {
	if strings.EqualFold(text, "off") {
		return "", nil
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", err //nolint:wrapcheck // nobody reads it
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil || strings.ContainsAny(host, "/@\\?# \t") {
		return "", errors.New("is no address")
	}
	return listenAddress(text), nil
}

// warnings tells what is dangerous about it.
func (c pageConfig) warnings() []string {
	if c.Listen == "" || c.Password.IsSet() || status.Loopback(string(c.Listen)) {
		return nil
	}
	return []string{"the status page is shown without a password to all who reach AUTOHEAL_LISTEN=" + string(c.Listen) +
		": set AUTOHEAL_LISTEN_PASSWORD_FILE, unless nobody but you can reach it"}
}

// newPage makes the server of the status page, out of what main alone knows.
func newPage(c pageConfig, o status.Options) *status.Server {
	o.Names = strings.FieldsFunc(c.Names, func(r rune) bool { return r == ',' || r == ' ' })
	if c.Password.IsSet() {
		o.Password = c.Password.Reveal
	}
	return status.NewServer(o)
}

// servePage serves it until ctx is done, where it is not turned off. What keeps
// it from that is nobody's reason not to heal.
func (p *parts) servePage(ctx context.Context, s *status.Server) {
	if p.c.Page.Listen == "" {
		return
	}
	if err := s.Listen(ctx, string(p.c.Page.Listen)); err != nil {
		p.log.Error().Err(err).Msg("there is no status page; healing does not need it")
	}
}
