package heal

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The limits of a pause. It always has an end: one that was forgotten must not
// turn healing off for good.
const (
	PauseLeast = time.Minute
	PauseMost  = 7 * 24 * time.Hour

	maxPauses     = 1000 // a file, or a script that runs wild, must not fill the memory
	maxPauseWords = 200  // bytes of a name
)

// Pause is a time in which containers are watched and not touched. With
// neither Project, Service nor Container it is for all.
type Pause struct {
	Project   string    `json:"project,omitempty"`
	Service   string    `json:"service,omitempty"`
	Container string    `json:"container,omitempty"` // by name
	Since     time.Time `json:"since"`
	Until     time.Time `json:"until"`
}

// ParsePause reads what a pause is for: the name of a container, service:NAME,
// project:NAME or project/service; empty: all.
func ParsePause(what string) (Pause, error) {
	what = strings.TrimSpace(what)
	kind, name, named := strings.Cut(what, ":")
	project, service, both := strings.Cut(what, "/")
	var p Pause
	switch {
	case len(what) > maxPauseWords:
		return p, errors.New("is too long for a name")
	case what == "":
	case named && kind == "project":
		p.Project = name
	case named && kind == "service":
		p.Service = name
	case named:
		return p, errors.New(strconv.Quote(what) + ": only service:NAME and project:NAME are known")
	case both && project != "":
		p.Project, p.Service = project, service
	default:
		p.Container = strings.TrimPrefix(what, "/")
	}
	if (named && name == "") || (both && service == "") {
		return p, errors.New(strconv.Quote(what) + ": a name is missing")
	}
	return p, nil
}

// What says what a pause is for, as ParsePause reads it.
func (p Pause) What() string {
	switch {
	case p.Container != "":
		return p.Container
	case p.Project != "" && p.Service != "":
		return p.Project + "/" + p.Service
	case p.Service != "":
		return "service:" + p.Service
	case p.Project != "":
		return "project:" + p.Project
	}
	return "everything"
}

func (p Pause) same(q Pause) bool {
	return p.Project == q.Project && p.Service == q.Service && p.Container == q.Container
}

func (p Pause) covers(c Container) bool {
	return (p.Container == "" || p.Container == c.Name) &&
		(p.Service == "" || p.Service == c.Service) && (p.Project == "" || p.Project == c.Project)
}

// Pauses are the pauses that are in force, of each target one.
type Pauses []Pause

// Add gives the pauses with one more; it replaces one of the same target. It
// refuses what is too short, too long or too many.
func (ps Pauses) Add(p Pause) (Pauses, error) {
	if d := p.Until.Sub(p.Since); d < PauseLeast || d > PauseMost {
		return ps, errors.New("a pause of " + d.String() + ": it must be from 1m to 168h (7 days)")
	}
	rest, _ := ps.Remove(p)
	if len(rest) >= maxPauses {
		return ps, errors.New("there are " + strconv.Itoa(len(rest)) + " pauses already: resume some")
	}
	return append(rest, p), nil
}

// Remove gives the pauses without the one of p's target, and how many that
// ended. A p for everything ends all.
func (ps Pauses) Remove(p Pause) (Pauses, int) {
	all := p.same(Pause{})
	rest := slices.DeleteFunc(slices.Clone(ps), func(q Pause) bool { return all && p.Until.IsZero() || q.same(p) })
	return rest, len(ps) - len(rest)
}

// Left gives how long a container is still paused; zero: it is not.
func (ps Pauses) Left(c Container, now time.Time) time.Duration {
	var left time.Duration
	for _, p := range ps {
		if p.covers(c) {
			left = max(left, p.Until.Sub(now))
		}
	}
	return left
}

// Split parts the pauses in those that go on and those that are over.
func (ps Pauses) Split(now time.Time) (on, over Pauses) {
	for _, p := range ps {
		if p.Until.After(now) {
			on = append(on, p)
		} else {
			over = append(over, p)
		}
	}
	return on, over
}

// End is when the next pause ends; zero: there is none.
func (ps Pauses) End() time.Time {
	var end time.Time
	for _, p := range ps {
		if end.IsZero() || p.Until.Before(end) {
			end = p.Until
		}
	}
	return end
}

// Valid gives the pauses of a file that can be true: of bounded number and
// names, and with an end that is near enough. A clock that was set back does
// not make a pause longer than the longest.
func (ps Pauses) Valid(now time.Time) Pauses {
	var good Pauses
	for _, p := range ps {
		fits := len(p.Project) <= maxPauseWords && len(p.Service) <= maxPauseWords && len(p.Container) <= maxPauseWords
		if fits && len(good) < maxPauses && p.Until.After(now) && p.Until.Sub(now) <= PauseMost {
			good = append(good, p)
		}
	}
	return good
}
