package main

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"defib/notify"
	"defib/watcher"
)

// field is one variable, as the tags of config describe it.
type field struct {
	name, goName string // of the variable, of the struct's field
	preset       string
	empty        string // what an empty value stands for; empty: the preset
	words        string // what is allowed, where min and max do not say it
	least, most  string
	example      string
	help         string
	secret       bool
	value        reflect.Value
	failed       bool // it could not be read: its limits are not worth checking
}

// fieldsOf lists the variables of a configuration in their order.
func fieldsOf(v reflect.Value) []field {
	var all []field
	for i := range v.NumField() {
		t := v.Type().Field(i)
		name := t.Tag.Get("env")
		switch {
		case name == "-":
		case name != "":
			_, secret := v.Field(i).Interface().(notify.Secret)
			all = append(all, field{
				name: name, goName: t.Name, preset: t.Tag.Get("envDefault"), empty: t.Tag.Get("empty"), words: t.Tag.Get("allowed"),
				least: t.Tag.Get("min"), most: t.Tag.Get("max"), example: t.Tag.Get("example"), help: t.Tag.Get("help"),
				secret: secret, value: v.Field(i),
			})
		case t.Type.Kind() == reflect.Struct:
			all = append(all, fieldsOf(v.Field(i))...)
		}
	}
	return all
}

// allowed says in words what a variable may be.
func (f field) allowed() string {
	if f.words != "" {
		return f.words
	}
	kind := "text"
	switch f.value.Type() {
	case reflect.TypeFor[time.Duration](), reflect.TypeFor[*time.Duration]():
		kind = "seconds or a duration"
	case reflect.TypeFor[int]():
		kind = "a whole number"
	}
	if f.least != "" {
		kind += fmt.Sprintf(" from %s to %s", f.least, f.most)
	}
	return kind
}

// within tells whether a value keeps to min and max.
func (f field) within() bool {
	if f.least == "" {
		return true
	}
	switch v := f.value.Interface().(type) {
	case time.Duration:
		return inside(v, f.least, f.most)
	case *time.Duration:
		return v == nil || inside(*v, f.least, f.most)
	case int:
		least, _ := strconv.Atoi(f.least)
		most, _ := strconv.Atoi(f.most)
		return v >= least && v <= most
	}
	return true
}

func inside(d time.Duration, least, most string) bool {
	from, errFrom := watcher.ParseDuration(least)
	to, errTo := watcher.ParseDuration(most)
	return errFrom == nil && errTo == nil && d >= from && d <= to
}

// secretFiles fills secrets from their _FILE twins. A secret's value is never
// part of a problem.
func secretFiles(fields []field, vars map[string]string) problems {
	var wrong problems
	for _, f := range fields {
		path, set := vars[f.name+"_FILE"]
		if !f.secret || !set {
			continue
		}
		if _, both := vars[f.name]; both {
			wrong = append(wrong, fmt.Sprintf("%s and %s_FILE are both set: set one of them", f.name, f.name))
			continue
		}
		secret := notify.SecretFile(path)
		if _, err := secret.Reveal(); err != nil {
			wrong = append(wrong, fmt.Sprintf("%s_FILE=%.100q: must be a file that can be read and is not empty, such as %s_FILE=/run/secrets/%s",
				f.name, path, f.name, strings.ToLower(f.name)))
		}
		f.value.Set(reflect.ValueOf(secret))
	}
	return wrong
}
