package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestEngines heals on each series of Docker's engine, in the version of the API
// that it and the client have in common. 29.0 speaks 1.44 to 1.52 and nothing older.
func TestEngines(t *testing.T) {
	for engine, api := range map[string]string{
		"20.10.24": "1.41", "23.0.6": "1.42", "24.0.6": "1.43", "25.0.5": "1.44", "26.1.4": "1.45", "27.5.1": "1.46", "28.0.0": "1.48", "28.5.2": "1.51",
		"29.0.0": "1.51", "29.7.2": "1.51",
	} {
		t.Run(engine, func(t *testing.T) {
			got := tell(t, "engine "+engine+"\ncontainer web\nat 7s sicken web no answer\nat 2m end\n")
			for part, times := range map[string]int{
				fmt.Sprintf(`connected api="%s" endpoint="tcp://engine:2375" engine="Docker %s"`, api, engine): 1,
				"-> ": 1, "-> restart web": 1, "healthy again attempt": 1, "slack: [FIRING] web unhealthy on box, restarted": 1, "slack: [RESOLVED] web healthy again": 1,
			} {
				if n := strings.Count(got, part); n != times {
					t.Errorf("%d times %q; want %d:\n%s", n, part, times, got)
				}
			}
		})
	}
}
