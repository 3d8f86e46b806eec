package notify

import (
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"web":                          "web",
		"  web\t\n":                    "web",
		"a\x1b[31;1mred\x1b[0mb":       "aredb",
		"a\x1b]0;title\ab":             "ab",
		"a\x1b]8;;http://x\x1b\\b":     "ab",
		"a\x1bPdcs\x1b\\b\x1bcd":       "abd",
		"a\x1b(B\x1b[mb\x1b=":          "ab",
		"a\u009b2Jb":                   "ab",
		"a\x1b":                        "a",
		"a\x00b\x7fc\u0085d\re":        "a b c d e",
		"a\nb\u2028c":                  "a b c",
		"evil\u202egnp.exe\u2066x":     "evilgnp.exex",
		"bad\xff\xfeutf":               "bad��utf",
		strings.Repeat("é", 100):       strings.Repeat("é", 100),
		strings.Repeat("é", 101):       strings.Repeat("é", 99) + "…",
		strings.Repeat("a", 1<<20):     strings.Repeat("a", 99) + "…",
		strings.Repeat("\x1b[0m", 999): "…",
		"":                             "",
	} {
		if got := clean(text, 100); got != want {
			t.Errorf("%.40q gives %q, not %q", text, got, want)
		}
	}
	if got := cleanLines("one\r\n\ttwo\x1b[2K\n", 100); got != "one \n two" {
		t.Errorf("lines give %q", got)
	}
}

func TestCleanIsCheapForHugeTexts(t *testing.T) {
	huge := strings.Repeat("x\u202e", 1<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	clean(huge, maxOutput)
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 100<<10 {
		t.Errorf("%d bytes were allocated", used)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b[31m\u202eb\xff", uint8(5))
	f.Add("\x1b]0;", uint8(0))
	f.Fuzz(func(t *testing.T, text string, limit uint8) {
		runes := int(limit) + 1
		got := clean(text, runes)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > runes {
			t.Errorf("%q", got)
		}
		if strings.ContainsAny(got, "\x1b\n\r\x00\u202e\u2066\u009b") {
			t.Errorf("%q", got)
		}
		if cut := cutBytes(text, runes+3); len(cut) > runes+3 {
			t.Errorf("%q", cut)
		}
	})
}

func TestInWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "less than 0.1 s", 0: "less than 0.1 s", 1200 * time.Millisecond: "1.2 s", 2 * time.Second: "2 s",
		9980 * time.Millisecond: "10 s", 12 * time.Second: "12 s", 59900 * time.Millisecond: "1 min",
		90 * time.Second: "1 min 30 s", time.Hour - time.Millisecond: "1 h", 65 * time.Minute: "1 h 5 min",
		24*time.Hour - time.Second: "1 d", 49 * time.Hour: "2 d 1 h", 48 * time.Hour: "2 d",
	} {
		if got := inWords(d); got != want {
			t.Errorf("%s gives %q, not %q", d, got, want)
		}
	}
}
