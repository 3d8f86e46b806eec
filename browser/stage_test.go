package browser

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"defib/browser/chrome"
	"defib/browser/fake"
)

//go:embed checks.js
var checks string

// page is the folder of the page's files.
const page = "../status/page"

// soon is how long the page may take to show what has changed, on a machine
// that is busy with something else.
const soon = 15 * time.Second

// noDemo is the complaint of a browser that asked, once, whether this is a demo.
const noDemo = "/api/v1/demo/alerts"

var (
	browser context.Context
	missing error // why there is no browser
)

func TestMain(m *testing.M) {
	path, err := chrome.Find()
	end := func() {}
	if err == nil {
		browser, end, err = chrome.Start(path)
	}
	missing = err
	code := m.Run()
	end()
	os.Exit(code)
}

// stage is a tab that shows the page of a fake.
type stage struct {
	*testing.T
	*chrome.Tab
	world  *fake.World
	server *fake.Server
}

// needBrowser skips the test where there is none, or fails it.
func needBrowser(t *testing.T) {
	t.Helper()
	switch {
	case missing == nil:
	case os.Getenv("DEFIB_REQUIRE_BROWSER") != "":
		t.Fatal(missing)
	default:
		t.Skip(missing)
	}
}

// tab opens a tab; scripts run before the page's.
func tab(t *testing.T, scripts ...string) *chrome.Tab {
	t.Helper()
	needBrowser(t)
	tab, end, err := chrome.Open(browser, append([]string{checks}, scripts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return tab
}

// perform shows a scene at an address behind the page's own, such as
// "#state=trouble", and waits until it is drawn.
func perform(t *testing.T, scene, at string, scripts ...string) *stage {
	t.Helper()
	needBrowser(t)
	w, err := fake.Scene(scene, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s := show(t, w, scripts...)
	s.load(at)
	if scene != "down" {
		s.until(`"ready" in document.documentElement.dataset`)
	}
	s.until(`headline.textContent !== "Asking defib…"`)
	return s
}

// show serves a world, and opens a tab of 1280x900 that shows nothing yet.
func show(t *testing.T, w *fake.World, scripts ...string) *stage {
	t.Helper()
	s := &stage{T: t, Tab: tab(t, scripts...), world: w}
	server, err := fake.Serve(w, page, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	s.server = server
	s.must(s.Size(1280, 900, 1))
	return s
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *stage) load(at string) {
	s.Helper()
	s.must(s.Go(s.server.URL() + at))
}

// until waits until an expression is true; in it an id is its element.
func (s *stage) until(script string) {
	s.Helper()
	if err := s.Wait(script, soon); err != nil {
		words, _ := chrome.Eval[string](s.Tab, `document.body.innerText.slice(0, 700)`)
		s.Fatalf("%v; complaints %q; the page says:\n%s", err, s.Complaints(), words)
	}
}

// text gives the text of the elements that a selector finds, one a line.
func (s *stage) text(selector string) string {
	s.Helper()
	text, err := chrome.Eval[string](s.Tab, fmt.Sprintf(`[...document.querySelectorAll(%q)].map(n => n.textContent).join("\n")`, selector))
	s.must(err)
	return text
}

// says waits until the text of an element holds words.
func (s *stage) says(selector, words string) {
	s.Helper()
	s.until(fmt.Sprintf(`document.querySelector(%q)?.textContent.includes(%q)`, selector, words))
}

func (s *stage) keys(keys string) {
	s.Helper()
	for _, k := range keys {
		s.must(s.Key(string(k)))
	}
}

func (s *stage) run(script string) {
	s.Helper()
	_, err := chrome.Eval[any](s.Tab, script)
	s.must(err)
}

// number gives the value of an expression.
func (s *stage) number(script string) float64 {
	s.Helper()
	n, err := chrome.Eval[float64](s.Tab, script)
	s.must(err)
	return n
}

// faultless fails if a check of checks.js finds something.
func (s *stage) faultless(check, where string) {
	s.Helper()
	found, err := chrome.Eval[[]string](s.Tab, "checks."+check+"()")
	s.must(err)
	if len(found) > 0 {
		s.Errorf("%s, %s:\n%s", where, check, strings.Join(found, "\n"))
	}
}

// quiet fails if the browser complained of anything else than of what is allowed.
func (s *stage) quiet(allowed ...string) {
	s.Helper()
	if c := s.Complaints(append(allowed, noDemo)...); len(c) > 0 {
		s.Errorf("the browser complains:\n%s", strings.Join(c, "\n"))
	}
}
