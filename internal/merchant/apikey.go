package merchant

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// KeyEncoding says what an API key is and so how it becomes the value of Basic
// authorization. The gateway's documentation disagrees with itself: one page
// wants the key as user name with an empty password, clients send the bare key.
type KeyEncoding string

const (
	KeyReady KeyEncoding = "ready" // encoded already; the default
	KeyUser  KeyEncoding = "user"  // base64 of "key:"
	KeyBare  KeyEncoding = "bare"  // base64 of the key
)

// Validate returns an error for an encoding that is not known. Empty means ready.
func (e KeyEncoding) Validate() error {
	switch e {
	case "", KeyReady, KeyUser, KeyBare:
		return nil
	}
	return fmt.Errorf("key encoding %q is not known: use %q, %q or %q", string(e), KeyReady, KeyUser, KeyBare)
}

// EncodeAPIKey returns the value that follows "Authorization: Basic ". White
// space around the key, as files have it, is dropped; of a ready one "Basic " too.
// An encoding that is not known counts as ready. No key remains no key.
func EncodeAPIKey(raw string, how KeyEncoding) Secret {
	const scheme = "Basic "
	key := strings.TrimSpace(raw)
	switch {
	case key == "":
		return Secret{}
	case how == KeyUser:
		return encodedSecret(base64.StdEncoding.EncodeToString([]byte(key+":")), key)
	case how == KeyBare:
		return encodedSecret(base64.StdEncoding.EncodeToString([]byte(key)), key)
	case len(key) > len(scheme) && strings.EqualFold(key[:len(scheme)], scheme):
		key = strings.TrimSpace(key[len(scheme):])
	}
	return NewSecret(key)
}
