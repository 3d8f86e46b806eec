package heal

import (
	"maps"
	"slices"
	"time"
)

// SavedStorm is what outlives defib of a storm: people were told that it began,
// so they must be told when it is over, and of the same one.
type SavedStorm struct {
	Since   time.Time `json:"since,omitzero"` // zero: there is none
	Of      int       `json:"of,omitempty"`
	Most    int       `json:"most,omitempty"`
	Names   []string  `json:"names,omitempty"`
	Members []string  `json:"members,omitempty"` // ids, at most 1000
}

// maxMembers bounds the members that are saved. One that is left out may be
// counted twice.
const maxMembers = 1000

// SavedStorm gives what is to be saved of the storm that people know of.
func (h *Host) SavedStorm() SavedStorm {
	st := &h.storm
	if st.stage != raging && st.stage != passing {
		return SavedStorm{}
	}
	members := slices.Sorted(maps.Keys(st.members))
	return SavedStorm{
		Since: st.since, Of: st.of, Most: st.most, Names: slices.Clone(st.names), Members: members[:min(len(members), maxMembers)],
	}
}

// RestoreStorm goes on with a storm after a restart of defib. Its canary is
// chosen anew, after a pause in which those that are still ill are heard of.
func (h *Host) RestoreStorm(s SavedStorm, now time.Time) {
	if s.Since.IsZero() {
		return
	}
	h.storm = storm{
		stage: raging, since: earliest(s.Since, now), counted: now, of: bounded(s.Of), most: bounded(s.Most), chosen: now,
		names: s.Names[:min(len(s.Names), stormNames)], members: map[string]bool{}, tried: map[string]bool{}, was: map[string]bool{},
	}
	for _, id := range s.Members[:min(len(s.Members), maxMembers)] {
		h.storm.members[id] = true
	}
	h.changed = true
}

// Await takes how many containers that something was wrong with have not been
// heard of since the restart of defib: until all have been no storm is over.
func (h *Host) Await(n int) {
	h.changed = h.changed || h.awaited != n
	h.awaited = n
}
