package browser

import (
	"strings"
	"testing"
	"time"

	"defib/browser/chrome"
	"defib/browser/fake"

	"github.com/chromedp/chromedp/kb"
)

func TestLoads(t *testing.T) {
	s := perform(t, "busy", "")
	s.says("h1", "defib on box")
	s.says("#headline", "1 container needs a human")
	s.says("#notes", "1 needs a human: shop-db-1")
	s.says("#notes", "2 are being healed: shop-api-1, shop-web-1")
	s.says("#notes", "media/jellyfin is paused until")
	s.says("#facts", "Docker 29.0.2 · defib 1.4.0 · watching for 3 d 2 h")
	s.says("#link", "live")
	s.until(`document.title === "▲ 1 container needs a human · defib on box"`)
	s.says("#cards li", "shop-db-1 on box: gave up after 5 restarts")
	s.says("#cards li pre", "No space left on device")
	s.says("#cards li", "5 of 5 restarts")
	s.until(`/^in 1[56] min/.test(document.querySelector("#cards .next").textContent)`)
	s.until(`document.querySelectorAll("#lanes li").length === 9 && document.querySelectorAll("#lanes .mark").length > 20`)
	s.until(`rows.children.length === 20`)
	s.says("#rows tr", "A human is needed. One more restart is tried, silently.")
	s.says("#receivers li.bad", "Takes nothing since")
	s.says("#receivers li.bad", "it answered 503 Service Unavailable")
	s.says("#engine", "unix:///var/run/docker.sock")
	s.until(`demo.hidden`)
	elsewhere, err := chrome.Eval[[]string](s.Tab, `performance.getEntriesByType("resource").map(r => r.name).filter(n => !n.startsWith(location.origin))`)
	s.must(err)
	if len(elsewhere) > 0 {
		t.Error("loads from elsewhere:", elsewhere)
	}
	s.world.Recovered("shop-web-1", time.Now())
	s.says("#notes", "1 is being healed: shop-api-1")
	if n := s.world.Asked(noDemo); n != 1 {
		t.Errorf("asked %d times whether this is a demo", n)
	}
	s.quiet()
}

func TestIncidentAppearsAndResolves(t *testing.T) {
	s := perform(t, "well", "")
	s.says("#headline", "All 14 watched containers are well")
	s.says("#notes", "The last incident was over")
	s.until(`document.getElementById("open").hidden && !news.textContent`)

	s.world.Restarted("shop-web-1", "connection refused\nno such luck", time.Now())
	s.says("#headline", "1 container is being healed")
	s.says("#cards li", "shop-web-1 unhealthy on box, restarted")
	s.says("#cards pre", "no such luck")
	s.says("#cards", "1 of 5 restarts")
	s.says("#news", "New incident: shop-web-1 unhealthy on box, restarted.")
	s.says("#lanes li", "shop-web-1")
	s.until(`document.querySelector("#lanes li .bar.work")`)
	s.until(`document.documentElement.dataset.level === "work" && document.title.startsWith("◆")`)

	s.world.StillUnhealthy("shop-web-1", time.Now(), time.Now().Add(time.Hour))
	s.says("#cards .next", "in 59 min") // it counts
	s.says("#cards", "Is restarted again (restart 2 of 5) if nothing changes.")

	s.world.GaveUp("shop-web-1", time.Now(), time.Now().Add(time.Hour))
	s.says("#cards .badge", "A human is needed")
	s.until(`document.documentElement.dataset.level === "bad"`)

	s.world.Recovered("shop-web-1", time.Now())
	s.says("#headline", "All 14 watched containers are well")
	s.until(`document.getElementById("open").hidden && !cards.children.length`)
	s.says("#news", "Over: shop-web-1 healthy again on box.")
	s.says("#over li", "shop-web-1 healthy again on box")
	s.quiet()
}

// TestDurationsTick: what lasts is counted, and so is what is to come.
func TestDurationsTick(t *testing.T) {
	s := perform(t, "busy", "")
	s.says("#cards .age", "for 41 min 1")
	s.run(`window.before = document.querySelector("#cards .age").textContent + document.querySelector("#cards .next").textContent`)
	s.until(`document.querySelector("#cards .age").textContent + document.querySelector("#cards .next").textContent !== before`)
}

