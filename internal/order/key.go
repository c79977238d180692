package order

import (
	"fmt"
	"strings"
)

// Key identifies an order everywhere: the merchant and that merchant's own
// reference (merchant_txn_ref). The gateway does not say whether a ref must be
// unique across merchants, so the pair is the identity, never the ref alone.
type Key struct {
	MerchantID string
	Ref        string
}

// String returns the key as one readable word, "merchant:ref", safe in Redis
// keys, asynq task ids, URLs and file names. It is injective: every byte but
// ASCII letters, digits, '.', '_' and '-' is percent-encoded, so ("a:b","c")
// and ("a","b:c") never meet.
func (k Key) String() string {
	var b strings.Builder
	b.Grow(len(k.MerchantID) + len(k.Ref) + 1)
	escape(&b, k.MerchantID)
	b.WriteByte(':')
	escape(&b, k.Ref)
	return b.String()
}

// Brief cuts both parts to what an order may have, for the log: of what was refused they may be as long as an event.
func (k Key) Brief() Key {
	return Key{MerchantID: cutTo(k.MerchantID, maxMerchantID), Ref: cutTo(k.Ref, maxRef)}
}

// ParseKey reverses String. It accepts only what String writes.
func ParseKey(s string) (Key, error) {
	merchant, ref, found := strings.Cut(s, ":")
	if !found {
		return Key{}, fmt.Errorf("order key %q: no ':' between merchant and ref", s)
	}
	m, err := unescape(merchant)
	if err != nil {
		return Key{}, fmt.Errorf("order key %q: %w", s, err)
	}
	r, err := unescape(ref)
	if err != nil {
		return Key{}, fmt.Errorf("order key %q: %w", s, err)
	}
	k := Key{MerchantID: m, Ref: r}
	if k.String() != s {
		return Key{}, fmt.Errorf("order key %q: not in its canonical form", s)
	}
	return k, nil
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '.' || c == '_' || c == '-'
}

const hexDigits = "0123456789ABCDEF"

func escape(b *strings.Builder, s string) {
	for i := range len(s) {
		if c := s[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
}

func unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", fmt.Errorf("cut short after %q", s[i:])
		}
		hi, lo := strings.IndexByte(hexDigits, s[i+1]), strings.IndexByte(hexDigits, s[i+2])
		if hi < 0 || lo < 0 {
			return "", fmt.Errorf("%q is not a percent-encoded byte", s[i:i+3])
		}
		b.WriteByte(byte(hi<<4 | lo))
		i += 2
	}
	return b.String(), nil
}
