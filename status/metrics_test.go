package status

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"defib/heal"
)

// exposed is what a scrape holds.
type exposed struct {
	kinds  map[string]string            // of families
	values map[string]float64           // of samples, by name and labels as they are written
	labels map[string]map[string]string // likewise
}

// scrape reads the text format more strictly than Prometheus does: each family
// has a help text, a kind and its samples, in this order and in one piece.
func scrape(text string) (exposed, error) {
	e := exposed{map[string]string{}, map[string]float64{}, map[string]map[string]string{}}
	if !strings.HasSuffix(text, "\n") {
		return e, errors.New("the last line has no end")
	}
	family, helped := "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		var err error
		switch {
		case strings.HasPrefix(line, "# HELP "):
			helped, err = e.help(line)
		case strings.HasPrefix(line, "# TYPE "):
			family, err = e.kind(line, helped)
		default:
			err = e.sample(line, family)
		}
		if err != nil {
			return e, fmt.Errorf("%q: %w", line, err)
		}
	}
	for name := range e.kinds {
		if !slices.ContainsFunc(keys(e.values), func(s string) bool { return nameOf(s) == name }) {
			return e, errors.New(name + " has no samples")
		}
	}
	return e, nil
}

func keys[V any](m map[string]V) (all []string) {
	for k := range m {
		all = append(all, k)
	}
	return all
}

func nameOf(sample string) string { name, _, _ := strings.Cut(sample, "{"); return name }

var (
	helpLine   = regexp.MustCompile(`^# HELP ([a-z][a-z0-9_]*) (\S[^\\]*\.)$`)
	kindLine   = regexp.MustCompile(`^# TYPE (\S+) (counter|gauge)$`)
	sampleLine = regexp.MustCompile(`^([a-z][a-z0-9_]*)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\[\\n"])*",?)+)\})? (-?[0-9]+(?:\.[0-9]+)?)$`)
	labelPart  = regexp.MustCompile(`([a-z]+)="((?:[^"\\]|\\[\\n"])*)"(,|$)`)
)

func (e *exposed) help(line string) (string, error) {
	m := helpLine.FindStringSubmatch(line)
	if m == nil {
		return "", errors.New("is no help line")
	}
	if _, known := e.kinds[m[1]]; known {
		return "", errors.New("the family comes twice")
	}
	return m[1], nil
}

func (e *exposed) kind(line, helped string) (string, error) {
	m := kindLine.FindStringSubmatch(line)
	switch {
	case m == nil:
		return "", errors.New("is no type line")
	case m[1] != helped:
		return "", errors.New("has no help before it")
	case (m[2] == "counter") != strings.HasSuffix(m[1], "_total"):
		return "", errors.New("a counter's name ends in _total, and no other's")
	}
	e.kinds[m[1]] = m[2]
	return m[1], nil
}

