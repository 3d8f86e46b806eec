package notify

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strings"

	"defib/heal"

	"github.com/rs/zerolog"
)

// Options says who is told and how. Its tags are read by reflection: env is
// the variable, help the sentence about it for people, example a value.
type Options struct {
	SlackWebhookURL   Secret `env:"SLACK_WEBHOOK_URL" help:"Incoming webhook of Slack, Mattermost or Rocket.Chat that is told when something happens and when it is over." example:"https://hooks.slack.com/services/T000/B000/XXXX"`
	WebhookURL        Secret `env:"WEBHOOK_URL" help:"URLs, separated by white space, that get docker-autoheal's JSON message after every restart attempt." example:"https://discord.com/api/webhooks/1234/XXXX"`
	WebhookJSONKey    string `env:"WEBHOOK_JSON_KEY" help:"Name of the JSON field in that message; empty: text for hooks.slack.com, content for all others." example:"text"`
	AppriseURL        Secret `env:"APPRISE_URL" help:"URLs, separated by white space, of configurations in an Apprise API server that are told of every restart attempt." example:"https://apprise.example.org/notify/KEY"`
	PostRestartScript string `env:"POST_RESTART_SCRIPT" help:"Program, with arguments if need be, that is run after every restart attempt; the image has no shell, so it must be a static binary or come in an image of your own that has one." example:"/hook"`

	AlertURLs Secret `env:"AUTOHEAL_ALERT_URLS" help:"URLs of receivers, separated by white space, as their own pages show them: the kind is found by the host, or named in front, as in ntfy+https://ntfy.example.org/alerts." example:"https://hooks.slack.com/services/T000/B000/XXXX"`

	AlertOn heal.Level `env:"AUTOHEAL_ALERT_ON" envDefault:"all" allowed:"all, failures or none" help:"What people are told of: all, only failures (what a human must know, and its end), or none. The label autoheal.alert overrides it for a container, the option level behind the # of a URL for a receiver." example:"failures"`

	CAFile string `env:"AUTOHEAL_ALERT_CA_FILE" help:"File of certificates (PEM) that receivers are trusted by, beside the system's: that of your own authority." example:"/certs/ca.pem"`

	HeartbeatURL Secret `env:"AUTOHEAL_HEARTBEAT_URL" help:"URL that is fetched every minute while defib can do its work, and only then, so that its silence becomes an alert elsewhere: a check of healthchecks.io, a push monitor of Uptime Kuma, or any other." example:"https://hc-ping.com/XXXX"`
	// Alive tells whether defib can do its work, for the heartbeat. It must
	// answer at once. Nil: it cannot.
	Alive func() bool `env:"-"`

	// Host gives the host's name for messages and is asked for each one; it
	// must answer at once. Nil: messages name no host.
	Host func() string `env:"-"`
	// StateDir is the folder under which alerts that wait are kept; empty: in
	// memory only.
	StateDir string `env:"-"`
	// Changed is called when it stands otherwise with a receiver; it must return
	// at once. Nil: nobody wants to know.
	Changed func() `env:"-"`
	// Transport sends the requests; nil: one of this package.
	Transport http.RoundTripper `env:"-"`
}

// receivers builds one receiver for each URL and for the script. The error
// lists everything that is wrong, a line each, and holds no secret.
func receivers(o Options, log zerolog.Logger) ([]receiver, *client, error) {
	secrets := newRedactor()
	learnProxies(secrets)
	var all []receiver
	var problems []error
	roots, err := readRoots(o.CAFile)
	if err != nil {
		problems = append(problems, err)
	}
	c := newClient(o.Transport, roots, secrets)
	add := func(s setting, build func(*target) receiver) {
		found, err := s.targets(secrets)
		if err != nil {
			problems = append(problems, err)
		}
		for _, t := range found {
			all = append(all, build(t))
		}
	}
	add(setting{"SLACK_WEBHOOK_URL", o.SlackWebhookURL, true, slackAddress}, func(t *target) receiver { return slackKind().build(t, c) })
	add(setting{"AUTOHEAL_ALERT_URLS", o.AlertURLs, false, parseAddress}, func(t *target) receiver {
		k, _ := kindNamed(t.kind) // parsing it has found the kind
		return k.build(t, c)
	})
	add(setting{"WEBHOOK_URL", o.WebhookURL, false, plain("webhook")}, func(t *target) receiver { return &webhook{t, c, o.WebhookJSONKey} })
	add(setting{"APPRISE_URL", o.AppriseURL, false, plain("apprise")}, func(t *target) receiver { return &apprise{t, c} })
	if command := strings.Fields(o.PostRestartScript); len(command) > 0 {
		s := &script{command: command, timeout: scriptTimeout, secrets: secrets, log: log}
		if err := s.check(); err != nil {
			log.Warn().Str("receiver", s.name()).AnErr("err", err).Msg("POST_RESTART_SCRIPT cannot be run now")
		}
		all = append(all, s)
	}
	return all, c, errors.Join(problems...)
}

// setting is a variable that holds URLs.
type setting struct {
	variable string
	value    Secret
	single   bool // one URL only
	parse    func(text string) (address, error)
}

// targets gives the URLs that the variable holds, none when it is not set.
func (s setting) targets(secrets *redactor) ([]*target, error) {
	if !s.value.IsSet() {
		return nil, nil
	}
	found, err := targets(s.variable, s.value, secrets, s.parse)
	if err == nil && s.single && len(found) != 1 {
		err = errors.New("it holds white space")
	}
	if err != nil {
		return nil, s.problem(err)
	}
	return found, nil
}

// problem says what is wrong, what is allowed, and how that looks. The variable
// of a secret in a file has a name of its own.
func (s setting) problem(err error) error {
	variable, allowed := s.variable, "URLs, separated by white space"
	if s.value.file != "" {
		variable += "_FILE"
	}
	if s.single {
		allowed = "one http or https URL"
	}
	all := []error{err}
	if joined, many := err.(interface{ Unwrap() []error }); many {
		all = joined.Unwrap()
	}
	for i := range all {
		all[i] = fmt.Errorf("%s: %w; allowed is %s, for example %s", variable, all[i], allowed, example(s.variable))
	}
	return errors.Join(all...)
}

// example gives the tag of the variable's field in Options.
func example(variable string) string {
	for field := range reflect.TypeFor[Options]().Fields() {
		if field.Tag.Get("env") == variable {
			return field.Tag.Get("example")
		}
	}
	return ""
}

// learnProxies makes the addresses of proxies secret too: they may hold a
// password, and the error about a bad one prints it.
func learnProxies(secrets *redactor) {
	for _, variable := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
		if proxy := os.Getenv(variable); proxy != "" {
			secrets.learn(proxy)
		}
	}
}
