package dockertest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/pkg/stdcopy"
)

func answerContracts() []contract {
	return []contract{
		{"ping, version, info", holdSystem},
		{"client too new and too old", holdVersions},
		{"inspect", holdInspect},
		{"list", holdList},
		{"unknown container", holdUnknown},
		{"bad requests", holdBadRequests},
		{"logs", holdLogs},
		{"texts and headers of engine 20.10", holdTexts},
	}
}

func holdSystem(t *testing.T, s subject) {
	ping, err := s.cli.Ping(t.Context())
	if err != nil || ping.OSType != "linux" || ping.APIVersion == "" {
		t.Errorf("ping %+v, %v", ping, err)
	}
	v, err := s.cli.ServerVersion(t.Context())
	if err != nil || v.Components[0].Name != "Engine" || v.APIVersion != ping.APIVersion || v.MinAPIVersion == "" {
		t.Errorf("version %+v, %v", v, err)
	}
	info, err := s.cli.Info(t.Context())
	if err != nil || info.ServerVersion != v.Version || info.Name == "" {
		t.Errorf("info %+v, %v", info, err)
	}
	now, err := time.Parse(time.RFC3339Nano, info.SystemTime)
	if err != nil || time.Since(now).Abs() > time.Minute {
		t.Errorf("system time %s, %v", info.SystemTime, err)
	}
}

func holdVersions(t *testing.T, s subject) {
	_, err := s.api("1.99").ContainerList(t.Context(), container.ListOptions{})
	if err == nil || !strings.Contains(err.Error(), "client version 1.99 is too new. Maximum supported API version is 1.") {
		t.Errorf("too new: %v", err)
	}
	_, err = s.api("1.2").ContainerList(t.Context(), container.ListOptions{})
	if err == nil || !strings.Contains(err.Error(), "client version 1.2 is too old. Minimum supported API version is 1.") {
		t.Errorf("too old: %v", err)
	}
}

func holdInspect(t *testing.T, s subject) {
	id, name := s.run(t, spec{probed: true, grace: 7 * time.Second, signal: "SIGTERM", policy: "unless-stopped"})
	in := s.inspect(t, name)
	switch {
	case in.ID != id || len(id) != 64 || in.Name != "/"+name:
		t.Errorf("id %s, name %s", in.ID, in.Name)
	case !in.State.Running || in.State.Status != "running" || in.State.Pid == 0 || in.State.Paused || in.State.Restarting:
		t.Errorf("state %+v", in.State)
	case in.State.FinishedAt != "0001-01-01T00:00:00Z":
		t.Errorf("finished at %s", in.State.FinishedAt)
	case *in.Config.StopTimeout != 7 || in.Config.StopSignal != "SIGTERM" || in.Config.Image != contractImage:
		t.Errorf("config %+v", in.Config)
	case in.Config.Healthcheck.Interval != probeInterval || in.Config.Healthcheck.Retries != probeRetries:
		t.Errorf("health check %+v", in.Config.Healthcheck)
	case in.HostConfig.RestartPolicy.Name != "unless-stopped" || in.HostConfig.NetworkMode != "none":
		t.Errorf("host config %+v", in.HostConfig)
	}
	started, err := time.Parse(time.RFC3339Nano, in.State.StartedAt)
	if err != nil || time.Since(started).Abs() > time.Minute {
		t.Errorf("started at %s, %v", in.State.StartedAt, err)
	}
	if short := s.inspect(t, id[:12]); short.ID != id {
		t.Errorf("by the short id: %s", short.ID)
	}
}

