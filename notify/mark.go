package notify

import (
	"crypto/sha256"
	"encoding/hex"
)

// mark changes when the secret in a file does; it tells nothing of it. A secret
// that is a value cannot change: its mark is empty.
func (t *target) mark() string {
	if t.secret.file == "" {
		return ""
	}
	text, err := t.secret.Reveal()
	if err != nil {
		return "unreadable"
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

func (s *slack) secretMark() string   { return s.target.mark() }
func (w *webhook) secretMark() string { return w.target.mark() }
func (r *apprise) secretMark() string { return r.target.mark() }
