package watcher

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The limits of what is read of a container's log, in bytes.
const (
	maxLog     = 64 << 10 // what is kept of it: its end
	maxLogLine = 1000     // of each line
	// maxLogRead bounds what an engine may send: 200 entries, which the engine
	// splits at 16 KB each, take a little more than 3 MB.
	maxLogRead = 4 << 20
)

// tail is a writer that keeps the end of what is written.
type tail struct {
	text []byte
	lost bool // something before it
}

// Write satisfies io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if len(t.text) > 2*maxLog {
		t.cut()
	}
	return len(p), nil
}

func (t *tail) cut() {
	if over := len(t.text) - maxLog; over > 0 {
		t.text = t.text[:copy(t.text, t.text[over:])]
		t.lost = true
	}
}

// end gives what was kept, from the beginning of a line.
func (t *tail) end() []byte {
	t.cut()
	if i := bytes.IndexByte(t.text, '\n'); t.lost && i >= 0 && i+1 < len(t.text) {
		return t.text[i+1:]
	}
	return t.text
}

// logText reads a log to its end and gives the last 64 KB. The engine frames
// the output of a container without a terminal: stream, three zeros, length,
// text (the API's "attach"). With an error comes what there was before it.
func logText(in io.Reader) ([]byte, error) {
	r := bufio.NewReader(io.LimitReader(in, maxLogRead))
	var t tail
	head, err := r.Peek(8)
	if framed := err == nil && isFrame(head); !framed {
		_, err := io.Copy(&t, r) // of a container with a terminal
		return t.end(), broken(err)
	}
	for {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return t.end(), broken(err)
		}
		if !isFrame(head[:]) {
			return t.end(), errors.New("read the log: its frames are broken")
		}
		if _, err := io.CopyN(&t, r, int64(binary.BigEndian.Uint32(head[4:]))); err != nil {
			return t.end(), broken(err)
		}
	}
}

// isFrame recognises a frame's header. The streams are input, output, errors
// and the engine's own words.
func isFrame(head []byte) bool { return head[0] <= 3 && head[1]|head[2]|head[3] == 0 }

// broken tells an error from the end of the log, which may cut a frame.
func broken(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return fmt.Errorf("read the log: %w", err)
}

// lastLines gives the last n lines of a text, in valid UTF-8.
func lastLines(text []byte, n int) []string {
	var lines []string
	for line := range bytes.Lines(text) {
		lines = append(lines, cut(strings.ToValidUTF8(strings.TrimRight(string(line), "\r\n"), "\uFFFD"), maxLogLine))
	}
	return lines[max(0, len(lines)-n):]
}
