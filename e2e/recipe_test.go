package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// recipe gives the Compose file of SECURITY.md.
func recipe(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "<!-- recipe: held by TestRecipe in e2e -->\n```yaml\n")
	file, _, closed := strings.Cut(rest, "```\n")
	if !found || !closed {
		t.Fatal("SECURITY.md has no recipe")
	}
	return file
}

// block gives the lines below a heading of a Compose file that are indented more
// than it, without their comments.
func block(t *testing.T, file, heading string) []string {
	t.Helper()
	var lines []string
	within := -1
	for line := range strings.Lines(file) {
		line, _, _ = strings.Cut(strings.TrimRight(line, "\n"), "  #")
		depth := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case within >= 0 && depth <= within && line != "":
			return lines
		case within >= 0 && line != "":
			lines = append(lines, line)
		case strings.TrimSpace(line) == heading+":":
			within = depth
		}
	}
	if len(lines) == 0 {
		t.Fatalf("the recipe has no %s", heading)
	}
	return lines
}

// environment gives the variables of a service of the recipe.
func environment(t *testing.T, service string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, line := range block(t, strings.Join(block(t, recipe(t), service), "\n"), "environment") {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		all[name] = strings.TrimSpace(value)
	}
	return all
}

// gate is what docker-socket-proxy lets through with its variables, by the rules
// of its commit 05ee763, as HAProxy has shown in front of a real engine. All
// patterns match the beginning of what follows the version.
func gate(variables map[string]string) func(r *http.Request) bool {
	on := func(name, preset string) bool {
		if value, set := variables[name]; set {
			return value == "1"
		}
		return preset == "1"
	}
	type rule struct{ variable, preset, path string }
	rules := []rule{
		{"ALLOW_RESTARTS", "0", `/containers/[a-zA-Z0-9_.-]+/(stop|restart|kill)`},
		{"ALLOW_START", "0", `/containers/[a-zA-Z0-9_.-]+/start`},
		{"ALLOW_STOP", "0", `/containers/[a-zA-Z0-9_.-]+/stop`},
		{"CONTAINERS", "0", `/containers`}, {"EVENTS", "1", `/events`}, {"PING", "1", `/_ping`}, {"VERSION", "1", `/version`},
		{"INFO", "0", `/info`}, {"EXEC", "0", `/exec`}, {"IMAGES", "0", `/images`}, {"VOLUMES", "0", `/volumes`}, {"NETWORKS", "0", `/networks`},
	}
	return func(r *http.Request) bool {
		if r.Method != http.MethodGet && r.Method != http.MethodHead && !on("POST", "0") {
			return false
		}
		return slices.ContainsFunc(rules, func(u rule) bool {
			return on(u.variable, u.preset) && regexp.MustCompile(`^(/v[0-9.]+)?`+u.path).MatchString(r.URL.Path)
		})
	}
}

// TestRecipeIsCompose: the file of SECURITY.md is one, and takes from defib what
// the text says.
func TestRecipeIsCompose(t *testing.T) {
	needStage(t)
	path := filepath.Join(t.TempDir(), "docker-compose.yml")
	if err := os.WriteFile(path, []byte(recipe(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	compose := composeCommand(t)
	args := slices.Concat(compose[1:], []string{"-f", path, "config", "-q"})
	if out, err := exec.CommandContext(t.Context(), compose[0], args...).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	// docker-compose itself asks for networks when it makes them only.
	own := strings.Join(block(t, recipe(t)[strings.Index(recipe(t), "\nnetworks:\n"):], "networks"), "\n")
	for _, m := range regexp.MustCompile(`networks: \[(.*)\]`).FindAllStringSubmatch(recipe(t), -1) {
		for name := range strings.SplitSeq(m[1], ", ") {
			if name != "default" && !strings.Contains(own, "  "+name+":\n    internal: true") {
				t.Errorf("the recipe has no internal network %s", name)
			}
		}
	}
	defib := strings.Join(block(t, recipe(t), "defib"), "\n")
	for _, want := range []string{`user: "65532:65532"`, "read_only: true", "cap_drop: [ALL]", `security_opt: ["no-new-privileges:true"]`} {
		if !strings.Contains(defib, want) {
			t.Errorf("the recipe's defib has no %s", want)
		}
	}
	if strings.Contains(defib, "docker.sock") {
		t.Error("the recipe's defib has the socket")
	}
}

// TestRecipe: with the rules of SECURITY.md defib heals and is content, as a
// user without rights; and those rules allow what the text says and no more.
func TestRecipe(t *testing.T) {
	s := newScene(t)
	mayRead, mayAct := gate(environment(t, "reader")), gate(environment(t, "restarter"))
	reads, acts := startProxy(t, s.engine, rules{allows: mayRead}), startProxy(t, s.engine, rules{allows: mayAct})
	sick := s.patient("sick", s.watched(), "-sick-runs", "1")
	d := s.defibAt(reads.mount, "-v", acts.folder()+":/acts", "-e", "AUTOHEAL_DOCKER_HOST_WRITE=unix:///acts/docker.sock",
		"-e", "AUTOHEAL_HOST_NAME="+environment(t, "defib")["AUTOHEAL_HOST_NAME"], "--user", "65532:65532")
	sick.isHealed(1)
	s.await("the recovery to be logged", func() bool { return len(d.gave(sick, "recovered")) == 1 })
	s.await("defib to be well", d.isWell)
	d.isConfined("65532")
	if out, err := machine().docker(t.Context(), "exec", d.id, "/defib", "check"); err != nil || strings.Contains(out, "does not allow to") {
		t.Errorf("defib check: %v\n%s", err, out)
	}

	for call, allowed := range map[string]struct{ reader, restarter bool }{
		"GET /v1.41/_ping":                  {true, true},
		"GET /v1.41/containers/json":        {true, false},
		"GET /v1.41/containers/x/json":      {true, false},
		"GET /v1.41/containers/x/logs":      {true, false},
		"GET /v1.41/containers/x/archive":   {true, false},
		"GET /v1.41/containers/x/export":    {true, false},
		"GET /v1.41/containers/x/attach/ws": {true, false},
		"GET /v1.41/events":                 {true, false},
		"POST /v1.41/containers/x/restart":  {false, true},
		"POST /v1.41/containers/x/stop":     {false, true},
		"POST /v1.41/containers/x/kill":     {false, true},
		"POST /v1.41/containers/x/start":    {false, false},
		"POST /v1.41/containers/create":     {false, false},
		"POST /v1.41/containers/x/exec":     {false, false},
		"POST /v1.41/containers/x/update":   {false, false},
		"PUT /v1.41/containers/x/archive":   {false, false},
		"DELETE /v1.41/containers/x":        {false, false},
		"POST /v1.41/exec/x/start":          {false, false},
		"POST /v1.41/images/create":         {false, false},
		"GET /v1.41/volumes":                {false, false},
		"GET /v1.41/networks":               {false, false},
		"GET /v1.41/secrets":                {false, false},
	} {
		method, path, _ := strings.Cut(call, " ")
		r, err := http.NewRequestWithContext(t.Context(), method, "http://engine"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := mayRead(r); got != allowed.reader {
			t.Errorf("%s by the reader: %t; SECURITY.md says %t", call, got, allowed.reader)
		}
		if got := mayAct(r); got != allowed.restarter {
			t.Errorf("%s by the restarter: %t; SECURITY.md says %t", call, got, allowed.restarter)
		}
	}
}
