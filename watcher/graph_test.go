package watcher

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"defib/heal"
)

// box is a container as a list tells of it.
func box(name string, labels map[string]string) sighting {
	return sighting{
		id: "id-" + name, labels: labels,
		container: heal.Container{ID: "id-" + name, Name: name, Project: "shop", Service: name},
	}
}

func follows(g graph, owner string) []string {
	var names []string
	for _, d := range g.dependents(box(owner, nil).container) {
		names = append(names, fmt.Sprintf("%s:%d", d.container.Name, d.kind))
	}
	return names
}

// TestTies reads what Compose and people write.
func TestTies(t *testing.T) {
	for label, want := range map[string][]string{
		"db:service_healthy:true":                 {"web:2"},
		"db:service_started:true":                 {"web:1"},
		"db:service_completed_successfully:true":  {"web:3"},
		"db:service_healthy:false":                nil,
		"cache:service_started:true":              nil,
		"cache:x:false,db:service_healthy:true,,": {"web:2"},
		"db":                           {"web:1"}, // older than 2.17: Compose itself assumes true
		"db:service_healthy":           {"web:2"},
		"db:service_healthy:true:more": nil,
		"":                             nil,
		":::":                          nil,
		strings.Repeat("a:b:true,", 200_000) + "db": nil, // a megabyte: bounded
	} {
		g := newGraph()
		g.meet(box("web", map[string]string{labelDependsOn: label}), true, nil)
		if got := follows(g, "db"); !slices.Equal(got, want) {
			t.Errorf("%.60q: %v; want %v", label, got, want)
		}
		if n := len(g.owners); n > maxTies {
			t.Errorf("%.60q: %d keys are kept", label, n)
		}
	}
	g := newGraph()
	g.meet(box("web", map[string]string{labelDependsOn: "db:service_healthy:true", labelRestartWith: "cache, /db ,web"}), true, []string{"id-db"})
	if got := follows(g, "db"); !slices.Equal(got, []string{"web:0"}) {
		t.Errorf("the loss of a namespace outweighs labels: %v", got)
	}
	if got := follows(g, "cache"); !slices.Equal(got, []string{"web:4"}) {
		t.Errorf("restart-with: %v", got)
	}
	g.meet(box("web", map[string]string{labelDependsOn: "db:service_healthy:true", labelOneOff: "True"}), true, nil)
	if got := follows(g, "db"); len(got) != 0 || len(g.members) != 0 || len(g.owners) != 0 {
		t.Errorf("of compose run, and met again: %v, %d members, %d owners", got, len(g.members), len(g.owners))
	}
}

// TestUnwatchedDependents are not touched; that they lose their network is known.
func TestUnwatchedDependents(t *testing.T) {
	g := newGraph()
	g.meet(box("web", map[string]string{labelRestartWith: "db"}), false, nil)
	g.meet(box("seed", nil), false, []string{"id-db"})
	d := g.dependents(box("db", nil).container)
	if len(d) != 1 || d[0].container.Name != "seed" || d[0].watched {
		t.Errorf("%+v", d)
	}
}

// TestCircles finds them, and is quick with a thousand in one.
func TestCircles(t *testing.T) {
	g := newGraph()
	add := func(name, after string) { g.meet(box(name, map[string]string{labelRestartWith: after}), true, nil) }
	add("tail", "a")
	add("a", "b")
	add("b", "c")
	add("c", "a,head")
	add("head", "nobody")
	if got := g.circles(); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("circles: %v", got)
	}
	ring := newGraph()
	for i := range 1000 {
		ring.meet(box(fmt.Sprint("c", i), map[string]string{labelRestartWith: fmt.Sprint("c", (i+1)%1000)}), true, nil)
	}
	if got := len(ring.circles()); got != 1000 {
		t.Errorf("%d of a thousand", got)
	}
	star := newGraph()
	for i := range 1000 {
		star.meet(box(fmt.Sprint("c", i), map[string]string{labelRestartWith: "db"}), true, []string{"id-db"})
	}
	if got, all := len(star.circles()), len(follows(star, "db")); got != 0 || all != 1000 {
		t.Errorf("%d in a circle, %d dependents", got, all)
	}
}
