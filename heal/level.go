package heal

import "errors"

// Level says which notices people want to hear of.
type Level uint8

// The levels. LevelUnset leaves it to what is set elsewhere.
const (
	LevelUnset    Level = iota
	LevelAll            // everything that is news
	LevelFailures       // only what a human must know, and its end
	LevelNone           // nothing
)

// ParseLevel reads all, failures or none.
func ParseLevel(text string) (Level, error) {
	switch text {
	case "all":
		return LevelAll, nil
	case "failures":
		return LevelFailures, nil
	case "none":
		return LevelNone, nil
	}
	return LevelUnset, errors.New("is none of all, failures and none")
}

// String gives the word that ParseLevel reads; empty for LevelUnset.
func (l Level) String() string { return [...]string{"", "all", "failures", "none"}[l] }

// MarshalText gives what String gives.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads what String gives.
func (l *Level) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*l = LevelUnset
		return nil
	}
	var err error
	*l, err = ParseLevel(string(text))
	return err
}

// Or gives the level itself, or another where it is not set.
func (l Level) Or(other Level) Level {
	if l == LevelUnset {
		return other
	}
	return l
}

// Wants tells whether a notice is for those with this level. That an incident
// is over is for those who were told of it, which is not judged here.
func (l Level) Wants(n Notice) bool {
	switch l {
	case LevelNone:
		return false
	case LevelFailures:
		return n.Reason != Restarted && n.Reason != Followed
	default:
		return true
	}
}
