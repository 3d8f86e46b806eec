package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxSecretFile is how many bytes a secret file may have. Docker allows 500 KB,
// but a URL of that size is a wrong file.
const maxSecretFile = 64 << 10

// What a Secret prints as.
const (
	hidden = "[hidden]"
	notSet = "[not set]"
)

// Secret is a URL or token that cannot be printed: every way of formatting,
// logging or marshalling it gives "[hidden]", or "[not set]". It holds either
// the value or the path of a file that is read again at each use, so that a
// rotated secret needs no restart. The zero Secret is not set.
type Secret struct {
	// value is behind a pointer because fmt calls no methods on unexported
	// fields of the structs around it, but prints pointers there as addresses.
	value *string
	file  string
}

// NewSecret gives the secret of that value. White space around it and one pair
// of quotes are forgiven: both come with Compose's list syntax. An empty value
// gives a Secret that is not set.
func NewSecret(value string) Secret {
	value = unquote(value)
	if value == "" {
		return Secret{}
	}
	return Secret{value: &value}
}

// SecretFile gives the secret in the file at path, which is not read yet. An
// empty path gives a Secret that is not set.
func SecretFile(path string) Secret { return Secret{file: strings.TrimSpace(path)} }

// UnmarshalText sets the secret to the value in text, as NewSecret does. It
// never fails: the errors of caarlos0/env print the value.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}

// IsSet tells whether there is a value or the path of a file.
func (s Secret) IsSet() bool { return s.value != nil || s.file != "" }

// Reveal gives the value itself; of a file its present content without white
// space and quotes around it. A Secret that is not set gives "". The error
// names the file and never its content; an empty file is an error.
func (s Secret) Reveal() (string, error) {
	if s.value != nil {
		return *s.value, nil
	}
	if s.file == "" {
		return "", nil
	}
	content, err := readSmall(s.file)
	if err != nil {
		return "", fmt.Errorf("read secret file: %w", err)
	}
	value := unquote(content)
	if value == "" {
		return "", fmt.Errorf("read secret file: %s is empty", s.file)
	}
	return value, nil
}

// readSmall reads a regular file of at most maxSecretFile bytes. Others, such
// as a named pipe, could block for ever.
func readSmall(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	if err := errors.Join(err, file.Close()); err != nil {
		return "", err
	}
	if len(content) > maxSecretFile {
		return "", fmt.Errorf("%s has more than %d bytes", path, maxSecretFile)
	}
	return string(content), nil
}

// unquote removes white space around a value and one pair of quotes.
func unquote(text string) string {
	text = strings.TrimSpace(text)
	last := len(text) - 1
	if last > 0 && (text[0] == '"' || text[0] == '\'') && text[last] == text[0] {
		return strings.TrimSpace(text[1:last])
	}
	return text
}

// String gives "[hidden]", or "[not set]".
func (s Secret) String() string {
	if s.IsSet() {
		return hidden
	}
	return notSet
}

// GoString gives what String gives.
func (s Secret) GoString() string { return s.String() }

// Format writes what String gives, whatever the verb and the flags.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText gives what String gives.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON gives what String gives, in quotes.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }
