package notify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

const marker = "MARKER12345"

func TestSecretIsNeverPrinted(t *testing.T) {
	type nested struct {
		Open   Secret
		closed Secret
		inner  *Secret
		list   []Secret
	}
	s := NewSecret(marker)
	values := []any{s, &s, nested{s, s, &s, []Secret{s}}, &nested{s, s, &s, []Secret{s}}, Options{SlackWebhookURL: s, AppriseURL: s}, &Options{WebhookURL: s}}
	for _, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%t", "% x", "%100v"} {
			if got := fmt.Sprintf(verb, value); leaks(got) {
				t.Errorf("%s of %T gives %s", verb, value, got)
			}
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, s); got != "[hidden]" {
			t.Errorf("%s gives %s", verb, got)
		}
		if got := fmt.Sprintf(verb, Secret{}); got != "[not set]" {
			t.Errorf("%s of an empty one gives %s", verb, got)
		}
	}
	if s.String() != "[hidden]" || s.GoString() != "[hidden]" {
		t.Error("String or GoString tells")
	}
	text, err := json.Marshal(map[string]any{"a": s, "b": Secret{}, "c": map[string]*Secret{"d": &s}})
	if want := `{"a":"[hidden]","b":"[not set]","c":{"d":"[hidden]"}}`; err != nil || string(text) != want {
		t.Errorf("JSON is %s, %v", text, err)
	}
	if text, err := s.MarshalText(); err != nil || string(text) != "[hidden]" {
		t.Errorf("text is %s, %v", text, err)
	}
	var b bytes.Buffer
	log := zerolog.New(&b)
	log.Info().Interface("a", values[2]).Any("b", values[4].(Options).SlackWebhookURL).Stringer("c", s).Msg("")
	if leaks(b.String()) {
		t.Error(b.String())
	}
}

// leaks looks for the marker in plain, and in the hexadecimal of %x.
func leaks(text string) bool {
	hex := fmt.Sprintf("%x", marker)
	return strings.Contains(text, marker) || strings.Contains(strings.ToLower(text), hex) ||
		strings.Contains(strings.ToLower(text), fmt.Sprintf("% x", marker))
}

func TestSecretForgivesQuotesAndWhiteSpace(t *testing.T) {
	for text, want := range map[string]string{
		" https://x \n": "https://x", `"https://x"`: "https://x", "'https://x' ": "https://x", `""x""`: `"x"`,
		`"x'`: `"x'`, `"`: `"`, "": "", `""`: "", ` " " `: "",
	} {
		s := NewSecret(text)
		got, err := s.Reveal()
		if got != want || err != nil || s.IsSet() != (want != "") {
			t.Errorf("%q gives %q, %v, set %v", text, got, err, s.IsSet())
		}
		var u Secret
		if err := u.UnmarshalText([]byte(text)); err != nil {
			t.Error(err)
		}
		if again, _ := u.Reveal(); again != want {
			t.Errorf("%q unmarshals to %q", text, again)
		}
	}
}

func TestSecretFileIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hook")
	s := SecretFile(path)
	if _, err := s.Reveal(); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a missing file gives %v", err)
	}
	for _, value := range []string{"first", "second"} {
		write(t, path, "\n"+value+"\n")
		if got, err := s.Reveal(); got != value || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
	for content, why := range map[string]string{" \n": "empty", strings.Repeat(marker, 6000): "more than 65536 bytes"} {
		write(t, path, content)
		_, err := s.Reveal()
		if err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), path) || leaks(err.Error()) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := SecretFile(t.TempDir()).Reveal(); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a directory gives %v", err)
	}
	if !s.IsSet() || SecretFile(" ").IsSet() || s.String() != "[hidden]" {
		t.Error("IsSet or String of a file")
	}
}

func TestRedactorHidesPartsOfURLs(t *testing.T) {
	r := newRedactor()
	r.learn("https://user:pass%2Fword@example.org:8080/services/T000/secretsegment%3D/x?token=abcd%2Fef&on=1#frag")
	for _, text := range []string{
		"user", "pass/word", "pass%2Fword", "secretsegment=", "secretsegment%3D", "abcd/ef", "abcd%2Fef",
		"https://user:pass%2Fword@example.org:8080/services/T000/secretsegment%3D/x?token=abcd%2Fef&on=1#frag",
		"/services/T000/secretsegment%3D/x?token=abcd%2Fef&on=1", "/services/T000/secretsegment=/x", "frag",
		"dXNlcjpwYXNzL3dvcmQ=",
	} {
		if got := r.hide("a " + text + " b"); got != "a [hidden] b" {
			t.Errorf("%s gives %s", text, got)
		}
	}
	if plain := "it answered 401 on example.org:8080"; r.hide(plain) != plain {
		t.Errorf("too much is hidden: %s", r.hide(plain))
	}
}

func TestRedactorHidesWhatACutWouldSplit(t *testing.T) {
	r := newRedactor()
	secret := strings.Repeat("s", 40) + marker
	r.learn(secret)
	for size := range 200 {
		for _, text := range []string{strings.Repeat("x", size) + secret + "tail", strings.Repeat(secret, size)} {
			read := text[:min(len(text), 150)]
			got := r.show(read, 60, len(read) < len(text))
			if strings.Contains(got, "sss") {
				t.Fatalf("%d: %s", size, got)
			}
		}
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
