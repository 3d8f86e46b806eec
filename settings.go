package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"defib/notify"
	"defib/watcher"
)

// setting is one variable as it is in force, without secrets.
type setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"` // default, environment, or "file PATH"
}

// settings gives the variables that are set, in their order; with all those too
// that have their defaults.
func settings(c config, environ []string, all bool) []setting {
	list := []setting{}
	fields := fieldsOf(reflect.ValueOf(&c).Elem())
	vars := cleaned(environ, fields)
	for _, f := range fields {
		s := setting{Name: f.name, Value: f.inForce(vars), Source: "default"}
		if _, set := vars[f.name]; set {
			s.Source = "environment"
		} else if path, set := vars[f.name+"_FILE"]; set && f.secret {
			s.Name, s.Source = f.name+"_FILE", "file "+path
		}
		if all || s.Source != "default" {
			list = append(list, s)
		}
	}
	return list
}

// inForce gives the value of a variable, for people: of a secret nothing, of an
// address what is no secret, of a program no arguments.
func (f field) inForce(vars map[string]string) string {
	switch v := f.value.Interface().(type) {
	case notify.Secret:
		return v.String()
	case *time.Duration:
		if v == nil {
			return ""
		}
		return v.String()
	case watcher.Selection:
		if text := vars[f.name]; text != "" {
			return text
		}
		return f.preset
	case listenAddress:
		return cmp.Or(string(v), "off")
	case string:
		return harmless(f.name, v)
	default:
		return fmt.Sprint(v)
	}
}

// harmless gives what may be shown of a text: nobody forbids to write a password
// into the address of an engine, or behind the name of a program.
func harmless(name, text string) string {
	if name == "POST_RESTART_SCRIPT" {
		words := strings.Fields(text)
		if len(words) > 1 {
			return words[0] + " ..."
		}
		return text
	}
	if !strings.Contains(text, "://") {
		return text
	}
	u, err := url.Parse(text)
	if err != nil {
		return "an unreadable address"
	}
	if u.Host == "" {
		return u.Scheme + "://" + u.Path
	}
	return u.Scheme + "://" + u.Host
}

// heard collects the warnings that the parts log while they are made.
type heard struct{ warnings []string }

// logger gives a log for the parts.
func (h *heard) logger() zerolog.Logger { return zerolog.New(h).Level(zerolog.WarnLevel) }

// Write takes one line of the log; it satisfies io.Writer.
func (h *heard) Write(line []byte) (int, error) {
	var said struct{ Message, Err string }
	if err := json.Unmarshal(line, &said); err == nil && said.Message != "" {
		if said.Err != "" {
			said.Message += ": " + said.Err
		}
		h.warnings = append(h.warnings, said.Message)
	}
	return len(line), nil
}
