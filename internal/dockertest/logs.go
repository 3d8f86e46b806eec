package dockertest

import (
	"encoding/binary"
	"net/http"
	"strconv"
	"strings"
)

// logs is GET /containers/{id}/logs: what Spec.Logs says, framed as output of a
// container without a terminal. Of the parameters it knows tail only.
func (e *Engine) logs(q *request) (content, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.find(q.ref)
	if err != nil {
		return content{}, err
	}
	stdout, _ := strconv.ParseBool(q.query.Get("stdout"))
	stderr, _ := strconv.ParseBool(q.query.Get("stderr"))
	if !stdout && !stderr {
		return content{}, refuse(http.StatusBadRequest, "Bad parameters: you must choose at least one stream")
	}
	lines := strings.SplitAfter(c.spec.Logs, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	if tail, err := strconv.Atoi(q.query.Get("tail")); err == nil && tail >= 0 && tail < len(lines) {
		lines = lines[len(lines)-tail:]
	}
	if !stdout {
		lines = nil
	}
	var framed []byte
	for _, line := range lines {
		framed = append(framed, 1, 0, 0, 0) // standard output
		framed = binary.BigEndian.AppendUint32(framed, uint32(len(line)))
		framed = append(framed, line...)
	}
	return content{"application/vnd.docker.raw-stream", framed}, nil
}
