package watcher

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// heardIn is what is heard of a stream, by action, and what is left out.
func heardIn(text string) (heard []string, bad []error, err error) {
	e := &eventLines{
		body: io.NopCloser(nil), in: bufio.NewReaderSize(strings.NewReader(text), 64),
		hear: func(m event) { heard = append(heard, m.Action) }, skipped: func(err error) { bad = append(bad, err) },
	}
	left, err := io.ReadAll(e)
	if len(left) > 0 {
		bad = append(bad, errors.New("the client is given something"))
	}
	return heard, bad, err
}

func TestBadEventLinesAreLeftOut(t *testing.T) {
	good := `{"Type":"container","Action":"start"}` + "\n"
	huge := `{"Action":"` + strings.Repeat("x", maxEvent) + `"}` + "\n"
	for name, c := range map[string]struct {
		in    string
		heard int
		bad   int
		err   error
	}{
		"good":         {good + good, 2, 0, nil},
		"malformed":    {good + "{oops\n" + good, 2, 1, nil},
		"not an event": {`["a"]` + "\n" + good, 1, 1, nil},
		"mistyped":     {`{"Type":5}` + "\n" + good, 1, 1, nil},
		"two in one":   {`{}{}` + "\n" + good, 1, 1, nil},
		"huge":         {good + huge + good, 2, 1, nil},
		"blank":        {"\n" + good, 1, 0, nil},
		"cut":          {good + `{"Type":"con`, 1, 0, io.ErrUnexpectedEOF},
		"cut huge":     {good + strings.TrimSpace(huge), 1, 0, io.ErrUnexpectedEOF},
	} {
		heard, bad, err := heardIn(c.in)
		if len(heard) != c.heard || slices.ContainsFunc(heard, func(action string) bool { return action != "start" }) || len(bad) != c.bad || !errors.Is(err, c.err) {
			t.Errorf("%s: heard %q, %d bad, %v; want %d, %d bad, %v", name, heard, len(bad), err, c.heard, c.bad, c.err)
		}
	}
}

// FuzzTranslate: no line an engine could send makes the program panic, or ends
// the stream.
func FuzzTranslate(f *testing.F) {
	f.Add([]byte(`{"Type":"container","Action":"health_status: unhealthy","Actor":{"ID":"x","Attributes":{"name":"web"}},"timeNano":1}` + "\n"))
	f.Add([]byte(`{"Action":"kill","Actor":{"ID":"x","Attributes":null}}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		eng := &engine{wires: []*wire{{}}}
		e := &eventLines{body: io.NopCloser(nil), in: bufio.NewReader(bytes.NewReader(data)), skipped: func(error) {}, hear: func(m event) {
			if s, ok := eng.sighting(m); ok && (s.id == "" || len(s.container.Name) > 210) {
				t.Errorf("%q gave %+v", data, s)
			}
		}}
		if _, err := io.ReadAll(e); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q ended the stream: %v", data, err)
		}
	})
}
