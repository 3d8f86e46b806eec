package status

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// The states that containers can be asked for.
const (
	stateOK        = "ok"
	stateTrouble   = "trouble"
	stateUnwatched = "unwatched"
)

// stateOf tells which of them a container is in.
func stateOf(c *Container) string {
	switch {
	case !c.Watched:
		return stateUnwatched
	case c.Incident != "" || c.Health == "unhealthy" || c.Phase != "" && c.Phase != "steady":
		return stateTrouble
	}
	return stateOK
}

// inventory is a list of containers, as JSON: a comma before and a line end
// after each. It is written once for all who ask.
type inventory struct {
	text  []byte
	items []item
}

// item is one container of an inventory.
type item struct {
	end            int // in its text, where the next one begins
	project, state string
}

// usual is about how many bytes a container takes.
const usual = 512

// newInventory writes a list of containers.
func newInventory(all []Container) (*inventory, error) {
	var b bytes.Buffer
	b.Grow(usual * len(all))
	v := &inventory{items: make([]item, len(all))}
	out := json.NewEncoder(&b)
	for i := range all {
		c := &all[i]
		c.Dependents, c.Warnings = orEmpty(c.Dependents), orEmpty(c.Warnings)
		b.WriteByte(',')
		if err := out.Encode(c); err != nil {
			return nil, fmt.Errorf("write container %.100q: %w", c.Name, err)
		}
		v.items[i] = item{b.Len(), c.Project, stateOf(c)}
	}
	v.text = b.Bytes()
	return v, nil
}

// write answers with those of a project and in a state; empty: any. It copies
// nothing: ten thousand containers are six megabytes.
func (v *inventory) write(rw http.ResponseWriter, project, state string) {
	var spans [][2]int // of the text
	begin, size := 0, 0
	for _, it := range v.items {
		if (project == "" || it.project == project) && (state == "" || it.state == state) {
			if n := len(spans); n > 0 && spans[n-1][1] == begin {
				spans[n-1][1] = it.end
			} else {
				spans = append(spans, [2]int{begin, it.end})
			}
			size += it.end - begin
		}
		begin = it.end
	}
	if len(spans) > 0 {
		spans[0][0]++ // the first comma
		size--
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("Content-Length", strconv.Itoa(size+len("[]\n")))
	_, err := rw.Write([]byte("["))
	for _, s := range spans {
		if err == nil { // else whoever asked has gone
			_, err = rw.Write(v.text[s[0]:s[1]])
		}
	}
	_, _ = rw.Write([]byte("]\n"))
}
