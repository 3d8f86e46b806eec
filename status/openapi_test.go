package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"defib/heal"
)

// document is the part of OpenAPI that docs/openapi.json uses.
type document struct {
	OpenAPI  string `json:"openapi"`
	Info     any    `json:"info"`
	Servers  any    `json:"servers"`
	Security any    `json:"security"`
	Paths    map[string]struct {
		Get operation `json:"get"`
	} `json:"paths"`
	Components struct {
		SecuritySchemes any                 `json:"securitySchemes"`
		Responses       map[string]response `json:"responses"`
		Schemas         map[string]*schema  `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	ID          string              `json:"operationId"`
	Summary     string              `json:"summary"`
	Description string              `json:"description"`
	Security    any                 `json:"security"`
	Parameters  []parameter         `json:"parameters"`
	Responses   map[string]response `json:"responses"`
}

type parameter struct {
	Name        string  `json:"name"`
	In          string  `json:"in"`
	Required    bool    `json:"required"`
	Description string  `json:"description"`
	Schema      *schema `json:"schema"`
}

type response struct {
	Ref         string `json:"$ref"`
	Description string `json:"description"`
	Headers     map[string]struct {
		Description string  `json:"description"`
		Schema      *schema `json:"schema"`
	} `json:"headers"`
	Content map[string]struct {
		Schema *schema `json:"schema"`
	} `json:"content"`
}

// schema is the part of JSON Schema that it uses.
type schema struct {
	Ref         string             `json:"$ref"`
	Description string             `json:"description"`
	Type        any                `json:"type"` // a name or several
	Enum        []any              `json:"enum"`
	Format      string             `json:"format"`
	Pattern     string             `json:"pattern"`
	Minimum     *float64           `json:"minimum"`
	Maximum     *float64           `json:"maximum"`
	Default     any                `json:"default"`
	Required    []string           `json:"required"`
	Properties  map[string]*schema `json:"properties"`
	Additional  *bool              `json:"additionalProperties"`
	Items       *schema            `json:"items"`
	OneOf       []*schema          `json:"oneOf"`
}

func readDocument(t *testing.T) document {
	t.Helper()
	file, err := os.Open("../docs/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var d document
	in := json.NewDecoder(file)
	in.DisallowUnknownFields() // what the checks below do not know
	if err := in.Decode(&d); err != nil {
		t.Fatal(err)
	}
	return d
}

// resolved follows a reference.
func (d document) resolved(s *schema) *schema {
	if name, found := strings.CutPrefix(s.Ref, "#/components/schemas/"); found {
		return d.Components.Schemas[name]
	}
	return s
}

// answered gives what an operation says of a code.
func (d document) answered(o operation, code int) (response, bool) {
	r, known := o.Responses[fmt.Sprint(code)]
	if name, found := strings.CutPrefix(r.Ref, "#/components/responses/"); found {
		r, known = d.Components.Responses[name], d.Components.Responses[name].Description != ""
	}
	return r, known
}

// check gives what is wrong with a value, at a path.
func (d document) check(path string, s *schema, value any) (wrong []string) {
	s = d.resolved(s)
	if s == nil {
		return []string{path + " has no schema"}
	}
	if s.OneOf != nil {
		for _, one := range s.OneOf {
			now := d.check(path, one, value)
			if now == nil {
				return nil
			}
			wrong = append(wrong, now...)
		}
		return wrong
	}
	names, several := s.Type.([]any)
	if !several {
		names = []any{s.Type}
	}
	if !slices.ContainsFunc(names, func(name any) bool { return isOf(value, name) }) {
		return []string{fmt.Sprintf("%s is %v, not of type %v", path, value, names)}
	}
	if s.Enum != nil && !slices.Contains(s.Enum, value) {
		wrong = append(wrong, fmt.Sprintf("%s is %v, none of %v", path, value, s.Enum))
	}
	switch value := value.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339, value); s.Format == "date-time" && err != nil {
			wrong = append(wrong, path+": "+err.Error())
		}
	case []any:
		for i, one := range value {
			wrong = append(wrong, d.check(fmt.Sprintf("%s[%d]", path, i), s.Items, one)...)
		}
	case map[string]any:
		for _, name := range s.Required {
			if _, there := value[name]; !there {
				wrong = append(wrong, path+"."+name+" is missing")
			}
		}
		for name, one := range value {
			if p, known := s.Properties[name]; known {
				wrong = append(wrong, d.check(path+"."+name, p, one)...)
			} else {
				wrong = append(wrong, path+"."+name+" is not described")
			}
		}
	}
	return wrong
}

func isOf(value, name any) bool {
	switch value := value.(type) {
	case nil:
		return name == "null"
	case string:
		return name == "string"
	case bool:
		return name == "boolean"
	case float64:
		return name == "number" || (name == "integer" && value == math.Trunc(value))
	case []any:
		return name == "array"
	default:
		return name == "object"
	}
}

// holds tells what is wrong with an answer by the document.
func (d document) holds(path string, got *httptest.ResponseRecorder) (wrong []string) {
	p, known := d.Paths[path]
	if !known {
		return []string{path + " is not described"}
	}
	r, known := d.answered(p.Get, got.Code)
	if !known {
		return []string{fmt.Sprintf("%s: %d is not described", path, got.Code)}
	}
	kind, _, _ := strings.Cut(got.Header().Get("Content-Type"), ";")
	content, known := r.Content[kind]
	switch {
	case !known:
		return []string{fmt.Sprintf("%s: %d is %s, which is not described", path, got.Code, kind)}
	case kind == "text/plain":
		return nil
	case kind == "text/event-stream":
		for line := range strings.Lines(got.Body.String()) {
			if data, found := strings.CutPrefix(line, "data: "); found {
				wrong = append(wrong, d.checkText(path, content.Schema, data)...)
			}
		}
		return wrong
	}
	for name := range r.Headers {
		if got.Header().Get(name) == "" {
			wrong = append(wrong, path+": the header "+name+" is missing")
		}
	}
	return append(wrong, d.checkText(path, content.Schema, got.Body.String())...)
}

func (d document) checkText(path string, s *schema, text string) []string {
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return []string{path + ": " + err.Error()}
	}
	return d.check(path, s, value)
}

// TestEveryFieldIsDescribed: no schema without words, and no object that says
// less than all.
func TestEveryFieldIsDescribed(t *testing.T) {
	d := readDocument(t)
	if d.OpenAPI != "3.1.0" {
		t.Errorf("it is OpenAPI %s", d.OpenAPI)
	}
	used := map[string]bool{}
	var walk func(path string, s *schema)
	walk = func(path string, s *schema) {
		if s.Ref != "" {
			name := strings.TrimPrefix(s.Ref, "#/components/schemas/")
			if used[name] = true; d.Components.Schemas[name] == nil {
				t.Errorf("%s refers to %s", path, s.Ref)
			}
			return
		}
		if !strings.HasSuffix(s.Description, ".") && s.Type != "null" && !strings.Contains(s.Description, `"`) {
			t.Errorf("%s: %q", path, s.Description)
		}
		if s.Type == "object" && (s.Additional == nil || *s.Additional || len(s.Properties) == 0) {
			t.Errorf("%s is open", path)
		}
		for _, name := range s.Required {
			if s.Properties[name] == nil {
				t.Errorf("%s requires %s", path, name)
			}
		}
		for name, p := range s.Properties {
			walk(path+"."+name, p)
			if !slices.Contains(s.Required, name) && name != "happenings" && name != "left_out" {
				t.Errorf("%s.%s is optional", path, name)
			}
		}
		if s.Items != nil {
			walk(path+"[]", s.Items)
		}
		for _, one := range s.OneOf {
			walk(path, one)
		}
	}
	for name, s := range d.Components.Schemas {
		walk(name, s)
	}
	for path, p := range d.Paths {
		if p.Get.Summary == "" || p.Get.Description == "" || p.Get.ID == "" {
			t.Errorf("%s is not described", path)
		}
		for _, q := range p.Get.Parameters {
			walk(path+"?"+q.Name, q.Schema)
		}
		for code := range p.Get.Responses {
			var n int
			_, _ = fmt.Sscan(code, &n)
			r, known := d.answered(p.Get, n)
			if !known || r.Description == "" || len(r.Content) == 0 {
				t.Errorf("%s, %s: %+v", path, code, r)
			}
			for kind, c := range r.Content {
				walk(path+" "+code+" "+kind, c.Schema)
			}
		}
	}
	for name := range d.Components.Schemas {
		if !used[name] {
			t.Errorf("%s is used nowhere", name)
		}
	}
	words := func(of, field string) (all []string) {
		for _, w := range d.Components.Schemas[of].Properties[field].Enum {
			if w != "" {
				all = append(all, fmt.Sprint(w))
			}
		}
		return all
	}
	var phases, reasons []string
	for p := heal.Steady; p <= heal.GivenUp; p++ {
		phases = append(phases, p.String())
	}
	for r := heal.Restarted; r <= heal.WatchBegan; r++ {
		reasons = append(reasons, r.String())
	}
	if got := words("Container", "phase"); !slices.Equal(got, phases) {
		t.Errorf("phases: %v; want %v", got, phases)
	}
	for _, of := range []string{"Incident", "Happening"} {
		if got := words(of, "reason"); !slices.Equal(got, reasons) {
			t.Errorf("reasons of %s: %v; want %v", of, got, reasons)
		}
	}
	var topics []string
	for _, w := range d.Components.Schemas["Changed"].Properties["topics"].Items.Enum {
		topics = append(topics, fmt.Sprint(w))
	}
	if got := strings.Join(topics, `","`); `{"topics":["`+got+`"]}` != everything {
		t.Errorf("topics: %v", topics)
	}
}

