package browser

import (
	"strings"
	"testing"
	"time"

	"defib/browser/fake"

	"github.com/chromedp/chromedp/kb"
)

// TestIncidentView: all about an incident, by keyboard, and back to where one was.
func TestIncidentView(t *testing.T) {
	s := perform(t, "busy", "#q=shop")
	for range 4 { // the skip link, then the cards
		s.must(s.Key(kb.Tab))
		if s.Wait(`document.activeElement.dataset.f?.startsWith("card ")`, 0) == nil {
			break
		}
	}
	s.until(`document.activeElement.closest("#cards li")`)
	s.run(`window.from = document.activeElement.dataset.f`)
	s.must(s.Key(kb.Enter))
	s.until(`incident.open && incident.contains(document.activeElement) && /^#q=shop&incident=/.test(location.hash)`)
	s.says("#incident-title", "shop-db-1 on box: gave up after 5 restarts")
	s.says("#incident-state", "Open: a human is needed")
	s.until(`happenings.children.length === 6`)
	for _, words := range []string{
		"after 27 min", "It has given up.", "psql: error: connection to server", "It had been running for 3 d 2 h.", "3 probes in a row had failed.",
		"took 0.8 s, exit code 7", "ERROR pool exhausted: 50 of 50 <in use>", "The last 5 lines of its log", "defib restarted it (restart 5 of 5)",
	} {
		s.says("#incident", words)
	}
	for range 12 { // the focus cannot leave but for the browser's own controls
		s.must(s.Key(kb.Tab))
		s.until(`incident.contains(document.activeElement) || document.activeElement === document.body`)
	}
	s.must(s.Key(kb.Escape))
	s.until(`!incident.open && document.activeElement.dataset.f === from && location.hash === "#q=shop" && !history.state`)
	s.quiet()
}

func TestIncidentByAddress(t *testing.T) {
	s := perform(t, "busy", "")
	s.run(`document.querySelector("#over a").click()`)
	s.until(`incident.open`)
	s.says("#incident-state", "Over")
	s.run(`history.back()`)
	s.until(`!incident.open && location.hash === ""`)
	s.run(`history.forward()`)
	s.until(`incident.open`)
	s.says("#incident-title", "monitoring-grafana-1 healthy again")
	s.run(`window.kept = location.hash; document.getElementById("close").click()`)
	s.until(`!incident.open && location.hash === ""`)

	s.run(`location.hash = kept`)
	s.until(`incident.open`)
	s.says("#incident-title", "monitoring-grafana-1 healthy again")
	s.must(s.Key(kb.Escape))
	s.until(`!incident.open && location.hash === "" && document.activeElement !== document.body`)

	s.run(`location.hash = "#incident=nobody%20knows"`)
	s.says("#incident-note", "This incident is not remembered any more.")
	s.quiet("/api/v1/incidents/nobody")
}

// TestIncidentViewIsLive: what happens meanwhile is added, and nothing else changes.
func TestIncidentViewIsLive(t *testing.T) {
	s := perform(t, "well", "")
	s.world.Restarted("shop-web-1", "first words", time.Now())
	s.until(`document.querySelector("#cards a")`)
	s.run(`document.querySelector("#cards a").click()`)
	s.until(`happenings.children.length === 1`)
	s.run(`happenings.querySelector("li").touched = true`)
	s.world.StillUnhealthy("shop-web-1", time.Now(), time.Now().Add(time.Hour))
	s.until(`happenings.children.length === 2 && happenings.children[1].touched`)
	s.says("#incident-facts", "Next step")
	s.world.Recovered("shop-web-1", time.Now())
	s.says("#incident-state", "Over")
	s.must(s.Key(kb.Escape))
	s.until(`!incident.open && document.activeElement.dataset.incident`) // the card is gone: its bar or its line has the focus
	s.quiet()
}

// TestFocusStays: what is redrawn does not lose the focus.
func TestFocusStays(t *testing.T) {
	s := perform(t, "busy", "")
	s.run(`document.querySelectorAll("#cards a")[1].focus(); window.node = document.activeElement; window.from = node.dataset.f`)
	s.world.GaveUp("shop-web-1", time.Now(), time.Now().Add(time.Hour))
	s.says("#cards li:nth-child(1)", "shop-web-1 on box: gave up")
	s.until(`document.activeElement !== node && document.activeElement.dataset.f === from`)
}

// TestTimelineByKeyboard: one stop of the Tab key, arrows from bar to bar.
func TestTimelineByKeyboard(t *testing.T) {
	s := perform(t, "busy", "")
	s.until(`document.querySelectorAll("#lanes .spell[tabindex='0']").length === 1 && document.querySelectorAll("#lanes .mark").length > 20`)
	s.run(`document.querySelector("#lanes .spell[tabindex='0']").focus()`)
	s.run(`window.at = () => document.activeElement.closest("li").querySelector(".who").textContent`)
	s.until(`at() === "shop-web-1"`)
	s.must(s.Key(kb.ArrowLeft))
	s.until(`at() === "shop-web-1" && document.activeElement.querySelector("title").textContent.startsWith("shop-web-1 healthy again on box: ")`)
	s.must(s.Key(kb.ArrowDown))
	s.until(`at() === "shop-db-1" && document.querySelectorAll("#lanes .spell[tabindex='0']").length === 1`)
	s.run(`window.from = document.activeElement.dataset.f`)
	s.world.Restarted("traefik", "x", time.Now()) // redraws all
	s.says("#lanes li", "traefik")
	s.until(`document.activeElement.dataset.f === from`)
	s.must(s.Key(kb.Enter))
	s.says("#incident-title", "shop-db-1 on box: gave up")
	s.must(s.Key(kb.Escape))
	s.until(`!incident.open && document.activeElement.dataset.f === from`)
}

// TestHostile: what containers say is text, whatever it holds.
func TestHostile(t *testing.T) {
	s := perform(t, "hostile", "")
	s.until(`cards.children.length === 4 && document.querySelectorAll("#cards pre").length === 4 && rows.children.length === 8`)
	names := s.text("#rows th > a, #rows th > bdi")
	for _, name := range fake.Hostile() {
		if strings.ContainsAny(name, "\u202e\u2067\x1b") || len(name) > 200 {
			continue
		}
		if !strings.Contains(names, name) {
			t.Errorf("%q is not shown as it is in:\n%s", name, names)
		}
	}
	for _, mark := range []string{"\u202e", "\u2067", "\u2069", "\x1b"} {
		if all := s.text("body"); strings.Contains(all, mark) {
			t.Errorf("the page holds %+q", mark)
		}
	}
	s.run(`document.querySelector("#cards a").click()`)
	s.until(`happenings.querySelector("pre + button")`)
	if n := s.number(`happenings.textContent.length`); n > 60_000 {
		t.Errorf("a megabyte is shown as %v characters", n)
	}
	s.run(`happenings.querySelector("pre + button").click()`)
	s.until(`document.activeElement.matches("pre") && document.activeElement.textContent.length > 190_000`)
	s.until(`!document.querySelector("main img, main script, dialog img, dialog script, dialog b b") && !document.title.startsWith("pwned")`)
	// Every text that may be hostile is isolated: its direction ends with it.
	s.until(`document.querySelectorAll("bdi").length > 60 && [...document.querySelectorAll("bdi")].every(n => getComputedStyle(n).unicodeBidi.startsWith("isolate"))`)
	s.until(`alerts.querySelector(".said").getAttribute("style") === null`)
	s.quiet()
}
