package browser

import (
	"testing"
	"time"

	"defib/browser/chrome"
)

// TestDemo looks at "defib demo", in which something falls sick and is healed
// every minute.
func TestDemo(t *testing.T) {
	url := program(t)
	tab := tab(t)
	s := &stage{T: t, Tab: tab}
	s.must(s.Size(1280, 900, 1))
	s.must(s.Go(url))
	s.until(`document.documentElement.dataset.ready`)
	s.says("#link-words", "live")
	began := time.Now()
	s.must(s.Wait(`cards.children.length > 0 && cards.querySelector("dd")`, 2*time.Minute))
	t.Logf("an incident after %s: %s", time.Since(began).Round(time.Second), s.text("#cards h3"))
	for _, check := range []string{"contrast", "structure", "wide"} {
		s.faultless(check, url)
	}
	s.must(s.Wait(`over.children.length`, 2*time.Minute-time.Since(began)))
	t.Logf("resolved after %s", time.Since(began).Round(time.Second))
	s.run(open)
	s.until(`incident.open && happenings.children.length`)
	s.faultless("structure", "the incident")
	s.quiet()
	if n, _ := chrome.Eval[int](tab, `performance.getEntriesByType("resource").filter(r => !r.name.startsWith(location.origin)).length`); n != 0 {
		t.Errorf("%d things were loaded from elsewhere", n)
	}
}
