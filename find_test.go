package main

import (
	"errors"
	"testing"

	"defib/status"
)

// TestFind: a name wins over a service, and that over an id.
func TestFind(t *testing.T) {
	all := []status.Container{
		{ID: "aaa111", Name: "web", Project: "x", Service: "front"},
		{ID: "aab222", Name: "x-web-1", Project: "x", Service: "web"},
		{ID: "ccc333", Name: "y-web-1", Project: "y", Service: "web"},
		{ID: "ddd444", Name: "ccc", Project: "y", Service: "db"},
		{ID: "eee555", Name: "alone"},
	}
	for name, want := range map[string]string{
		"web": "aaa111", "/web": "aaa111", "front": "aaa111", "x/web": "aab222", "y/web": "ccc333", "db": "ddd444", "ccc": "ddd444", "ccc3": "ccc333",
		"aaa111": "aaa111", "eee": "eee555", "alone": "eee555",
	} {
		if got, err := find(name, all); err != nil || got.ID != want {
			t.Errorf("%s: %s, %v; want %s", name, got.ID, err, want)
		}
	}
	var many errAmbiguous
	twins := append(all, status.Container{ID: "fff666", Name: "y-web-2", Project: "y", Service: "web"})
	if _, err := find("y/web", twins); !errors.As(err, &many) || len(many.candidates) != 2 {
		t.Errorf("y/web: %v", err)
	}
	ids := append(all, status.Container{ID: "eee556", Name: "other"})
	if _, err := find("eee", ids); !errors.As(err, &many) || len(many.candidates) != 2 {
		t.Errorf("eee: %v", err)
	}
	for name, want := range map[string]string{
		"alon": `there is no container "alon": did you mean alone?`, "web-1": `there is no container "web-1": did you mean y-web-1?`,
		"nothing": `there is no container "nothing": "defib check" lists all`, "": `there is no container "": "defib check" lists all`, "ee": `there is no container "ee": "defib check" lists all`,
		"x/": `there is no container "x/": "defib check" lists all`, "/": `there is no container "": "defib check" lists all`,
	} {
		var none errNotFound
		if _, err := find(name, all); !errors.As(err, &none) || err.Error() != want {
			t.Errorf("%q: %v; want %s", name, err, want)
		}
	}
}
