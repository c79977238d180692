package api

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Tokens are the bearer tokens that open the API, each with a name that may be logged. The zero value has none. It holds hashes
// only, so that printing it shows no token.
type Tokens struct{ all []token }

type token struct {
	name string
	sum  [sha256.Size]byte
}

// NewTokens takes tokens by their names. It refuses tokens that are empty or can not be sent in a header, and one that has two
// names. Errors show names only.
func NewTokens(byName map[string]string) (Tokens, error) {
	var t Tokens
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		secret := byName[name]
		if secret == "" || strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }) {
			errs = append(errs, fmt.Errorf("token %q: use one or more visible ASCII characters, without spaces", name))
			continue
		}
		if other, taken := t.NameOf(secret); taken {
			errs = append(errs, fmt.Errorf("token %q: it is the same as %q; give each its own", name, other))
			continue
		}
		t.all = append(t.all, token{name, sha256.Sum256([]byte(secret))})
	}
	return t, errors.Join(errs...)
}

// None reports whether there is no token, and so no door to lock.
func (t Tokens) None() bool { return len(t.all) == 0 }

// NameOf returns the name of a token. It takes the same time whichever it is, and whether it is one.
func (t Tokens) NameOf(secret string) (name string, found bool) {
	sum, at := sha256.Sum256([]byte(secret)), -1
	for i := range t.all {
		at = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], t.all[i].sum[:]), i, at)
	}
	if at < 0 {
		return "", false
	}
	return t.all[at].name, true
}

// Key derives a key of 32 bytes from a token, for one purpose. It is the same in every process that has the token, and another one
// once the token changes.
func (t Tokens) Key(name, purpose string) (key []byte, found bool) {
	for _, one := range t.all {
		if one.name == name {
			key, err := hkdf.Key(sha256.New, one.sum[:], nil, purpose, 32)
			return key, err == nil
		}
	}
	return nil, false
}
