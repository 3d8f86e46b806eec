package notify

import (
	"errors"
	"fmt"
	"strings"

	"defib/heal"
)

// wish is what a receiver is to be told: the level of AUTOHEAL_ALERT_ON, unless
// its own URL has one, and whether it hears of what is over.
type wish struct {
	level heal.Level
	quiet bool // it is not told of what is over
}

// wishOf reads the options of an address.
func wishOf(to address, general heal.Level) wish {
	w := wish{level: general}
	if level, err := heal.ParseLevel(to.options["level"]); err == nil {
		w.level = level
	}
	if resolved, err := yes(to.options["resolved"]); err == nil {
		w.quiet = !resolved
	}
	return w
}

// checkWish tells what is wrong with the options that each kind has.
func checkWish(options map[string]string) error {
	if text, set := options["level"]; set {
		if _, err := heal.ParseLevel(text); err != nil {
			return errors.New("the option level behind its # is none of all, failures and none")
		}
	}
	if text, set := options["resolved"]; set {
		if _, err := yes(text); err != nil {
			return fmt.Errorf("the option resolved behind its # %w", err)
		}
	}
	return nil
}

// yes reads yes and no.
func yes(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "yes", "true", "on", "1":
		return true, nil
	case "no", "false", "off", "0":
		return false, nil
	}
	return false, errors.New("is neither yes nor no")
}

// grants tells whether a notice is for a receiver with this wish. A label on
// the container has the last word on the level. queued tells that a firing one
// of the incident was for it, known that the incident itself is remembered.
func (w wish) grants(n heal.Notice, queued, known bool) bool {
	level := n.Level.Or(w.level)
	switch {
	case !level.Wants(n):
		return false
	case !n.Reason.Resolves():
		return true
	case w.quiet && n.Reason != heal.WatchBegan:
		return false
	case n.Reason == heal.Followed || n.Reason == heal.WatchBegan: // beginning and end in one
		return true
	case n.Unsure: // one may have taken it in the moment before the kill
		return known
	case known:
		return queued
	}
	return level != heal.LevelFailures
}
