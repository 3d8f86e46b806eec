package dockertest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

// filters are the parsed "filters" parameter: key to values.
type filters map[string]map[string]bool

// parseFilters reads both spellings: {"event":{"die":true}} and
// {"event":["die"]}.
func (e *Engine) parseFilters(text string) (filters, error) {
	if text == "" {
		return nil, nil
	}
	f := filters{}
	if json.Unmarshal([]byte(text), &f) == nil {
		return f, nil
	}
	var lists map[string][]string
	if err := json.Unmarshal([]byte(text), &lists); err != nil {
		status := http.StatusBadRequest
		if e.major < 23 {
			status = http.StatusInternalServerError
		}
		return nil, refuse(status, "%s", err)
	}
	f = filters{}
	for key, values := range lists {
		f[key] = map[string]bool{}
		for _, v := range values {
			f[key][v] = true
		}
	}
	return f, nil
}

// exact is true when the key is absent or one of its values is v.
func (f filters) exact(key, v string) bool {
	return len(f[key]) == 0 || f[key][v]
}

// prefix is true when the key is absent or v begins with one of its values.
func (f filters) prefix(key, v string) bool {
	if f.exact(key, v) {
		return true
	}
	for value := range f[key] {
		if strings.HasPrefix(v, value) {
			return true
		}
	}
	return false
}

// pattern is true when the key is absent or one of its values, taken as a
// regular expression, is found in one of the texts.
func (f filters) pattern(key string, texts ...string) bool {
	if len(f[key]) == 0 {
		return true
	}
	for value := range f[key] {
		re, err := regexp.Compile(value)
		for _, text := range texts {
			if text == value || err == nil && re.MatchString(text) {
				return true
			}
		}
	}
	return false
}

// pairs is true when every value, "key" or "key=value", is in the map. With
// strict, as Podman has it for events, a bare key never is (fact 9.3).
func (f filters) pairs(key string, m map[string]string, strict bool) bool {
	for value := range f[key] {
		name, want, whole := strings.Cut(value, "=")
		got, found := m[name]
		if !found || whole && got != want || !whole && strict {
			return false
		}
	}
	return true
}

// untagged cuts the tag off an image name.
func untagged(image string) string {
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		return image[:i]
	}
	return image
}
