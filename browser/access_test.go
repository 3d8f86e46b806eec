package browser

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"defib/browser/chrome"
	"defib/browser/fake"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
)

// open shows the newest incident in full.
const open = `document.querySelector("a[data-incident]").dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }))`

// TestContrast: every text has 4.5:1 (3:1 where it is large), in both schemes.
func TestContrast(t *testing.T) {
	for _, scheme := range []string{"light", "dark"} {
		for _, scene := range []string{"busy", "well", "demo", "empty", "down", "storm", "hostile"} {
			t.Run(scheme+" "+scene, func(t *testing.T) {
				s := perform(t, scene, "")
				s.must(s.Prefer(map[string]string{"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}))
				s.until(`matchMedia("(prefers-color-scheme: ` + scheme + `)").matches`)
				s.faultless("contrast", scene)
				t.Logf("the least is %.2f:1", s.number(`checks.least()`))
				if scene == "empty" {
					return
				}
				s.run(open)
				s.until(`incident.open && happenings.children.length`)
				s.faultless("contrast", "the incident")
			})
		}
	}
}

// TestBand: what all see first looks different in each state, in both schemes.
func TestBand(t *testing.T) {
	for _, scheme := range []string{"light", "dark"} {
		seen := map[string]string{}
		for _, scene := range []string{"well", "busy", "hostile", "down", "empty"} {
			s := perform(t, scene, "")
			s.must(s.Prefer(map[string]string{"prefers-color-scheme": scheme}))
			back, err := chrome.Eval[string](s.Tab, `getComputedStyle(state).backgroundColor`)
			s.must(err)
			if other := seen[back]; other != "" {
				t.Errorf("%s: %s looks like %s: %s", scheme, scene, other, back)
			}
			seen[back] = scene
		}
	}
}

// TestStructure: landmarks, headings, tables, names.
func TestStructure(t *testing.T) {
	for _, scene := range fake.Scenes() {
		t.Run(scene, func(t *testing.T) {
			s := perform(t, scene, "")
			s.faultless("structure", scene)
			s.named(scene)
			if scene == "empty" {
				return
			}
			s.run(open)
			s.until(`incident.open && happenings.children.length`)
			s.faultless("structure", "the incident")
			s.named("the incident")
		})
	}
}

// named fails if something that a person can use has no name for a screen
// reader, by the browser's own reckoning.
func (s *stage) named(where string) {
	s.Helper()
	tree, err := chromedp.Call(s.Context(), accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	s.must(err)
	roles := map[string]int{}
	for _, n := range tree.Nodes {
		if n.Ignored || n.Role == nil {
			continue
		}
		role, name := word(n.Role), word(n.Name)
		roles[role]++
		if name == "" && slices.Contains([]string{"button", "link", "textbox", "searchbox", "combobox", "radio", "table", "dialog", "image", "region", "search"}, role) {
			s.Errorf("%s: a %s without a name", where, role)
		}
	}
	if where == "busy" {
		s.Log(fmt.Sprint("roles: ", roles))
		for _, role := range []string{"banner", "main", "contentinfo", "search", "table", "columnheader", "rowheader", "region", "status", "radio", "searchbox", "link"} {
			if roles[role] == 0 {
				s.Errorf("no %s", role)
			}
		}
	}
}

func word(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	var text string
	if json.Unmarshal(v.Value, &text) != nil {
		return ""
	}
	return text
}

// TestNarrow: a phone shows everything without scrolling sideways.
func TestNarrow(t *testing.T) {
	for _, scene := range fake.Scenes() {
		t.Run(scene, func(t *testing.T) {
			s := perform(t, scene, "")
			for _, width := range []int64{320, 360, 390, 768, 1000} {
				s.must(s.Size(width, 740, 1))
				s.until(fmt.Sprintf("innerWidth === %d", width))
				s.faultless("wide", fmt.Sprint(width))
			}
			s.must(s.Size(360, 740, 2))
			s.named(scene + " on a phone") // cells that are laid out anew are cells still
			if scene == "empty" {
				return
			}
			s.run(open)
			s.until(`incident.open && happenings.children.length && !incident.getAnimations().length`)
			s.faultless("wide", "the incident")
			s.until(`incident.scrollWidth <= innerWidth`)
		})
	}
}

// TestStill: who wants no motion sees none.
func TestStill(t *testing.T) {
	s := show(t, mustScene(t, "busy"), `window.moved = 0; Element.prototype.animate = () => moved++;`)
	s.must(s.Prefer(map[string]string{"prefers-reduced-motion": "reduce"}))
	s.load("")
	s.until(`"ready" in document.documentElement.dataset`)
	s.run(open)
	s.until(`incident.open && document.getAnimations().length === 0`)
	time.Sleep(1600 * time.Millisecond)
	s.world.Restarted("traefik", "x", time.Now())
	s.says("#news", "traefik")
	s.until(`document.getAnimations().length === 0 && moved === 0`)
	s.must(s.Prefer(nil))
	time.Sleep(1600 * time.Millisecond)
	s.world.Recovered("traefik", time.Now())
	s.until(`moved > 0`)
}

// TestFocusIsSeen: each stop of the Tab key draws an outline.
func TestFocusIsSeen(t *testing.T) {
	s := perform(t, "busy", "")
	seen := map[string]bool{}
	for range 40 {
		s.must(s.Key("\t"))
		kind := s.text(":focus") // so that a failure tells where
		s.until(`(n => n === document.body || [n, n.nextElementSibling, n.querySelector("rect")].filter(Boolean).some(x => getComputedStyle(x).outlineStyle !== "none" && parseFloat(getComputedStyle(x).outlineWidth) >= 2 || x.localName === "rect" && getComputedStyle(x).strokeWidth === "3px") || getComputedStyle(n, "::after").outlineStyle === "solid")(document.activeElement)`)
		seen[kind] = true
	}
	if len(seen) < 12 {
		t.Errorf("the Tab key stops at %d things", len(seen))
	}
}

func mustScene(t *testing.T, name string) *fake.World {
	t.Helper()
	w, err := fake.Scene(name, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return w
}
