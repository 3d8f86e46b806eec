package browser

import (
	"testing"
	"time"

	"defib/browser/fake"
)

// TestPolling: without an event stream the page asks every 5 s and says so, and
// follows the stream again when there is one.
func TestPolling(t *testing.T) {
	s := perform(t, "well", "")
	s.says("#link-words", "live")
	s.world.Break(fake.Fault{NoStream: true})
	s.says("#link-words", "no event stream, polling every 5 s")
	s.world.Restarted("traefik", "x", time.Now())
	s.says("#cards", "traefik unhealthy on box, restarted")
	s.world.StillUnhealthy("traefik", time.Now(), time.Now().Add(time.Hour))
	s.says("#cards", "traefik still unhealthy on box after a restart")
	s.until(`link.className === "poll"`)
	s.world.Break(fake.Fault{})
	s.says("#link-words", "live")
	s.world.Recovered("traefik", time.Now())
	s.says("#headline", "All 14 watched containers are well")
	s.quiet("/api/v1/events")
}

// faster lets the page's waits of 30 s and more pass 15 times as fast.
const faster = `{
	const plain = window.setTimeout;
	window.setTimeout = (f, wait, ...rest) => plain(f, wait >= 30000 ? wait / 15 : wait, ...rest);
}`

// TestSilentStream: a stream on which not even heartbeats come is given up.
func TestSilentStream(t *testing.T) {
	s := perform(t, "well", "", faster)
	s.server.Beat = time.Hour // of the next stream
	s.world.Break(fake.Fault{NoStream: true})
	s.says("#link-words", "polling")
	s.world.Break(fake.Fault{})
	s.says("#link-words", "live")
	s.world.Break(fake.Fault{Silent: true}) // the one after it tells nothing at all
	s.says("#link-words", "polling")
	s.world.Restarted("traefik", "x", time.Now())
	s.says("#cards", "traefik unhealthy on box, restarted")
	s.quiet("/api/v1/events", "AbortError")
}

