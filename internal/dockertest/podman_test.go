package dockertest_test

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"

	"defib/internal/dockertest"
)

// TestPodman is section 9 of the engine facts.
func TestPodman(t *testing.T) {
	bubble(t, dockertest.Options{Podman: true}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		seen, _ := follow(t, cli)
		e.Run(dockertest.Spec{Name: "web", Labels: map[string]string{"autoheal": "true"}, Health: &dockertest.Health{Interval: time.Second}})
		time.Sleep(2500 * time.Millisecond)
		must(t, e.Sicken("web", "no db"))
		time.Sleep(3 * time.Second)
		must(t, cli.ContainerRestart(t.Context(), "web", seconds(1)))
		health := "health_status"
		equal(t, "events", seen(), []string{
			"create", "init", "start", health, health, health, health, health,
			"restart", "die", "cleanup", "init", "start",
		})
		in, err := cli.ContainerInspect(t.Context(), "web")
		must(t, err)
		if h := in.State.Health; h.Status != "starting" || h.FailingStreak != 3 { // kept, fact 9.4
			t.Errorf("health %+v", h)
		}
		list, err := cli.ContainerList(t.Context(), container.ListOptions{Filters: filters.NewArgs(filters.Arg("health", "starting"))})
		must(t, err)
		if len(list) != 1 || list[0].Status != "Up Less than a second" {
			t.Errorf("list %+v", list)
		}
		v, err := cli.ServerVersion(t.Context())
		must(t, err)
		if v.Components[0].Name != "Podman Engine" || v.MinAPIVersion != "1.24" {
			t.Errorf("version %+v", v)
		}
	})
}

func TestPodmanFilters(t *testing.T) {
	bubble(t, dockertest.Options{Podman: true}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		since := began()
		id := e.Run(dockertest.Spec{Name: "web", Labels: map[string]string{"autoheal": "true"}})
		must(t, e.Crash("web", 3))
		must(t, e.Remove("web", true))
		s := subject{cli: cli}
		for _, c := range []struct {
			f    filters.KeyValuePair
			want []string
		}{
			{filters.Arg("event", "die"), nil},
			{filters.Arg("event", "died"), []string{"die"}},
			{filters.Arg("event", "remove"), []string{"remove"}},
			{filters.Arg("event", "destroy"), nil},
			{filters.Arg("label", "autoheal"), nil},
			{filters.Arg("label", "autoheal=true"), []string{"create", "init", "start", "die", "cleanup", "remove"}},
		} {
			equal(t, c.f.Key+"="+c.f.Value, actions(s.past(t, id, since, c.f)), c.want)
		}
	})
}

// TestModernDialect is fact 2.4 and 3.1: engine 29 speaks differently to old
// and new clients.
func TestModernDialect(t *testing.T) {
	bubble(t, dockertest.Options{Version: "29.7.2"}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		time.Sleep(123456789 * time.Nanosecond)
		e.Run(dockertest.Spec{Name: "web", Health: &dockertest.Health{}})
		must(t, e.SetHealth("web", "unhealthy", ""))
		s := subject{cli: cli}
		for _, c := range []struct {
			version string
			nano    int64
			legacy  bool
		}{{"1.51", 123456800, true}, {"1.55", 123456789, false}} {
			must(t, client.WithVersion(c.version)(cli))
			msgs, _ := cli.Events(t.Context(), events.ListOptions{Since: "1"})
			m := <-msgs
			encoded, err := json.Marshal(m)
			must(t, err)
			legacy := strings.Contains(string(encoded), `"status":"create"`)
			if m.TimeNano%1e9 != c.nano || legacy != c.legacy || m.Action != "create" {
				t.Errorf("API %s: %+v", c.version, m)
			}
		}
		must(t, client.WithVersion("1.39")(cli))
		if _, err := cli.ContainerList(t.Context(), container.ListOptions{}); err == nil || !strings.Contains(err.Error(), "client version 1.39 is too old") {
			t.Errorf("API 1.39: %v", err)
		}
		must(t, client.WithVersion("1.55")(cli))
		if got := s.listed(t, e.State("web").ID, true)[0]; got.Status != "Up Less than a second (unhealthy)" {
			t.Errorf("list %+v", got)
		}
	})
}

// TestOnlyRecentAPI: 29.0 speaks 1.44 to 1.52, with Health in the list from
// there on, and no legacy fields.
func TestOnlyRecentAPI(t *testing.T) {
	bubble(t, dockertest.Options{Version: "29.0.0"}, func(t *testing.T, e *dockertest.Engine, cli *client.Client) {
		e.Run(dockertest.Spec{Name: "web", Health: &dockertest.Health{}})
		for version, ok := range map[string]bool{"1.43": false, "1.44": true, "1.52": true, "1.53": false} {
			must(t, client.WithVersion(version)(cli))
			if _, err := cli.ContainerList(t.Context(), container.ListOptions{}); (err == nil) != ok {
				t.Errorf("API %s: %v", version, err)
			}
		}
		for version, want := range map[string]bool{"1.51": false, "1.52": true} {
			must(t, client.WithVersion(version)(cli))
			list, err := cli.ContainerList(t.Context(), container.ListOptions{})
			must(t, err)
			raw, err := cli.HTTPClient().Get("http://engine/v" + version + "/containers/json") //nolint:noctx // it ends with the bubble
			must(t, err)
			body, err := io.ReadAll(raw.Body)
			must(t, err)
			_ = raw.Body.Close()
			if has := strings.Contains(string(body), `"Health":{"Status":"starting"`); has != want || len(list) != 1 {
				t.Errorf("API %s: Health in the list: %t", version, has)
			}
		}
	})
}