func holdList(t *testing.T, s subject) {
	own := fmt.Sprintf("defib.contract.list.%d", time.Now().UnixNano())
	older, _ := s.run(t, spec{labels: map[string]string{"autoheal": "true", own: ""}})
	newer, name := s.run(t, spec{created: true, labels: map[string]string{own: ""}})
	label := filters.Arg("label", own)
	list := func(o container.ListOptions, f ...filters.KeyValuePair) []string {
		o.Filters = filters.NewArgs(append(f, label)...)
		found, err := s.cli.ContainerList(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, c := range found {
			ids = append(ids, c.ID)
		}
		return ids
	}
	for _, c := range []struct {
		got  []string
		want string
	}{
		{list(container.ListOptions{All: true}), newer + " " + older},
		{list(container.ListOptions{}), older},
		{list(container.ListOptions{Limit: 1}), newer},
		{list(container.ListOptions{}, filters.Arg("status", "created")), newer},
		{list(container.ListOptions{All: true}, filters.Arg("name", name)), newer},
		{list(container.ListOptions{}, filters.Arg("label", "autoheal=true")), older},
		{list(container.ListOptions{}, filters.Arg("label", "autoheal=false")), ""},
	} {
		if got := strings.Join(c.got, " "); got != c.want {
			t.Errorf("listed %s\n  want %s", got, c.want)
		}
	}
	c := s.listed(t, older, false)[0]
	if c.State != "running" || c.Image != contractImage || c.Labels["autoheal"] != "true" || c.HostConfig.NetworkMode != "none" ||
		!strings.HasPrefix(c.Names[0], "/") {
		t.Errorf("list entry %+v", c)
	}
	if got := s.listed(t, newer, true)[0]; got.State != "created" || got.Status != "Created" {
		t.Errorf("list entry %+v", got)
	}
}

func holdUnknown(t *testing.T, s subject) {
	ctx := t.Context()
	_, inspect := s.cli.ContainerInspect(ctx, "nosuch")
	for what, err := range map[string]error{
		"inspect": inspect,
		"restart": s.cli.ContainerRestart(ctx, "nosuch", container.StopOptions{}),
		"stop":    s.cli.ContainerStop(ctx, "nosuch", container.StopOptions{}),
		"start":   s.cli.ContainerStart(ctx, "nosuch", container.StartOptions{}),
		"kill":    s.cli.ContainerKill(ctx, "nosuch", ""),
		"remove":  s.cli.ContainerRemove(ctx, "nosuch", container.RemoveOptions{}),
	} {
		if !cerrdefs.IsNotFound(err) || !strings.Contains(err.Error(), "No such container: nosuch") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func holdBadRequests(t *testing.T, s subject) {
	ctx := t.Context()
	id, name := s.run(t, spec{})
	other, _ := s.run(t, spec{created: true})
	list := func(key, value string) error {
		_, err := s.cli.ContainerList(ctx, container.ListOptions{Filters: filters.NewArgs(filters.Arg(key, value))})
		return err
	}
	for _, c := range []struct {
		what string
		err  error
		is   func(error) bool
		text string
	}{
		{"bad health filter", list("health", "bogus"), cerrdefs.IsInvalidArgument, ""},
		{"bad status filter", list("status", "bogus"), cerrdefs.IsInvalidArgument, ""},
		{"unknown filter", list("bogus", "x"), cerrdefs.IsInvalidArgument, ""},
		{"remove a running container", s.cli.ContainerRemove(ctx, id, container.RemoveOptions{}), cerrdefs.IsConflict, "running container " + id},
		{"rename to a taken name", s.cli.ContainerRename(ctx, other, name), cerrdefs.IsConflict, "already in use by container"},
		{"kill what does not run", s.cli.ContainerKill(ctx, other, ""), cerrdefs.IsConflict, "is not running"},
		{"pause what does not run", s.cli.ContainerPause(ctx, other), cerrdefs.IsConflict, "is not running"},
		{"bad signal", s.cli.ContainerKill(ctx, id, "BOGUS"), cerrdefs.IsInvalidArgument, "BOGUS"},
	} {
		if c.err == nil || !c.is(c.err) || !strings.Contains(c.err.Error(), c.text) {
			t.Errorf("%s: %v (invalid %t, conflict %t, internal %t)", c.what, c.err,
				cerrdefs.IsInvalidArgument(c.err), cerrdefs.IsConflict(c.err), cerrdefs.IsInternal(c.err))
		}
	}
	if err := errors.Join(
		s.cli.ContainerStart(ctx, id, container.StartOptions{}),  // 304 is not an error
		s.cli.ContainerStop(ctx, other, container.StopOptions{}), // the same
	); err != nil {
		t.Errorf("start of a running, stop of a created: %v", err)
	}
}

func holdLogs(t *testing.T, s subject) {
	id, _ := s.run(t, spec{})
	var text bytes.Buffer
	s.eventually(t, func() bool {
		r, err := s.cli.ContainerLogs(t.Context(), id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: "2"})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Close() }()
		text.Reset()
		if _, err := stdcopy.StdCopy(&text, &text, r); err != nil {
			t.Fatal(err)
		}
		return text.String() == "two\nthree\n"
	}, func() { t.Errorf("logs %q", text.String()) })
}

// holdTexts compares answers word for word; RUN, MADE and PAUSED stand for the
// ids of containers in these states.
func holdTexts(t *testing.T, s subject) {
	if s.major != 20 {
		t.Skip("the texts are those of engine 20.10")
	}
	run, runName := s.run(t, spec{})
	made, madeName := s.run(t, spec{created: true})
	paused, _ := s.run(t, spec{})
	if err := s.cli.ContainerPause(t.Context(), paused); err != nil {
		t.Fatal(err)
	}
	names := strings.NewReplacer("RUNNAME", runName, "MADENAME", madeName, "RUN", run, "MADE", made, "PAUSED", paused)
	for _, c := range rawAnswers() {
		status, text := s.raw(t, c.method, names.Replace(c.path))
		want := names.Replace(c.message)
		if want != "" {
			want = `{"message":"` + want + `"}` + "\n"
		}
		if status != c.status || text != want {
			t.Errorf("%s %s\n got %d %s\nwant %d %s", c.method, c.path, status, text, c.status, want)
		}
	}
}

type rawAnswer struct {
	method, path string
	status       int
	message      string
}

func rawAnswers() []rawAnswer {
	filter := func(text string) string { return "/v1.41/containers/json?filters=" + url.QueryEscape(text) }
	return []rawAnswer{
		{"GET", "/v1.41/nosuch", 404, "page not found"},
		{"GET", "/v9.99/_ping", 400, "client version 9.99 is too new. Maximum supported API version is 1.41"},
		{"POST", "/v1.41/containers/RUN/restart?t=abc", 500, `strconv.Atoi: parsing \"abc\": invalid syntax`},
		{"GET", filter("garbage"), 500, "invalid character 'g' looking for beginning of value"},
		{"GET", filter(`{"health":["bogus"]}`), 400, "Unrecognised filter value for health: bogus"},
		{"GET", filter(`{"status":{"bogus":true}}`), 400, "Invalid filter 'status=bogus'"},
		{"GET", filter(`{"bogus":["x"]}`), 400, "Invalid filter 'bogus'"},
		{"GET", "/v1.41/containers/json?limit=abc", 500, `strconv.Atoi: parsing \"abc\": invalid syntax`},
		{"GET", "/v1.41/events?since=abc", 500, `strconv.ParseInt: parsing \"abc\": invalid syntax`},
		{"GET", "/v1.41/events?since=20&until=10", 400, "`since` time (20) cannot be after `until` time (10)"},
		{"GET", "/v1.41/events?since=1&until=2", 200, ""},
		{"POST", "/v1.41/containers/MADE/stop", 304, ""},
		{"POST", "/v1.41/containers/RUN/start", 304, ""},
		{"POST", "/v1.41/containers/PAUSED/start", 409, "cannot start a paused container, try unpause instead"},
		{"POST", "/v1.41/containers/MADENAME/kill", 409, "Cannot kill container: MADENAME: Container MADE is not running"},
		{"POST", "/v1.41/containers/RUN/kill?signal=BOGUS", 400, "Invalid signal: BOGUS"},
		{"POST", "/v1.41/containers/RUNNAME/kill?signal=99", 500, "Cannot kill container: RUNNAME: The linux daemon does not support signal 99"},
		{"POST", "/v1.41/containers/MADE/pause", 409, "Container MADE is not running"},
		{"POST", "/v1.41/containers/PAUSED/pause", 409, "Container PAUSED is already paused"},
		{"POST", "/v1.41/containers/RUN/unpause", 500, "Container RUN is not paused"},
		{"DELETE", "/v1.41/containers/RUN", 409, "You cannot remove a running container RUN. Stop the container before attempting removal or force remove"},
		{"DELETE", "/v1.41/containers/PAUSED", 409, "You cannot remove a paused container PAUSED. " +
			"Unpause and then stop the container before attempting removal or force remove"},
		{"POST", "/v1.41/containers/MADE/rename?name=RUNNAME", 409, `Error when allocating new name: Conflict. The container name \"/RUNNAME\" ` +
			`is already in use by container \"RUN\". You have to remove (or rename) that container to be able to reuse that name.`},
		{"POST", "/v1.41/containers/MADE/rename?name=MADENAME", 400, "Renaming a container with the same name as its current name"},
		{"POST", "/v1.41/containers/MADE/rename?name=", 400, "Neither old nor new names may be empty"},
		{"GET", "/v1.41/containers/RUN/logs", 400, "Bad parameters: you must choose at least one stream"},
	}
}

// raw makes a request that the client would not make.
func (s subject) raw(t *testing.T, method, path string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://engine"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	server, _, _ := strings.Cut(a.Header.Get("Server"), ".") // distributions lengthen the version
	headers := strings.Join([]string{a.Header.Get("Api-Version"), a.Header.Get("Ostype"), server, a.Header.Get("Docker-Experimental")}, " ")
	want := "1.41 linux Docker/20 false"
	switch {
	case strings.HasSuffix(path, "/nosuch"):
		want = "   "
	case strings.HasPrefix(path, "/v9.99"):
		want = "1.41 linux Docker/20 "
	}
	if headers != want {
		t.Errorf("%s %s: headers %q, want %q", method, path, headers, want)
	}
	if kind := a.Header.Get("Content-Type"); len(text) > 0 && kind != "application/json" {
		t.Errorf("%s %s: content type %s", method, path, kind)
	}
	return a.StatusCode, string(text)
}
