package status

import (
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"defib/heal"
)

// metrics answers in Prometheus' text format 0.0.4. The usual client costs 2.4
// MB in the binary, that of VictoriaMetrics 350 KB, and knows no help texts.
// Nothing is labelled by container or incident, and the engine is not asked.
func (s *Server) metrics(rw http.ResponseWriter, _ *http.Request) {
	var e exposition
	s.exposeWatch(&e)
	s.exposeCounts(&e)
	s.exposeReceivers(&e)
	s.exposeProcess(&e)
	rw.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	rw.Header().Set("Content-Length", strconv.Itoa(len(e.text)))
	_, _ = rw.Write(e.text) // whoever asked has gone: nothing to do
}

// exposeWatch tells how the watch itself is doing.
func (s *Server) exposeWatch(e *exposition) {
	now := s.o.Source.Engine()
	e.family("defib_build_info", "gauge", "1, labelled by the versions of defib and of Go.")
	e.sample(1, "version", now.Version, "goversion", runtime.Version())
	e.family("defib_up", "gauge", "1 while defib can do its work, as /healthz has it.")
	e.sample(number(s.o.Health().OK))
	e.family("defib_engine_stream_connected", "gauge", "1 while the stream of the engine's events is open.")
	e.sample(number(now.Stream))
	e.family("defib_engine_last_list_timestamp_seconds", "gauge", "When the engine last answered a list of the unhealthy; 0: not yet.")
	e.sample(seconds(now.LastList))
	e.family("defib_pauses", "gauge", "Pauses by a person that are in force.")
	e.sample(float64(len(now.Pauses)))
	e.family("defib_event_streams", "gauge", "Pages that follow what happens, 64 at most.")
	e.sample(float64(s.streams.Load()))
	if s.o.Tally == nil {
		return
	}
	t := s.o.Tally()
	e.family("defib_containers_remembered", "gauge", "Containers with which something is or was wrong, by the phase of their healing.")
	for phase, n := range t.Phases {
		e.sample(float64(n), "phase", heal.Phase(phase).String())
	}
	if t.Watched >= 0 {
		e.family("defib_containers_watched", "gauge", "Containers that are watched, when they were last counted.")
		e.sample(float64(t.Watched))
	}
}

// exposeCounts tells what has happened since defib's start.
func (s *Server) exposeCounts(e *exposition) {
	n := s.o.Counters.now()
	e.family("defib_restarts_total", "counter", "Restarts and starts of containers, by whether the engine did them.")
	e.sample(float64(n.done), "outcome", "done")
	e.sample(float64(n.failed), "outcome", "failed")
	e.family("defib_happenings_total", "counter", "What happened, by reason, whether people were told or not.")
	for r := heal.Restarted; r <= heal.WatchBegan; r++ {
		if r != heal.Flapping { // it is told of, and made of others
			e.sample(float64(n.happened[r]), "reason", r.String())
		}
	}
	e.family("defib_incidents_opened_total", "counter", "Incidents that began, by the reason that was first told.")
	for r := heal.Restarted; r < heal.Flapping; r++ {
		e.sample(float64(n.opened[r]), "reason", r.String())
	}
	e.family("defib_incidents_resolved_total", "counter", "Incidents that ended, by the reason that ended them.")
	for r := heal.Restarted; r < heal.WatchBegan; r++ {
		if r.Ends() {
			e.sample(float64(n.ended[r]), "reason", r.String())
		}
	}
	e.family("defib_incidents_open", "gauge", "Incidents that are not over.")
	open := 0
	for _, in := range s.o.Source.Incidents() {
		if in.Ended == nil {
			open++
		}
	}
	e.sample(float64(open))
}

// told is what the metrics have of the receivers of one kind at one place.
type told struct {
	name, place                 string
	delivered, dropped, waiting float64
	failing                     bool
}

// exposeReceivers tells how those are doing who are told. Several of one kind at
// one place are one: what tells them apart is secret.
func (s *Server) exposeReceivers(e *exposition) {
	var all []told
	place := map[[2]string]int{}
	for _, r := range s.o.Source.Receivers() {
		key := [2]string{r.Name, r.Place}
		i, known := place[key]
		if !known {
			i = len(all)
			place[key] = i
			all = append(all, told{name: r.Name, place: r.Place})
		}
		all[i].delivered += float64(r.Delivered)
		all[i].dropped += float64(r.Dropped)
		all[i].waiting += float64(r.Waiting)
		all[i].failing = all[i].failing || r.Trouble != ""
	}
	for _, f := range []struct {
		name, kind, help string
		value            func(told) float64
	}{
		{"defib_alerts_delivered_total", "counter", "Alerts that a receiver took.", func(t told) float64 { return t.delivered }},
		{"defib_alerts_dropped_total", "counter", "Alerts that a receiver never got: refused for good, too old or too many.", func(t told) float64 { return t.dropped }},
		{"defib_alerts_waiting", "gauge", "Alerts that wait for a receiver.", func(t told) float64 { return t.waiting }},
		{"defib_receiver_up", "gauge", "1 while a receiver takes alerts, 0 while it is in trouble.", func(t told) float64 { return number(!t.failing) }},
	} {
		if len(all) > 0 {
			e.family(f.name, f.kind, f.help)
		}
		for _, t := range all {
			e.sample(f.value(t), "receiver", t.name, "place", t.place)
		}
	}
}

// exposeProcess tells what defib itself costs.
func (s *Server) exposeProcess(e *exposition) {
	if pages, err := residentPages(); err == nil {
		e.family("process_resident_memory_bytes", "gauge", "Memory of the process that is in RAM.")
		e.sample(pages * float64(os.Getpagesize()))
	}
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) == nil {
		e.family("process_cpu_seconds_total", "counter", "CPU time of the process.")
		e.sample(time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds())
	}
	e.family("process_start_time_seconds", "gauge", "When the process started.")
	e.sample(seconds(&s.began))
	e.family("go_goroutines", "gauge", "Goroutines that exist.")
	e.sample(float64(runtime.NumGoroutine()))
}

// residentPages reads the memory that Linux says the process has in RAM.
func residentPages() (float64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err //nolint:wrapcheck // only whether is asked
	}
	fields := append(strings.Fields(string(text)), "", "")
	return strconv.ParseFloat(fields[1], 64) //nolint:wrapcheck // only whether is asked
}

// number gives 1 for true.
func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// seconds gives a time as Prometheus has it; 0: there is none.
func seconds(t *time.Time) float64 {
	if t == nil || t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

// exposition is metrics in the text format.
type exposition struct {
	text []byte
	name string // of the family at hand
}

// family begins the samples of one name.
func (e *exposition) family(name, kind, help string) {
	e.name = name
	e.text = append(e.text, "# HELP "+name+" "+help+"\n# TYPE "+name+" "+kind+"\n"...)
}

// sample adds one, with labels: a name and a value each.
func (e *exposition) sample(value float64, labels ...string) {
	e.text = append(e.text, e.name...)
	for i := 0; i+1 < len(labels); i += 2 {
		e.text = append(e.text, "{,"[min(i, 1)])
		e.text = append(e.text, labels[i]+`="`+escaped(labels[i+1])+`"`...)
	}
	if len(labels) > 0 {
		e.text = append(e.text, '}')
	}
	e.text = append(e.text, ' ')
	e.text = append(strconv.AppendFloat(e.text, value, 'f', -1, 64), '\n')
}

// escaped gives a label's value as the format wants it.
func escaped(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if !strings.ContainsAny(text, "\\\n\"") {
		return text
	}
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(text)
}