func (e *exposed) sample(line, family string) error {
	m := sampleLine.FindStringSubmatch(line)
	if m == nil {
		return errors.New("is no sample")
	}
	if m[1] != family {
		return errors.New("is not of the family " + family)
	}
	labels := map[string]string{}
	rest := m[2]
	for rest != "" {
		l := labelPart.FindStringSubmatchIndex(rest)
		if l == nil || l[0] != 0 {
			return errors.New("has labels that cannot be read")
		}
		name, value := rest[l[2]:l[3]], rest[l[4]:l[5]]
		if _, twice := labels[name]; twice {
			return errors.New("has the label " + name + " twice")
		}
		labels[name] = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\"`, `"`).Replace(value)
		rest = rest[l[1]:]
	}
	id := m[1] + "{" + m[2] + "}"
	if _, twice := e.values[id]; twice {
		return errors.New("comes twice")
	}
	value, err := strconv.ParseFloat(m[3], 64)
	e.values[id], e.labels[id] = value, labels
	return err
}

// scraped is a scrape of a stage.
func scraped(t *testing.T, o Options) exposed {
	t.Helper()
	got := ask(NewServer(o).Handler(), "GET", "/metrics")
	if got.Header().Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("Content-Type %s", got.Header().Get("Content-Type"))
	}
	e, err := scrape(got.Body.String())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestScrapeIsStrict: the check above finds what it must.
func TestScrapeIsStrict(t *testing.T) {
	good := "# HELP a_total One.\n# TYPE a_total counter\na_total{x=\"1\",y=\"2\\\"\"} 1\na_total 2\n# HELP b Two.\n# TYPE b gauge\nb 1.5\n"
	if _, err := scrape(good); err != nil {
		t.Fatal(err)
	}
	for part, other := range map[string]string{
		"b 1.5\n": "b 1.5", "# HELP b Two.\n": "", "# TYPE b gauge\n": "", "a_total 2": "a_total{x=\"1\",y=\"2\\\"\"} 2", "Two.": "", "b gauge": "b counter",
		"b 1.5": "b 1,5", "\nb 1.5": "\nc 1.5", "counter\na_total{x=\"1\",y": "counter\na_total{x=\"1\",x", "\\\"": "\"", "x=": "x-y=", "gauge\nb 1.5\n": "gauge\nb 1.5\na_total 3\n", "\na_total 2": "\n\na_total 2",
		"b gauge\nb 1.5": "b gauge", "# TYPE a_total counter": "# TYPE a_total gauge",
	} {
		bad := strings.Replace(good, part, other, 1)
		if _, err := scrape(bad); err == nil || bad == good {
			t.Errorf("%q passes:\n%s", other, bad)
		}
	}
}

// TestMetrics: a scrape tells what the source does, without a list.
func TestMetrics(t *testing.T) {
	s := fullStage()
	s.past = append(s.past, Incident{ID: "x", Status: "firing"})
	o := options(s)
	for _, n := range []heal.Notice{
		{Reason: heal.Restarted, Incident: "a"}, {Reason: heal.StillUnhealthy, Incident: "a"}, {Reason: heal.Restarted, Incident: "a", Repeat: true}, {Reason: heal.Recovered, Incident: "a"},
		{Reason: heal.RestartFailed, Incident: "b"}, {Reason: heal.RestartFailed, Incident: "b", Verb: heal.Start, Repeat: true}, {Reason: heal.Quarantined, Incident: "c"},
		{Reason: heal.Stormed, Incident: "d"}, {Reason: heal.GaveUp, Incident: "b", Reminder: true},
	} {
		o.Counters.Note(n)
	}
	e := scraped(t, o)
	for id, want := range map[string]float64{
		`defib_up{}`: 1, `defib_engine_stream_connected{}`: 1, `defib_engine_last_list_timestamp_seconds{}`: float64(theDay().Unix()), `defib_pauses{}`: 1, `defib_event_streams{}`: 0,
		`defib_containers_remembered{phase="backing-off"}`: 1, `defib_containers_remembered{phase="gave-up"}`: 0, `defib_containers_watched{}`: 2,
		`defib_restarts_total{outcome="done"}`: 2, `defib_restarts_total{outcome="failed"}`: 2,
		`defib_happenings_total{reason="restarted"}`: 2, `defib_happenings_total{reason="gave-up"}`: 0, `defib_happenings_total{reason="still-unhealthy"}`: 1,
		`defib_incidents_opened_total{reason="restarted"}`: 1, `defib_incidents_opened_total{reason="restart-failed"}`: 1, `defib_incidents_opened_total{reason="still-unhealthy"}`: 0,
		`defib_incidents_opened_total{reason="quarantined"}`: 1, `defib_incidents_resolved_total{reason="quarantined"}`: 1, `defib_incidents_resolved_total{reason="recovered"}`: 1, `defib_incidents_open{}`: 2,
		`defib_alerts_delivered_total{receiver="slack",place="hooks.slack.com:443"}`: 7, `defib_alerts_dropped_total{receiver="slack",place="hooks.slack.com:443"}`: 1,
		`defib_alerts_waiting{receiver="slack",place="hooks.slack.com:443"}`: 2, `defib_receiver_up{receiver="slack",place="hooks.slack.com:443"}`: 0, `defib_receiver_up{receiver="script",place="/hook"}`: 1,
	} {
		if got, there := e.values[id]; !there || got != want {
			t.Errorf("%s is %v, %v; want %v", id, got, there, want)
		}
	}
	started := e.values["process_start_time_seconds{}"]
	if now := float64(time.Now().Unix()); started < now-60 || started > now+1 || e.values["process_resident_memory_bytes{}"] < 1e6 || e.values["process_cpu_seconds_total{}"] <= 0 || e.values["go_goroutines{}"] < 1 {
		t.Errorf("of the process: %v", e.values)
	}
	if n := s.asked.Load(); n != 0 {
		t.Errorf("the engine was asked %d times", n)
	}
	o.Tally = func() Tally { return Tally{Watched: -1} }
	s.engine, s.receivers = Engine{}, nil
	e = scraped(t, o)
	if _, there := e.kinds["defib_containers_watched"]; there {
		t.Error("the watched are counted though they are not known")
	}
	if e.values["defib_engine_last_list_timestamp_seconds{}"] != 0 || e.values["defib_engine_stream_connected{}"] != 0 {
		t.Errorf("of no engine: %v", e.values)
	}
}

// TestCounters: an incident begins and ends once, whenever defib was started.
func TestCounters(t *testing.T) {
	var c Counters
	c.Resume("old")
	for _, n := range []heal.Notice{
		{Reason: heal.StillUnhealthy, Incident: "old"}, {Reason: heal.Recovered, Incident: "old"}, // from before the start
		{Reason: heal.Recovered, Incident: "older"}, // likewise, and not said
		{Reason: heal.WatchBegan, Incident: "start-1"}, {Reason: heal.OnlyTold}, {}, {Reason: 200, Incident: "x"},
		{Reason: heal.Restarted, Incident: "new", Aside: true, Silent: true}, {Reason: heal.Followed, Incident: "new"}, {Reason: heal.RestartFailed, Incident: "stop", Verb: heal.Stop},
	} {
		c.Note(n)
	}
	n := c.now()
	opened, ended := 0, 0
	for r := range n.opened {
		opened += int(n.opened[r])
		ended += int(n.ended[r])
	}
	if opened != 2 || ended != 3 || n.opened[heal.Restarted] != 1 || n.ended[heal.Followed] != 1 || n.done != 1 || n.failed != 0 || n.happened[heal.WatchBegan] != 1 || len(c.open) != 1 {
		t.Errorf("%+v, open %v", n, c.open)
	}
	for i := range 3 * maxOpen {
		c.Note(heal.Notice{Reason: heal.GaveUp, Incident: strconv.Itoa(i)})
	}
	if n := c.now(); len(c.open) > maxOpen || n.opened[heal.GaveUp] != 3*maxOpen {
		t.Errorf("%d are open, %d were opened", len(c.open), n.opened[heal.GaveUp])
	}
}

// TestReceiversOfOnePlace: what their secrets alone tell apart is one in a
// scrape, since two samples of one name would make all of it worthless.
func TestReceiversOfOnePlace(t *testing.T) {
	s := fullStage()
	evil := "a\"b\\c\nd\xff{}"
	s.receivers = []Receiver{{Name: "slack", Place: "h", Delivered: 1, Waiting: 2}, {Name: "slack", Place: "h", Delivered: 10, Dropped: 5, Trouble: "x"}, {Name: evil, Place: evil}}
	e := scraped(t, options(s))
	for id, want := range map[string]float64{
		`defib_alerts_delivered_total{receiver="slack",place="h"}`: 11, `defib_alerts_waiting{receiver="slack",place="h"}`: 2, `defib_receiver_up{receiver="slack",place="h"}`: 0,
	} {
		if got, there := e.values[id]; !there || got != want {
			t.Errorf("%s is %v, %v; want %v", id, got, there, want)
		}
	}
	if !slices.ContainsFunc(keys(e.values), func(id string) bool { return e.labels[id]["place"] == "a\"b\\c\nd\ufffd{}" }) {
		t.Errorf("no %q in %v", evil, keys(e.values))
	}
}

// TestNoLabelGrows: containers and incidents have no samples of their own.
func TestNoLabelGrows(t *testing.T) {
	s := fullStage()
	few := len(scraped(t, options(s)).values)
	o := options(s)
	for i := range 5000 {
		s.past = append(s.past, Incident{ID: strconv.Itoa(i), Container: strconv.Itoa(i)})
		o.Counters.Note(heal.Notice{Reason: heal.GaveUp, Incident: strconv.Itoa(i), Container: heal.Container{Name: strconv.Itoa(i)}})
	}
	if many := len(scraped(t, o).values); many != few || few > 100 {
		t.Errorf("%d samples, then %d", few, many)
	}
}

// used finds the metrics in an expression, with the labels that are compared
// with a value.
var used = regexp.MustCompile(`\b((?:defib|process|go)_[a-z_]+)(?:\{([^}]*)\})?`)

// TestExamples: the alert rules and the dashboard use only what there is.
func TestExamples(t *testing.T) {
	e := scraped(t, options(fullStage()))
	check := func(file, expr string) {
		t.Helper()
		found := used.FindAllStringSubmatch(expr, -1)
		if found == nil && !strings.Contains(expr, "up{") {
			t.Errorf("%s: %s uses no metric", file, expr)
		}
		for _, m := range found {
			if _, there := e.kinds[m[1]]; !there {
				t.Errorf("%s: there is no %s", file, m[1])
			}
			for _, l := range regexp.MustCompile(`([a-z]+)(=~?)"([^"]*)"`).FindAllStringSubmatch(m[2], -1) {
				if l[1] == "job" || l[1] == "instance" {
					continue // Prometheus adds them
				}
				if !slices.ContainsFunc(keys(e.values), func(id string) bool { return nameOf(id) == m[1] && e.labels[id][l[1]] == l[3] }) {
					t.Errorf("%s: %s has no %s", file, m[1], l[0])
				}
			}
		}
		for _, by := range regexp.MustCompile(`by \(([^)]*)\) \([a-z_]*\(?((?:defib|process)_[a-z_]+)`).FindAllStringSubmatch(expr, -1) {
			for _, l := range strings.Split(by[1], ", ") {
				if l != "instance" && !slices.ContainsFunc(keys(e.values), func(id string) bool { return nameOf(id) == by[2] && e.labels[id][l] != "" }) {
					t.Errorf("%s: %s has no label %s", file, by[2], l)
				}
			}
		}
	}
	rules, err := os.ReadFile("../examples/prometheus-alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	exprs := regexp.MustCompile(`(?m)^        expr: (.*)$`).FindAllStringSubmatch(string(rules), -1)
	if n := strings.Count(string(rules), "- alert: "); n != len(exprs) || n == 0 {
		t.Errorf("%d alerts, %d expressions", n, len(exprs))
	}
	for _, m := range exprs {
		check("the rules", m[1])
	}
	text, err := os.ReadFile("../examples/grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr, LegendFormat string }
		}
		Templating struct{ List []struct{ Query string } }
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	if len(board.Panels) == 0 || len(board.Templating.List) != 2 {
		t.Errorf("%d panels, %v", len(board.Panels), board.Templating)
	}
	check("the variable", board.Templating.List[1].Query)
	for i, p := range board.Panels {
		if p.ID != i+1 || p.Title == "" || len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 || p.GridPos.W == 0 || p.GridPos.H == 0 {
			t.Errorf("%+v", p)
		}
		for _, target := range p.Targets {
			check(p.Title, target.Expr)
		}
	}
}
