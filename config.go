package main

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/rs/zerolog"

	"defib/heal"
	"defib/internal/spell"
	"defib/notify"
	"defib/watcher"
)

// config is everything that a person can set. The tags are the one place that
// knows a variable: env names it, allowed and example are for the error that a
// wrong value gets, help is for "defib help" and the README's table.
type config struct {
	Watch  watchConfig
	Engine engineConfig
	Notify notify.Options
	Page   pageConfig
	Log    logConfig
}

type watchConfig struct {
	Selection   watcher.Selection `env:"AUTOHEAL_CONTAINER_LABEL" envDefault:"autoheal" allowed:"all, the name of a label that must be true, or label=value" example:"all" help:"Which containers are watched: those on which this label is true, those with label=value, or all."`
	StartPeriod time.Duration     `env:"AUTOHEAL_START_PERIOD" envDefault:"0s" min:"0s" max:"24h" example:"30s" help:"How long to wait after defib's own start before anything is watched."`
	Interval    time.Duration     `env:"AUTOHEAL_INTERVAL" envDefault:"5s" min:"500ms" max:"1h" example:"5s" help:"How often the unhealthy are listed. It is only the safety net: defib acts at once on the engine's events."`
	For         time.Duration     `env:"AUTOHEAL_UNHEALTHY_FOR" envDefault:"0s" min:"0s" max:"24h" example:"1m" help:"How long a container must have been unhealthy before it is treated. The retries of its HEALTHCHECK already wait."`
	Action      heal.Treatment    `env:"AUTOHEAL_ACTION" envDefault:"restart" allowed:"restart, stop, notify or none" example:"restart" help:"What is done about an unhealthy container: restart it, stop it, only tell people, or nothing."`
	StopTimeout *time.Duration    `env:"AUTOHEAL_DEFAULT_STOP_TIMEOUT" min:"0s" max:"24h" example:"10s" help:"How long a container may take to stop before it is killed. Default: the container's own."`
	MaxRestarts int               `env:"AUTOHEAL_MAX_RESTARTS" envDefault:"5" min:"1" max:"100" example:"5" help:"How many restarts within AUTOHEAL_RESTART_WINDOW are tried before defib gives up and calls a human."`
	Window      time.Duration     `env:"AUTOHEAL_RESTART_WINDOW" envDefault:"30m" min:"1m" max:"168h" example:"30m" help:"The time in which AUTOHEAL_MAX_RESTARTS are allowed."`
	Backoff     time.Duration     `env:"AUTOHEAL_BACKOFF" envDefault:"10s" min:"1s" max:"1h" example:"10s" help:"The least time between a container's first restart and its second; it doubles with each one."`
	BackoffMax  time.Duration     `env:"AUTOHEAL_BACKOFF_MAX" envDefault:"5m" min:"1s" max:"24h" example:"5m" help:"What AUTOHEAL_BACKOFF grows to at most."`
	RetryAfter  time.Duration     `env:"AUTOHEAL_RETRY_AFTER" envDefault:"30m" min:"0s" max:"168h" example:"30m" help:"When a single silent restart is tried after giving up; doubles up to 6h. 0 turns it off."`
	Parallel    int               `env:"AUTOHEAL_PARALLEL" envDefault:"8" min:"1" max:"1000" example:"8" help:"How many containers are restarted at the same time."`
	CallTimeout time.Duration     `env:"CURL_TIMEOUT" envDefault:"30s" min:"1s" max:"10m" example:"30s" help:"How long a call to the engine may take. A restart may take its stop timeout on top, so this can be short."`
	StateDir    string            `env:"AUTOHEAL_STATE_DIR" example:"/data" help:"The folder in which defib remembers incidents and budgets over its own restarts. Default: /data in the image; elsewhere, and where it is empty, only memory."`
	LogLines    int               `env:"AUTOHEAL_ALERT_LOG_LINES" envDefault:"0" min:"0" max:"200" example:"20" help:"How many of the last lines of a container's log are kept before it is restarted; the last five are part of the alert. They may hold secrets: 0 by default."`
	Greet       bool              `env:"AUTOHEAL_ALERT_START" envDefault:"false" allowed:"true or false" example:"true" help:"Whether people are told when defib has started, and how many containers it watches."`
	OnlyRunning bool              `env:"AUTOHEAL_ONLY_MONITOR_RUNNING" envDefault:"false" allowed:"true or false" example:"true" help:"Accepted for docker-autoheal's sake and without effect: paused and restarting containers are never touched."`
}

