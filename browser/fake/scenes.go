package fake

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Scene gives a world by name: one of Scenes.
func Scene(name string, now time.Time) (*World, error) {
	make, ok := scenes()[name]
	if !ok {
		return nil, errors.New("no scene is called " + name + ", only " + strings.Join(Scenes(), ", "))
	}
	w := New(now.Add(-74 * time.Hour))
	make(w, now)
	return w, nil
}

// Scenes are the names of the scenes.
func Scenes() []string {
	return []string{"busy", "well", "demo", "empty", "down", "hostile", "thousand", "storm", "paused"}
}

func scenes() map[string]func(*World, time.Time) {
	return map[string]func(*World, time.Time){
		"busy":     busy,
		"well":     well,
		"demo":     func(w *World, now time.Time) { w.Demo(); busy(w, now) },
		"empty":    func(*World, time.Time) {},
		"down":     down,
		"hostile":  hostile,
		"thousand": thousand,
		"storm":    storm,
		"paused":   paused,
	}
}

const refused = "curl: (7) Failed to connect to localhost port 8080 after 0 ms: Connection refused"

// shop adds twenty containers of which fourteen are watched.
func shop(w *World, now time.Time) {
	add := func(project, service string, c Container) {
		c.Project, c.Service = project, service
		or(&c.Name, project+"-"+service+"-1")
		w.Add(c)
	}
	add("shop", "api", Container{Dependents: []string{"shop-worker-1"}})
	add("shop", "db", Container{Image: "postgres:18"})
	add("shop", "mailer", Container{Action: "notify", Rule: "label autoheal=true", Watched: true})
	add("shop", "redis", Container{Image: "valkey/valkey:9"})
	add("shop", "search", Container{Image: "opensearch:3"})
	add("shop", "web", Container{})
	add("shop", "worker", Container{})
	add("media", "jellyfin", Container{Image: "jellyfin/jellyfin:10.11"})
	add("media", "qbittorrent", Container{Image: "linuxserver/qbittorrent"})
	add("media", "vpn", Container{Image: "qmcgaw/gluetun:v3", Dependents: []string{"media-qbittorrent-1"}})
	add("monitoring", "grafana", Container{Image: "grafana/grafana:12"})
	add("monitoring", "prometheus", Container{Image: "prom/prometheus:v3"})
	add("monitoring", "loki", Container{Image: "grafana/loki:3", Health: "none", Warnings: []string{"It has no HEALTHCHECK: nothing tells when it is sick."}})
	w.Add(Container{Name: "traefik", Image: "traefik:v3"})
	for _, name := range []string{"backup", "registry", "pgadmin"} {
		w.Add(Container{Name: name, Image: name + ":2", Health: "none", Rule: "no label autoheal"})
	}
	add("monitoring", "cadvisor", Container{Rule: "label autoheal=false"})
	add("shop", "migrate", Container{State: "exited", Health: "none", Rule: "no label autoheal"})
	w.Add(Container{Name: "defib", Image: "defib:1.4.0", Rule: "it is a defib"})
	last := now.Add(-14 * time.Minute)
	w.Receivers(func([]Receiver) []Receiver {
		return []Receiver{
			{Name: "slack", Place: "hooks.slack.com", Delivered: 41, Last: &last},
			{Name: "pagerduty", Place: "events.pagerduty.com", Delivered: 6, Last: &last},
			{Name: "script", Place: "/hooks/after-restart"},
		}
	})
}

// past adds incidents that are over.
func past(w *World, now time.Time) {
	heal := func(name, output string, ago, took time.Duration, restarts int) {
		for k := range restarts {
			w.Restarted(name, output, now.Add(-ago).Add(time.Duration(k)*took/time.Duration(restarts)))
		}
		w.Recovered(name, now.Add(took-ago))
		w.Change(name, func(c *Container) { c.Restart = 0 })
	}
	heal("traefik", "dial tcp 127.0.0.1:8080: i/o timeout", 50*time.Hour, 50*time.Second, 1)
	heal("shop-search-1", "cluster health is red: 3 of 5 shards unassigned", 26*time.Hour, 9*time.Minute, 3)
	heal("media-jellyfin-1", "wget: server returned error: HTTP/1.1 503 Service Unavailable", 22*time.Hour+20*time.Minute, 95*time.Second, 1)
	heal("shop-search-1", "cluster health is red: 3 of 5 shards unassigned", 19*time.Hour, 41*time.Minute, 4)
	w.Storm(9, 14, []string{"shop-api-1", "shop-web-1", "shop-worker-1", "media-vpn-1"}, now.Add(-13*time.Hour), now.Add(-12*time.Hour-31*time.Minute))
	heal("shop-api-1", "pool exhausted: 50 of 50 in use", 12*time.Hour+52*time.Minute, 12*time.Minute, 2)
	heal("shop-web-1", refused, 12*time.Hour+50*time.Minute, 14*time.Minute, 2)
	for k := range 6 {
		heal("media-vpn-1", "ping: sendto: Network unreachable", 9*time.Hour-time.Duration(k)*47*time.Minute, 75*time.Second, 1)
		heal("media-qbittorrent-1", "no route to host", 9*time.Hour-time.Duration(k)*47*time.Minute-80*time.Second, 40*time.Second, 1)
	}
	heal("shop-api-1", "pool exhausted: 50 of 50 in use", 3*time.Hour+10*time.Minute, 4*time.Minute, 1)
	heal("monitoring-grafana-1", "context deadline exceeded (Client.Timeout exceeded while awaiting headers)", 62*time.Minute, 2*time.Minute, 1)
}

func well(w *World, now time.Time) {
	shop(w, now)
	past(w, now)
}