// TestHeartbeats: a stream that only beats is alive.
func TestHeartbeats(t *testing.T) {
	w, err := fake.Scene("well", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s := show(t, w, faster)
	s.server.Beat = 500 * time.Millisecond
	s.load("")
	s.says("#link-words", "live")
	time.Sleep(7 * time.Second) // twice the time after which silence counts
	s.says("#link-words", "live")
	if n := s.world.Asked("/api/v1/events"); n != 1 {
		t.Errorf("the stream was opened %d times", n)
	}
	s.quiet()
}

// TestServerGone: it is said plainly, what was known stays, and all is well when
// it is back.
func TestServerGone(t *testing.T) {
	s := perform(t, "busy", "#state=trouble")
	s.until(`rows.children.length === 3`)
	s.server.Stop()
	s.until(`/^defib does not answer since \d\d:\d\d$/.test(headline.textContent)`)
	s.says("#notes", "It has been silent for")
	s.says("#notes", "What you see is what was known then.")
	s.says("#link-words", "no answer")
	s.until(`document.title.startsWith("? defib does not answer since")`)
	s.until(`rows.children.length === 3 && cards.children.length === 2`)
	s.until(`getComputedStyle(document.querySelector("#all")).filter === "grayscale(1)"`)
	s.run(`window.age = document.querySelector("#cards .age").textContent`)
	time.Sleep(2200 * time.Millisecond)
	s.until(`document.querySelector("#cards .age").textContent === age`) // nobody knows
	s.faultless("contrast", "gone")
	s.world.Recovered("shop-web-1", time.Now())
	s.must(s.server.Start())
	s.says("#notes", "1 is being healed: shop-api-1")
	s.says("#link-words", "live")
	s.until(`rows.children.length === 2 && getComputedStyle(document.querySelector("#all")).filter === "none"`)
	s.quiet("net::ERR", "Failed to load")
}

// TestProxyWithoutDefib: a proxy that answers is no defib.
func TestProxyWithoutDefib(t *testing.T) {
	s := perform(t, "well", "")
	s.world.Break(fake.Fault{NoStream: true, Proxy: 502})
	s.says("#headline", "defib does not answer since")
	s.world.Break(fake.Fault{})
	s.says("#headline", "All 14 watched containers are well")
}

// TestStreamEnds: a stream that ends, as each does after an hour, is followed by
// the next one, and nobody is alarmed.
func TestStreamEnds(t *testing.T) {
	s := perform(t, "well", "")
	s.run(`window.was = []; new MutationObserver(() => was.push(document.getElementById("link").className)).observe(document.getElementById("link"), { attributes: true })`)
	s.world.Break(fake.Fault{NoStream: true})
	time.Sleep(200 * time.Millisecond)
	s.world.Break(fake.Fault{})
	time.Sleep(2500 * time.Millisecond)
	s.world.Restarted("traefik", "x", time.Now())
	s.says("#cards", "traefik unhealthy on box, restarted")
	s.until(`!was.includes("poll")`)
	s.quiet("/api/v1/events")
}

// TestShortRestart: a defib that is back at once is not told of as gone.
func TestShortRestart(t *testing.T) {
	s := perform(t, "well", "")
	s.run(`window.was = []; new MutationObserver(() => was.push(document.documentElement.dataset.level)).observe(document.documentElement, { attributes: true })`)
	s.server.Stop()
	time.Sleep(2200 * time.Millisecond)
	s.must(s.server.Start())
	time.Sleep(2 * time.Second)
	s.says("#link-words", "live")
	s.until(`!was.includes("gone") && headline.textContent.startsWith("All 14")`)
}

// TestSlowServer: the page says that it waits, and shows what comes as it comes.
func TestSlowServer(t *testing.T) {
	w, err := fake.Scene("well", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	w.Break(fake.Fault{Delay: 2 * time.Second})
	s := show(t, w)
	s.load("")
	s.says("#headline", "Asking defib…")
	s.says("#all-note", "Asking…")
	s.says("#headline", "All 14 watched containers are well")
	s.quiet()
}

// TestSkew: ages are by the server's clock, whatever this screen's is.
func TestSkew(t *testing.T) {
	for _, skew := range []time.Duration{-3 * time.Hour, 26 * time.Hour} {
		now := time.Now().Add(skew)
		w, err := fake.Scene("busy", now)
		if err != nil {
			t.Fatal(err)
		}
		w.Break(fake.Fault{Skew: skew})
		s := show(t, w)
		s.load("")
		s.says("#cards .age", "for 41 min 1")
		s.says("#cards .next", "in 1")
		s.until(`/^in 1[56] min/.test(document.querySelector("#cards .next").textContent)`)
		s.until(`lanes.children.length === 9`)
	}
}

// TestCoalescing: however often something changes, the containers are asked for
// every 2 s at most, and only what has changed is.
func TestCoalescing(t *testing.T) {
	s := perform(t, "well", "")
	time.Sleep(2500 * time.Millisecond)
	containers, receivers := s.world.Asked("/api/v1/containers"), s.world.Asked("/api/v1/receivers")
	for k := range 60 {
		s.world.Change("traefik", func(c *fake.Container) { c.Restart = k })
		time.Sleep(100 * time.Millisecond)
	}
	s.until(`[...document.querySelectorAll("#rows tr")].some(r => r.textContent.includes("59 of 5"))`)
	if n := s.world.Asked("/api/v1/containers") - containers; n < 2 || n > 5 {
		t.Errorf("the containers were asked for %d times in 6 s", n)
	}
	if n := s.world.Asked("/api/v1/receivers") - receivers; n != 0 {
		t.Errorf("the receivers, of which nothing changed, were asked for %d times", n)
	}
}

// TestDemoMessages: where there is a demo, its messages are shown.
func TestDemoMessages(t *testing.T) {
	s := perform(t, "demo", "")
	s.until(`!demo.hidden && alerts.children.length > 5`)
	s.says("#alerts li:first-child", "[FIRING] shop-web-1 still unhealthy on box after a restart")
	s.world.Recovered("shop-web-1", time.Now())
	s.says("#alerts li:first-child", "[RESOLVED] shop-web-1 healthy again on box")
	s.until(`alerts.querySelector(".said").style.borderLeftColor === "rgb(46, 182, 125)"`)
	s.quiet()
}

// TestNewVersion: a wall screen that outlives an update of defib shows its new page.
func TestNewVersion(t *testing.T) {
	s := perform(t, "well", "#state=watched")
	s.run(`window.old = true`)
	s.world.Engine(func(e *fake.Engine) { e.Version = "1.5.0" })
	s.until(`!window.old && location.hash === "#state=watched" && facts.textContent.includes("1.5.0")`)
}
