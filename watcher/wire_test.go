package watcher

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/events"
)

func linesOf(text string) (string, []error, error) {
	var bad []error
	e := &eventLines{body: io.NopCloser(strings.NewReader(text)), skipped: func(err error) { bad = append(bad, err) }}
	e.in = bufio.NewReaderSize(strings.NewReader(text), 64)
	out, err := io.ReadAll(e)
	return string(out), bad, err
}

func TestBadEventLinesAreLeftOut(t *testing.T) {
	good := `{"Type":"container","Action":"start"}` + "\n"
	huge := `{"Action":"` + strings.Repeat("x", maxEvent) + `"}` + "\n"
	for name, c := range map[string]struct {
		in, out string
		bad     int
		err     error
	}{
		"good":         {good + good, good + good, 0, nil},
		"malformed":    {good + "{oops\n" + good, good + good, 1, nil},
		"not an event": {`["a"]` + "\n" + good, good, 1, nil},
		"mistyped":     {`{"Type":5}` + "\n" + good, good, 1, nil},
		"two in one":   {`{}{}` + "\n" + good, good, 1, nil},
		"huge":         {good + huge + good, good + good, 1, nil},
		"blank":        {"\n" + good, "\n" + good, 0, nil},
		"cut":          {good + `{"Type":"con`, good, 0, io.ErrUnexpectedEOF},
		"cut huge":     {good + strings.TrimSpace(huge), good, 0, io.ErrUnexpectedEOF},
	} {
		out, bad, err := linesOf(c.in)
		if out != c.out || len(bad) != c.bad || !errors.Is(err, c.err) {
			t.Errorf("%s: %.100q, %d bad, %v; want %.100q, %d bad, %v", name, out, len(bad), err, c.out, c.bad, c.err)
		}
	}
}

// FuzzTranslate: no line an engine could send makes the program panic, and
// what is passed on can be decoded.
func FuzzTranslate(f *testing.F) {
	f.Add([]byte(`{"Type":"container","Action":"health_status: unhealthy","Actor":{"ID":"x","Attributes":{"name":"web"}},"timeNano":1}` + "\n"))
	f.Add([]byte(`{"Action":"kill","Actor":{"ID":"x","Attributes":null}}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		eng := &engine{wires: []*wire{{}}}
		e := &eventLines{body: io.NopCloser(nil), in: bufio.NewReader(bytes.NewReader(data)), skipped: func(error) {}}
		d := json.NewDecoder(e)
		for {
			var m events.Message
			if err := d.Decode(&m); err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("%q ended the stream: %v", data, err)
				}
				return
			}
			if s, ok := eng.sighting(m); ok && (s.id == "" || len(s.container.Name) > 210) {
				t.Errorf("%q gave %+v", data, s)
			}
		}
	})
}