func busy(w *World, now time.Time) {
	well(w, now)
	out := "psql: error: connection to server on socket \"/var/run/postgresql/.s.PGSQL.5432\" failed:\nFATAL: could not write to file \"pg_wal/xlogtemp.71\": No space left on device"
	for k := range 5 {
		w.Restarted("shop-db-1", out, now.Add(time.Duration(-41+k*5)*time.Minute))
	}
	w.GaveUp("shop-db-1", now.Add(-14*time.Minute), now.Add(16*time.Minute+9*time.Second))
	w.Restarted("shop-web-1", refused, now.Add(-4*time.Minute))
	w.Restarted("shop-web-1", refused, now.Add(-3*time.Minute))
	w.StillUnhealthy("shop-web-1", now.Add(-70*time.Second), now.Add(47*time.Second))
	w.Change("shop-api-1", func(c *Container) {
		c.Phase, c.Health, c.Hold = "failing", "unhealthy", "one that it depends on is healed first"
		c.Outlook = "Waits until shop-db-1 is healed, 2 min at most; then it is restarted."
	})
	since := now.Add(-31 * time.Minute)
	retry := now.Add(24 * time.Minute)
	w.Receivers(func(r []Receiver) []Receiver {
		r[1].Waiting, r[1].Oldest, r[1].Trouble, r[1].Since, r[1].RetryAt = 2, &since, "it answered 503 Service Unavailable", &since, &retry
		return r
	})
	until := now.Add(88 * time.Minute)
	w.Engine(func(e *Engine) { e.Pauses = []Pause{{What: "media/jellyfin", Until: until}} })
	w.Change("media-jellyfin-1", func(c *Container) { c.Paused = &until })
}

func down(w *World, now time.Time) {
	well(w, now)
	gone := now.Add(-130 * time.Second)
	w.Engine(func(e *Engine) {
		e.OK, e.Stream, e.StreamGone, e.LastList = false, false, &gone, &gone
		e.Trouble = "dial unix /var/run/docker.sock: connect: no such file or directory"
		e.Why = "no event stream for 2m10s: " + e.Trouble
	})
	w.Break(Fault{Containers: true})
}

func paused(w *World, now time.Time) {
	well(w, now)
	w.Engine(func(e *Engine) { e.Pauses = []Pause{{What: "everything", Until: now.Add(2 * time.Hour)}} })
}

func storm(w *World, now time.Time) {
	shop(w, now)
	w.Storm(9, 14, []string{"shop-api-1", "shop-web-1"}, now.Add(-3*time.Minute), time.Time{})
	for _, name := range []string{"shop-api-1", "shop-web-1", "shop-worker-1", "media-vpn-1", "media-qbittorrent-1", "traefik", "shop-redis-1"} {
		w.Restarted(name, refused, now.Add(-2*time.Minute))
	}
	w.Exited("shop-search-1", 137, now.Add(-time.Minute))
}

// Hostile are names that a page must show as text.
func Hostile() []string {
	return []string{
		`<img src=x onerror="document.title='pwned'">`,
		`"><script>document.title='pwned'</script>`,
		"invoice\u202egnp.exe",
		"\u2067مرحبا\u2069 left-to-right?",
		strings.Repeat("very-long-name-", 40),
		"tabs\tand\nlines\x1b[31mred",
		"javascript:alert(1)",
		"&lt;b&gt; ${7*7} {{7*7}} %00",
	}
}

func hostile(w *World, now time.Time) {
	for k, name := range Hostile() {
		w.Add(Container{
			Name: name, Image: name, Project: name, Service: name, Health: []string{"healthy", "none", name}[k%3],
			Watched: true, Rule: "label " + name, Outlook: name, Warnings: []string{name}, Dependents: []string{name},
		})
		w.Restarted(name, name+"\n"+strings.Repeat("<b>megabyte</b>", 70_000), now.Add(time.Duration(-k-1)*time.Minute))
		if k%2 == 1 {
			w.Recovered(name, now.Add(time.Duration(-k)*time.Minute+30*time.Second))
		}
	}
	w.Demo()
	w.mu.Lock()
	w.alerts = append(w.alerts, Alert{At: now, Receiver: Hostile()[0], Status: Hostile()[1], Title: Hostile()[1], Text: Hostile()[0], Color: "red;background:url(//x)"})
	w.mu.Unlock()
	w.Engine(func(e *Engine) {
		e.Host, e.Version, e.Why, e.Trouble = Hostile()[0], Hostile()[2], Hostile()[0], Hostile()[1]
	})
	w.Receivers(func([]Receiver) []Receiver {
		return []Receiver{{Name: Hostile()[0], Place: Hostile()[4], Trouble: Hostile()[1], Waiting: 1}}
	})
}

// Thousand is how many containers the scene of that name has.
const Thousand = 1000

func thousand(w *World, now time.Time) {
	for k := range Thousand {
		project := fmt.Sprintf("team%02d", k%25)
		c := Container{Project: project, Service: fmt.Sprintf("svc%d", k/25), Name: fmt.Sprintf("%s-svc%d-1", project, k/25)}
		if k%10 == 9 {
			c.Rule, c.Health = "no label autoheal", "none"
		}
		w.Add(c)
	}
	for k := range 40 {
		name := fmt.Sprintf("team%02d-svc%d-1", k%25, k/5)
		for n := range 3 {
			at := now.Add(-time.Duration(k*31+n*400) * time.Minute)
			w.Restarted(name, refused, at)
			if k > 6 || n > 0 {
				w.Recovered(name, at.Add(3*time.Minute))
			}
		}
	}
}
