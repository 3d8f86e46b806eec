package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"
)

// testAlert sends a test message to every receiver and says of each whether it
// worked.
func testAlert(ctx context.Context, environ []string, stdout, stderr io.Writer) int {
	c, _, wrong := load(environ)
	p, err := assemble(c, zerolog.Nop())
	if wrong = append(wrong, listed(err)...); len(wrong) > 0 {
		complain(stderr, 0, wrong)
		return exitUsage
	}
	results := p.notifier.Test(ctx)
	if len(results) == 0 {
		fmt.Fprintln(stdout, "There is no receiver. Set SLACK_WEBHOOK_URL, for example, to the address that Slack gave you.")
		return exitFailed
	}
	code := exitOK
	for _, r := range results {
		name := r.Receiver
		if r.Host != "" {
			name += " (" + r.Host + ")"
		}
		switch {
		case r.Err != nil:
			code = exitFailed
			fmt.Fprintf(stdout, "%s: failed: %v\n", name, r.Err)
		case r.Skipped != "":
			fmt.Fprintf(stdout, "%s: not tried: %s\n", name, r.Skipped)
		default:
			fmt.Fprintf(stdout, "%s: delivered in %s\n", name, r.Took.Round(time.Millisecond))
		}
	}
	return code
}
