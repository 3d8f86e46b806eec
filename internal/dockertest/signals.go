package dockertest

import (
	"net/http"
	"strconv"
	"strings"
)

const (
	sigKill    = 9
	lastSignal = 64
)

// signalNumber reads "15", "TERM" or "SIGTERM"; the empty text is SIGKILL, as
// for docker kill.
func signalNumber(text string) (int, error) {
	if text == "" {
		return sigKill, nil
	}
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return n, nil
	}
	switch strings.TrimPrefix(strings.ToUpper(text), "SIG") {
	case "HUP":
		return 1, nil
	case "INT":
		return 2, nil
	case "QUIT":
		return 3, nil
	case "KILL":
		return sigKill, nil
	case "USR1":
		return 10, nil
	case "USR2":
		return 12, nil
	case "TERM":
		return 15, nil
	case "WINCH":
		return 28, nil
	}
	return 0, refuse(http.StatusBadRequest, "Invalid signal: %s", text)
}

// stopSignal is what asks this container to end.
func (c *container) stopSignal() int {
	n, err := signalNumber(c.spec.StopSignal)
	if c.spec.StopSignal == "" || err != nil {
		return 15
	}
	return n
}