// TestRoutesAreDescribed: what is answered is in the document, and the other way
// round, with its parameters.
func TestRoutesAreDescribed(t *testing.T) {
	d := readDocument(t)
	s := NewServer(options(fullStage()))
	for path := range s.routes {
		if _, known := d.Paths[path]; !known && path != "/metrics" {
			t.Errorf("%s is not described", path)
		}
	}
	good := map[string]string{"project": "shop", "state": "ok", "limit": "3", "since": "2026-01-31T18:00:00Z"}
	for path, p := range d.Paths {
		if _, known := s.routes[path]; !known {
			t.Errorf("%s is described and does not exist", path)
		}
		concrete := strings.Replace(path, "{id}", "storm-m0", 1)
		if path == "/api/v1/events" {
			continue // see below
		}
		for name, value := range good {
			i := slices.IndexFunc(p.Get.Parameters, func(q parameter) bool { return q.Name == name && q.In == "query" })
			got := ask(s.Handler(), "GET", concrete+"?"+name+"="+value)
			if described, taken := i >= 0, got.Code != http.StatusBadRequest; described != taken && path != "/healthz" {
				t.Errorf("%s?%s: described %v, taken %v", path, name, described, taken)
			}
			if i >= 0 && p.Get.Parameters[i].Schema.Enum != nil {
				for _, word := range p.Get.Parameters[i].Schema.Enum {
					if got := ask(s.Handler(), "GET", fmt.Sprintf("%s?%s=%s", concrete, name, word)); got.Code != http.StatusOK {
						t.Errorf("%s?%s=%s: %d", path, name, word, got.Code)
					}
				}
			}
		}
	}
	limit := d.Paths["/api/v1/incidents"].Get.Parameters[0].Schema
	if *limit.Minimum != 1 || *limit.Maximum != incidentsMost || limit.Default != float64(incidentsUsual) {
		t.Errorf("the limit is %+v", limit)
	}
	id := regexp.MustCompile(d.Paths[incidentPath].Get.Parameters[0].Schema.Pattern)
	for _, text := range []string{"a", "storm-m0", "", "A", "a/b", "..", "a.b", strings.Repeat("x", 100), strings.Repeat("x", 101), "é"} {
		if id.MatchString(text) != plain(text) {
			t.Errorf("%q", text)
		}
	}
}

