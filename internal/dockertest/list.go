package dockertest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// list is GET /containers/json, newest first. Called with the lock held.
func (e *Engine) list(q *request) (any, error) {
	f, err := e.parseFilters(q.query.Get("filters"))
	if err != nil {
		return nil, err
	}
	if err := checkListFilters(f); err != nil {
		return nil, err
	}
	limit := 0
	if text := q.query.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil {
			return nil, refuse(http.StatusInternalServerError, "%s", err)
		}
	}
	all, _ := strconv.ParseBool(q.query.Get("all"))
	all = all || limit > 0 || len(f["status"]) > 0 // these imply all
	found := []wireSummary{}
	withHealth := !lessVersion(q.api, "1.52") // fact 3.1
	for _, c := range slices.Backward(e.all) {
		if !c.running && !all || !c.listed(f) {
			continue
		}
		found = append(found, e.summary(c, withHealth))
		if len(found) == limit {
			break
		}
	}
	return found, nil
}

// checkListFilters refuses bad values, and filters that are not simulated
// rather than ignoring them.
func checkListFilters(f filters) error {
	for key := range f {
		switch key {
		case "id", "name", "label", "status", "health", "is-task", "ancestor":
		default:
			return refuse(http.StatusBadRequest, "Invalid filter '%s'", key)
		}
	}
	for v := range f["health"] {
		if !slices.Contains([]string{healthNone, healthStarting, healthHealthy, healthUnhealthy}, v) {
			return refuse(http.StatusBadRequest, "Unrecognised filter value for health: %s", v)
		}
	}
	for v := range f["status"] {
		if !slices.Contains([]string{"created", "running", "paused", "restarting", "removing", "exited", "dead"}, v) {
			return refuse(http.StatusBadRequest, "Invalid filter 'status=%s'", v)
		}
	}
	return nil
}

// listed applies the filters. Health is compared as it was last known, also
// for containers that are paused or have exited (fact 3.2).
func (c *container) listed(f filters) bool {
	if len(f) == 0 {
		return true
	}
	_, task := c.spec.Labels["com.docker.swarm.task.id"]
	if c.podman && c.health == nil && len(f["health"]) > 0 {
		return false // none matches nothing there (fact 9.4)
	}
	return f.exact("health", c.healthStatus()) &&
		f.exact("status", c.status()) &&
		f.pairs("label", c.spec.Labels, false) &&
		f.prefix("id", c.id) &&
		f.pattern("name", "/"+c.name, c.name) &&
		f.exact("is-task", strconv.FormatBool(task)) &&
		(f.exact("ancestor", c.spec.Image) || f.exact("ancestor", untagged(c.spec.Image)))
}

func (e *Engine) summary(c *container, withHealth bool) wireSummary {
	s := wireSummary{
		ID:              c.id,
		Names:           []string{"/" + c.name},
		Image:           c.spec.Image,
		ImageID:         c.imageID,
		Command:         "/app",
		Created:         e.wall(c.created).Unix(),
		Ports:           []struct{}{},
		Labels:          c.spec.Labels,
		State:           c.status(),
		Status:          e.statusText(c),
		NetworkSettings: wireListNetworks{Networks: c.networks()},
		Mounts:          []struct{}{},
	}
	if s.Labels == nil {
		s.Labels = map[string]string{}
	}
	if !e.opts.Podman { // fact 9.4
		s.HostConfig = &wireListHost{NetworkMode: c.networkMode()}
	}
	if withHealth {
		s.Health = &wireListHealth{Status: c.healthStatus()}
		if c.health != nil {
			s.Health.FailingStreak = c.health.streak
		}
	}
	return s
}

// statusText is what docker ps shows. Pause and exit hide the health (fact
// 3.1), Podman never shows it (fact 9.4).
func (e *Engine) statusText(c *container) string {
	up := "Up " + roughly(time.Since(c.startedAt))
	switch {
	case c.restarting:
		return fmt.Sprintf("Restarting (%d) %s ago", c.exitCode, roughly(time.Since(c.finishedAt)))
	case c.running && e.opts.Podman:
		return up
	case c.paused:
		return up + " (Paused)"
	case c.running && c.health == nil:
		return up
	case c.running && c.health.status == healthStarting:
		return up + " (health: starting)"
	case c.running:
		return up + " (" + c.health.status + ")"
	case c.removing:
		return "Removal In Progress"
	case c.starts == 0:
		return "Created"
	}
	return fmt.Sprintf("Exited (%d) %s ago", c.exitCode, roughly(time.Since(c.finishedAt)))
}

// roughly spells a duration as docker ps does.
func roughly(d time.Duration) string {
	const day, week, month, year = 24, 7 * 24, 30 * 24, 365 * 24 // hours
	seconds, minutes, hours := int(d.Seconds()), int(d.Minutes()), int(d.Hours()+0.5)
	switch {
	case seconds < 1:
		return "Less than a second"
	case seconds == 1:
		return "1 second"
	case seconds < 60:
		return fmt.Sprintf("%d seconds", seconds)
	case minutes == 1:
		return "About a minute"
	case minutes < 60:
		return fmt.Sprintf("%d minutes", minutes)
	case hours == 1:
		return "About an hour"
	case hours < 2*day:
		return fmt.Sprintf("%d hours", hours)
	case hours < 2*week:
		return fmt.Sprintf("%d days", hours/day)
	case hours < 2*month:
		return fmt.Sprintf("%d weeks", hours/week)
	case hours < 2*year:
		return fmt.Sprintf("%d months", hours/month)
	}
	return fmt.Sprintf("%d years", int(d.Hours())/year)
}

// stableID gives 64 hex digits for a name.
func stableID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}
