package watcher

import "slices"

// circles names the containers that are to be restarted after each other in a
// circle, or between two circles: what is left when those that follow none of
// the others, and those that none of the others follows, are taken out again
// and again.
func (g *graph) circles() []string {
	after, before := map[string][]string{}, map[string][]string{} // by id
	for id, m := range g.members {
		for _, d := range g.dependents(m.container) {
			after[id] = append(after[id], d.container.ID)
			before[d.container.ID] = append(before[d.container.ID], id)
		}
	}
	out := map[string]bool{}
	g.peel(out, after, before)
	g.peel(out, before, after)
	var names []string
	for id, m := range g.members {
		if !out[id] {
			names = append(names, m.container.Name)
		}
	}
	slices.Sort(names)
	return names
}

// peel takes out the members to which no arrow leads from one that is left,
// until there is none; into are the arrows that lead to each.
func (g *graph) peel(out map[string]bool, from, into map[string][]string) {
	left := map[string]int{} // of each that is not out: how many arrows lead to it
	var queue []string
	for id := range g.members {
		if out[id] {
			continue
		}
		left[id] = len(slices.DeleteFunc(slices.Clone(into[id]), func(other string) bool { return out[other] }))
		if left[id] == 0 {
			queue = append(queue, id)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		out[queue[0]] = true
		for _, id := range from[queue[0]] {
			if left[id]--; left[id] == 0 {
				queue = append(queue, id)
			}
		}
	}
}