// TestAnswersKeepToTheDocument: real ones, good and bad; and the check finds what
// is wrong.
func TestAnswersKeepToTheDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := readDocument(t)
		full, bare := fullStage(), fullStage()
		bare.engine.Pauses, bare.receivers, bare.past = nil, nil, nil
		bare.engine.LastList, bare.engine.StreamGone = nil, nil
		bare.list = func(context.Context) ([]Container, error) { return nil, nil }
		away := fullStage()
		away.list = func(context.Context) ([]Container, error) { return nil, errors.New("connection refused") }
		hangs := fullStage()
		hangs.list = func(ctx context.Context) ([]Container, error) { <-ctx.Done(); return nil, ctx.Err() }
		guarded := options(fullStage())
		guarded.Password = func() (string, error) { return password, nil }
		locked := options(fullStage())
		locked.Password = func() (string, error) { return "", errors.New("gone") }
		sick := options(fullStage())
		sick.Health = func() Answer { return Answer{} }
		home := options(fullStage())
		codes := map[int]bool{}
		for name, h := range map[string]http.Handler{
			"full": NewServer(options(full)).Handler(), "bare": NewServer(options(bare)).Handler(), "away": NewServer(options(away)).Handler(), "hangs": NewServer(options(hangs)).Handler(),
			"guarded": NewServer(guarded).Handler(), "locked": NewServer(locked).Handler(), "sick": NewServer(sick).Handler(), "home": NewServer(home).Handler(),
		} {
			for path := range d.Paths {
				for _, id := range []string{"aaaaaaaaaaaa-m1", "storm-m0", "none"} {
					for _, header := range []string{"Host: evil.example", "Authorization: " + basic("", "x"), "Authorization: " + basic("", password), "X: y"} {
						for _, method := range []string{"GET", "POST"} {
							for _, q := range []string{"", "?x=y"} {
								ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
								r := httptest.NewRequestWithContext(ctx, method, strings.Replace(path, "{id}", id, 1)+q, nil)
								r.Host = "localhost"
								key, value, _ := strings.Cut(header, ": ")
								if r.Header.Set(key, value); key == "Host" {
									r.Host = value
								}
								got := httptest.NewRecorder()
								h.ServeHTTP(got, r)
								cancel()
								codes[got.Code] = true
								for _, wrong := range d.holds(path, got) {
									t.Errorf("%s, %s %s: %s", name, method, header, wrong)
								}
							}
						}
					}
				}
			}
		}
		for _, code := range []int{200, 400, 401, 404, 405, 421, 502, 503} {
			if !codes[code] {
				t.Errorf("no answer was a %d", code)
			}
		}
		for path, change := range map[string][2]string{
			"/healthz": {`"ok":true`, `"ok":1`}, "/api/v1/engine": {`"pauses":[`, `"more":1,"pauses":[`}, "/api/v1/containers": {`"phase":"steady"`, `"phase":"well"`},
			"/api/v1/incidents": {`"since":"2026`, `"since":"x2026`}, "/api/v1/receivers": {`"waiting":2`, `"waiting":2.5`}, incidentPath: {`"exit_code":137`, `"exit_kode":137`},
		} {
			got := ask(NewServer(options(full)).Handler(), "GET", strings.Replace(path, "{id}", "aaaaaaaaaaaa-m1", 1))
			bad := strings.Replace(got.Body.String(), change[0], change[1], 1)
			if bad == got.Body.String() {
				t.Errorf("%s has no %s: %s", path, change[0], bad)
			}
			if got.Body.Reset(); true {
				got.Body.WriteString(bad)
			}
			if d.holds(path, got) == nil {
				t.Errorf("%s: %s passes", path, change[1])
			}
		}
	})
}