type engineConfig struct {
	Host       string `env:"DOCKER_HOST" envDefault:"unix:///var/run/docker.sock" example:"tcp://proxy:2375" help:"The engine: unix:///path, tcp://host:port or https://host:port."`
	Sock       string `env:"DOCKER_SOCK" example:"/var/run/docker.sock" help:"docker-autoheal's name for it: a path, tcp://host:port, or tcps://host:port with the TLS files in /certs. It wins over DOCKER_HOST."`
	WriteHost  string `env:"AUTOHEAL_DOCKER_HOST_WRITE" example:"tcp://restarter:2375" help:"A second endpoint for restart, stop and start, so that DOCKER_HOST can be a read-only proxy."`
	TLSVerify  string `env:"DOCKER_TLS_VERIFY" example:"1" help:"Anything but empty: use TLS and check the engine's certificate."`
	CertPath   string `env:"DOCKER_CERT_PATH" example:"/certs" help:"The folder of ca.pem, cert.pem and key.pem for TLS."`
	HostName   string `env:"AUTOHEAL_HOST_NAME" example:"shop-1" help:"The name of this host in messages. Default: the engine's."`
	APIVersion string `env:"DOCKER_API_VERSION" example:"1.41" help:"Pins the version of the engine's API, which is otherwise negotiated."`
}

type logConfig struct {
	Level  zerolog.Level `env:"LOG_LEVEL" envDefault:"info" allowed:"debug, info, warn or error" example:"info" help:"The least important lines that are logged."`
	Format string        `env:"LOG_FORMAT" allowed:"console or json" example:"json" help:"How they are logged. Default: console on a terminal, JSON otherwise."`
}

type pageConfig struct {
	Listen   listenAddress `env:"AUTOHEAL_LISTEN" envDefault:"127.0.0.1:9595" empty:"off" allowed:"host:port with a port from 0 to 65535, :port for all addresses, or off" example:"0.0.0.0:9595" help:"Where the status page, its API and /metrics can be read: host:port, :port for all addresses of the container, or off; empty is off too. The default is reached from within the container's network only."`
	Names    string        `env:"AUTOHEAL_LISTEN_NAMES" example:"status.example.org" help:"Names with a dot by which the page may be asked for where there is no password, separated by commas: those that your proxy gives it. To others it does not answer, since any web page could have one lead to it."`
	Password notify.Secret `env:"AUTOHEAL_LISTEN_PASSWORD" example:"dc29a6f1e7b84d05" help:"What the page asks for, with any user name, before it shows more than whether defib is well. Make it long: wrong ones are slowed down, but never the right one."`
}

// problems is everything that is wrong with a configuration.
type problems []string

// Error lists the problems, one a line; it satisfies error.
func (p problems) Error() string { return strings.Join(p, "\n") }

// add notes a value that is not allowed.
func (p *problems) add(f field, value string) {
	*p = append(*p, fmt.Sprintf("%s=%.100q: must be %s, such as %s=%s", f.name, value, f.allowed(), f.name, f.example))
}

// addUnread notes a value that could not be read, and marks its field.
func (p *problems) addUnread(e error, fields []field, vars map[string]string) {
	var one env.ParseError
	if errors.As(e, &one) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.goName == one.Name })
		if i >= 0 {
			p.add(fields[i], vars[fields[i].name])
			fields[i].failed = true
			return
		}
	}
	*p = append(*p, "the configuration cannot be read: "+e.Error())
}

