package spell

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"AUTOHEAL_INTERVAL", "AUTOHEAL_START_PERIOD", "AUTOHEAL_ACTION", "autoheal.stop.timeout"}
	for word, want := range map[string]string{
		"AUTOHEAL_INTERVALL":    "AUTOHEAL_INTERVAL",
		"AUTOHEAL_INTERVALS":    "AUTOHEAL_INTERVAL",
		"AUTOHEAL_STARTPERIOD":  "AUTOHEAL_START_PERIOD",
		"autoheal.stop-timeout": "autoheal.stop.timeout",
		"COLOUR":                "",
		"AUTOHEAL_COLOUR":       "",
		"autoheal.colour":       "",
		"":                      "",
	} {
		got, ok := Nearest(word, known)
		if got != want || ok != (want != "") {
			t.Errorf("Nearest(%q) = %q, %v; want %q", word, got, ok, want)
		}
	}
}
