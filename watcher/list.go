package watcher

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"defib/heal"
)

// listEntry is what is read of a list's entry.
type listEntry struct {
	ID         string `json:"Id"`
	Names      []string
	Image      string
	Labels     map[string]string
	State      string
	Status     string // words such as "Up 2 hours (unhealthy)"
	HostConfig struct{ NetworkMode string }
}

// sighting turns an entry into what it says about a container. What it says of
// health is true only in a list of the unhealthy. Of the labels it keeps those
// that defib reads, and the one that selects: a list of many is held for a moment.
func (c listEntry) sighting(selects string) sighting {
	status := statusOf(c.State)
	s := sighting{
		id: c.ID, labels: readLabels(c.Labels, selects), health: healthIn(c.Status, status), container: containerOf(c.ID, ownName(c.Names), c.Image, c.Labels),
		event: heal.Observed{Health: heal.Unhealthy, Status: status},
	}
	if owner, shared := strings.CutPrefix(c.HostConfig.NetworkMode, "container:"); shared {
		s.network = cut(owner, 64)
	}
	return s
}

// readLabels gives the labels that defib reads.
func readLabels(labels map[string]string, selects string) map[string]string {
	few := make(map[string]string, 6)
	for name, value := range labels {
		switch name {
		case selects, labelOwn, labelSwarmTask, labelProject, labelService, labelNumber, labelOneOff, labelDependsOn:
			few[name] = value
		default:
			if isOurs(name) {
				few[name] = value
			}
		}
	}
	return few
}

// readList hands over the entries of a list as they are read: a list of 10,000
// containers is more than ten megabytes, of which Docker's client would make
// several times as much before anybody could look at the first one.
func readList(body io.Reader, see func(listEntry)) error {
	in := json.NewDecoder(body)
	begin, err := in.Token()
	if err != nil {
		return unended(err)
	}
	if begin == nil {
		return nil // null, an empty list
	}
	if begin != json.Delim('[') {
		return fmt.Errorf("the list begins with %v", begin)
	}
	for n := 1; in.More(); n++ {
		var one listEntry
		if err := in.Decode(&one); err != nil {
			return fmt.Errorf("entry %d of the list: %w", n, unended(err))
		}
		see(one)
	}
	_, err = in.Token() // the end of the list
	return unended(err)
}