// TestLeftDown: an incident that ended badly is open for people while the
// container is down.
func TestLeftDown(t *testing.T) {
	s := perform(t, "well", "")
	s.world.Exited("shop-web-1", 137, time.Now())
	s.says("#cards", "shop-web-1 exited on box, exit code 137")
	s.says("#cards .badge", "A human is needed")
	s.says("#headline", "1 container needs a human")
	s.world.Change("shop-web-1", func(c *fake.Container) { c.State, c.Health = "running", "healthy" })
	s.says("#headline", "All 14 watched containers are well")
	s.says("#over li", "ended badly")
}

func TestStates(t *testing.T) {
	for _, c := range []struct{ scene, level, headline, note string }{
		{"empty", "wait", "No container is watched yet", "the label autoheal=true"},
		{"down", "down", "defib cannot do its work: no event stream for 2m10s", "no such file or directory"},
		{"paused", "ok", "All 14 watched containers are well", "Everything is paused until"},
		{"storm", "bad", "1 container needs a human", "7 are being healed"},
	} {
		t.Run(c.scene, func(t *testing.T) {
			s := perform(t, c.scene, "")
			s.says("#headline", c.headline)
			s.says("#notes", c.note)
			s.until(`document.documentElement.dataset.level === "` + c.level + `" && document.querySelector("#state-icon").getAttribute("href") === "#i-` + c.level + `"`)
			s.quiet("/api/v1/containers")
		})
	}
}

// TestEngineDoesNotList: what was known stays, and is said to be old.
func TestEngineDoesNotList(t *testing.T) {
	s := perform(t, "well", "")
	s.until(`rows.children.length === 20 && document.getElementById("all-note").hidden`)
	s.world.Break(fake.Fault{Containers: true})
	s.world.Change("traefik", func(c *fake.Container) { c.Health = "unhealthy" })
	s.says("#all-note", "The containers cannot be listed: list the containers: the engine does not answer. This is how they were at ")
	s.says("#notes", "The containers cannot be listed.")
	s.until(`rows.children.length === 20`)
	s.world.Break(fake.Fault{})
	s.until(`document.getElementById("all-note").hidden`)
	s.says("#headline", "1 container is being healed")
}

// TestFilters: they narrow the table, live in the address, and survive a reload.
func TestFilters(t *testing.T) {
	s := perform(t, "busy", "")
	s.run(`q.focus()`)
	s.keys("shop")
	s.until(`rows.children.length === 8 && location.hash === "#q=shop"`)
	s.run(`document.querySelector("input[value=trouble]").focus()`)
	s.keys(" ")
	s.until(`rows.children.length === 3 && location.hash === "#q=shop&state=trouble"`)
	s.must(s.Key(kb.ArrowRight))
	s.until(`rows.children.length === 7 && location.hash.endsWith("state=watched")`)
	s.must(s.Go("about:blank"))
	s.load("#q=shop&state=watched")
	s.until(`rows.children.length === 7 && q.value === "shop" && document.querySelector("input[value=watched]").checked`)
	s.run(`location.reload()`)
	s.until(`document.documentElement.dataset.ready && rows.children.length === 7 && q.value === "shop"`)

	s.run(`location.hash = "#project=media"`)
	s.until(`rows.children.length === 3 && project.value === "media" && q.value === ""`)
	s.run(`project.value = "-"; project.dispatchEvent(new Event("input", { bubbles: true }))`)
	s.until(`rows.children.length === 5 && location.hash === "#project=-"`)
	s.run(`location.hash = "#state=constructor&q=nobody"`)
	s.says("#all-note", "No container fits these filters.")
	if counts := s.text("#filters b"); counts != "0\n0\n0\n0" {
		t.Error("counts:", strings.ReplaceAll(counts, "\n", " "))
	}
	s.run(`location.hash = ""`)
	s.until(`rows.children.length === 20`)
	s.quiet()
}

// TestFilteredProjectIsGone: a wall screen keeps what it was set to.
func TestFilteredProjectIsGone(t *testing.T) {
	s := perform(t, "busy", "#project=gone")
	s.until(`project.value === "gone" && rows.children.length === 0`)
	s.says("#all-note", "No container fits these filters.")
}

// TestShowAll: what is left out comes on demand, and the keyboard stays where it is.
func TestShowAll(t *testing.T) {
	s := perform(t, "busy", "")
	s.until(`over.children.length === 10`)
	s.run(`document.querySelector("#over-more button").focus()`)
	s.must(s.Key(kb.Enter))
	s.until(`over.children.length === 21 && document.activeElement.id === "over-more"`)
	s.quiet()
}
