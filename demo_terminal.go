package main

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
)

// terminal shows the demo: what the script does and the titles of the alerts on
// the standard output, what defib logs on that of errors.
type terminal struct {
	err    io.Writer
	colour bool

	mu    sync.Mutex
	out   io.Writer
	ended bool // nothing more is shown: what breaks at the end is no news
}

// The colours of a terminal, as ANSI has them.
const (
	colourGrey   = "90"
	colourScene  = "1;36" // bold cyan
	colourBad    = "1;31"
	colourGood   = "1;32"
	colourOther  = "1;33"
	alertGood    = "#2eb67d" // as the Slack receiver marks it
	alertTrouble = "#d63232"
)

func newTerminal(stdout, stderr io.Writer) *terminal {
	f, file := stdout.(*os.File)
	return &terminal{out: stdout, err: stderr, colour: file && isatty.IsTerminal(f.Fd()) && os.Getenv("NO_COLOR") == ""}
}

// greet says what there is to see, and where.
func (t *terminal) greet(at net.Addr, asked, folder string) {
	host, port, _ := net.SplitHostPort(at.String())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = demoHost
	}
	page := "http://" + net.JoinHostPort(host, port) + "/"
	fmt.Fprint(t.out, "defib demo: the real defib, on a Docker engine that is simulated in this process.\n"+
		"It needs no Docker, takes none of your settings, and no message leaves it.\n\n")
	if asked == "" && port != strconv.Itoa(demoPort) {
		fmt.Fprintf(t.out, "  (port %d is taken, so it is on %s)\n", demoPort, port)
	}
	fmt.Fprintf(t.out, "  look at     %s\n  the alerts  %s\n", page, page+chatPath[1:])
	if folder != "" {
		fmt.Fprintf(t.out, "  steer it    AUTOHEAL_STATE_DIR=%s defib pause 5m shop/db\n", folder)
	}
	fmt.Fprint(t.out, "  end it      Ctrl-C\n\nBelow, \"demo\" is what the script does to the containers, \"alert\" is what people\n"+
		"are told, and all else is the log of defib, which does not know the script.\n\n")
}

// scene shows what the script does.
func (t *terminal) scene(text string) { t.line("demo:", colourScene, text) }

// alert shows what people are told.
func (t *terminal) alert(a chatAlert) {
	colour := map[string]string{alertGood: colourGood, alertTrouble: colourBad}[a.Color]
	t.line("alert:", cmp.Or(colour, colourOther), a.Title)
}

func (t *terminal) line(kind, colour, text string) {
	now := time.Now().Format(time.DateTime)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.ended:
	case t.colour:
		fmt.Fprintf(t.out, "\x1b[%sm%s\x1b[0m \x1b[%sm%s\x1b[0m %s\n", colourGrey, now, colour, kind, text)
	default:
		fmt.Fprintf(t.out, "%s %s %s\n", now, kind, text)
	}
}

// end has nothing more shown of what goes on.
func (t *terminal) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
}

// over says that all has ended and is tidied up.
func (t *terminal) over() { fmt.Fprintln(t.out, "\nThe demo is over. Nothing of it is left behind.") }

// Run keeps the log quiet after the end; it satisfies zerolog.Hook.
func (t *terminal) Run(e *zerolog.Event, _ zerolog.Level, _ string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		e.Discard()
	}
}