// load reads the configuration from an environment. It gives all problems at
// once; what people should know of though it is no error comes back as
// warnings.
func load(environ []string) (config, []string, problems) {
	var c config
	var wrong problems
	fields := fieldsOf(reflect.ValueOf(&c).Elem())
	vars := cleaned(environ, fields)
	var all env.AggregateError
	if errors.As(env.ParseWithOptions(&c, env.Options{Environment: vars, FuncMap: parsers()}), &all) {
		for _, e := range all.Errors {
			wrong.addUnread(e, fields, vars)
		}
	}
	for _, f := range fields {
		if !f.failed && !f.within() {
			wrong.add(f, vars[f.name])
		}
	}
	wrong = append(wrong, secretFiles(fields, vars)...)
	if !slices.Contains([]string{"", "json", "console"}, c.Log.Format) {
		wrong = append(wrong, fmt.Sprintf("LOG_FORMAT=%.100q: must be console or json, such as LOG_FORMAT=json", c.Log.Format))
	}
	if len(wrong) == 0 && c.Watch.BackoffMax < c.Watch.Backoff {
		wrong = append(wrong, fmt.Sprintf("AUTOHEAL_BACKOFF_MAX=%s: must not be less than AUTOHEAL_BACKOFF=%s", c.Watch.BackoffMax, c.Watch.Backoff))
	}
	return c, append(unknown(vars, fields), c.Page.warnings()...), wrong
}

// cleaned takes an environment apart. Spaces around a value and one pair of
// quotes, which Compose's list syntax keeps, are forgiven; an empty variable
// is an unset one, unless its field says what it means.
func cleaned(environ []string, fields []field) map[string]string {
	vars, meant := map[string]string{}, map[string]string{}
	for _, f := range fields {
		meant[f.name] = f.empty
	}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		value = strings.TrimSpace(value)
		if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = strings.TrimSpace(value[1 : n-1])
		}
		if value = cmp.Or(value, meant[name]); value != "" {
			vars[name] = value
		}
	}
	return vars
}

// parsers reads the types that env does not know, or knows too narrowly.
func parsers() map[reflect.Type]env.ParserFunc {
	return map[reflect.Type]env.ParserFunc{
		reflect.TypeFor[time.Duration]():     func(s string) (any, error) { return watcher.ParseDuration(s) },
		reflect.TypeFor[watcher.Selection](): func(s string) (any, error) { return watcher.ParseSelection(s) },
		reflect.TypeFor[heal.Treatment]():    func(s string) (any, error) { return watcher.ParseTreatment(s) },
		reflect.TypeFor[heal.Level]():        func(s string) (any, error) { return heal.ParseLevel(strings.ToLower(s)) },
		reflect.TypeFor[listenAddress]():     func(s string) (any, error) { return parseListen(s) },
		reflect.TypeFor[bool]():              func(s string) (any, error) { return watcher.ParseBool(s) },
		reflect.TypeFor[zerolog.Level](): func(s string) (any, error) {
			l, err := zerolog.ParseLevel(strings.ToLower(s))
			if err == nil && (l < zerolog.TraceLevel || l > zerolog.ErrorLevel) {
				err = errors.New("is no level")
			}
			return l, err
		},
	}
}

// unknown warns of variables that look like defib's and are not.
func unknown(vars map[string]string, fields []field) []string {
	var known, warnings []string
	for _, f := range fields {
		known = append(known, f.name)
		if f.secret {
			known = append(known, f.name+"_FILE")
		}
	}
	for name := range vars {
		if !strings.HasPrefix(name, "AUTOHEAL_") || slices.Contains(known, name) {
			continue
		}
		text := name + " does not exist and is ignored"
		if near, ok := spell.Nearest(name, known); ok {
			text += ": did you mean " + near + "?"
		}
		warnings = append(warnings, text)
	}
	slices.Sort(warnings)
	return warnings
}
