package main

import (
	"fmt"
	"slices"
	"strings"

	"defib/internal/spell"
	"defib/status"
)

// errNotFound says that there is no container of a name.
type errNotFound struct{ text string }

// Error satisfies error.
func (e errNotFound) Error() string { return e.text }

// errAmbiguous says that a name means several containers.
type errAmbiguous struct {
	name       string
	candidates []status.Container
}

// Error satisfies error.
func (e errAmbiguous) Error() string {
	return fmt.Sprintf("%q means %d containers: name one of them, or its id", cutTo(shown(e.name), usualWidth), len(e.candidates))
}

// leastPrefix is how many digits of an id are taken for one.
const leastPrefix = 3

// find gives the container that a person means: by its name, its Compose
// service, project/service, or the beginning of its id, in this order.
func find(name string, all []status.Container) (status.Container, error) {
	name = strings.TrimPrefix(name, "/")
	project, service, both := strings.Cut(name, "/")
	for _, means := range []func(c status.Container) bool{
		func(c status.Container) bool { return c.Name == name || c.ID == name },
		func(c status.Container) bool {
			return c.Service != "" && (c.Service == name || both && c.Project == project && c.Service == service)
		},
		func(c status.Container) bool { return len(name) >= leastPrefix && strings.HasPrefix(c.ID, name) },
	} {
		var found []status.Container
		for _, c := range all {
			if means(c) {
				found = append(found, c)
			}
		}
		switch len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			return status.Container{}, errAmbiguous{name, found}
		}
	}
	return status.Container{}, errNotFound{unknownText(name, all)}
}

// unknownText says that there is no such container, and which may be meant.
func unknownText(name string, all []status.Container) string {
	var names []string
	for _, c := range all {
		names = append(names, c.Name)
		if c.Service != "" {
			names = append(names, c.Service)
		}
	}
	slices.Sort(names)
	text := fmt.Sprintf("there is no container %q", cutTo(shown(name), usualWidth))
	if near, ok := spell.Nearest(name, slices.Compact(names)); ok {
		return text + ": did you mean " + shown(near) + "?"
	}
	if names = slices.DeleteFunc(names, func(n string) bool { return name == "" || !strings.Contains(n, name) }); len(names) > 0 {
		return text + ": did you mean " + shown(names[0]) + "?"
	}
	return text + `: "defib check" lists all`
}
