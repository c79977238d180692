package merchant

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Secret is a string that masks itself whenever it is printed, logged or
// marshalled: "***", or "" when empty. Two Secrets are not to be compared by ==.
type Secret struct {
	// A pointer, since fmt looks into unexported fields without asking for
	// methods: of a Secret in there it prints an address.
	value *string
	hint  *string // what Hint tells, where that is not the value's own end
}

// NewSecret wraps a secret value.
func NewSecret(v string) Secret {
	if v == "" {
		return Secret{}
	}
	v = strings.Clone(v) // not a part of a larger text that would stay in memory
	return Secret{value: &v}
}

// Reveal returns the value itself; call it only where it goes on the wire.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// encodedSecret wraps a secret that was made of another, such as the base64 of a key, by which people would not recognise it: its hint
// is that of the other.
func encodedSecret(v, of string) Secret {
	s := NewSecret(v)
	s.hint = NewSecret(of).value
	return s
}

// hintFrom is how long a secret is at least of which anything is told, and hintLength how much that is.
const hintFrom, hintLength = 16, 4

// Hint tells which secret it is, to who knows it: its last four characters, as "…a1f3". It is "" for a short one, of which they
// would give too much away.
func (s Secret) Hint() string {
	of := s.value
	if s.hint != nil {
		of = s.hint
	}
	if of == nil {
		return ""
	}
	plain := []rune(*of)
	if len(plain) < hintFrom {
		return ""
	}
	return "…" + string(plain[len(plain)-hintLength:])
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.value == nil }

// String returns the mask.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return "***"
}

// GoString returns the mask.
func (s Secret) GoString() string { return s.String() }

// Format writes the mask, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// LogValue logs the mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText writes the mask.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON writes the mask.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }
