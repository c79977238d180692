package order

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// fingerprintVersion names the canonical form. Whoever changes that form must
// change it too, and keep the old form at hand: records live for weeks, and a
// resend after an upgrade must still be known for what it is.
const fingerprintVersion = "1"

// fieldHash is how many characters of a field's hash Fields keeps. Three (18
// bits) leave room for 16 fields in 64 bytes, four for 12 only, and there are 12
// already. One in 262,144 changed fields goes unnamed; Sum sees every change.
const fieldHash = 3

// Fingerprint tells whether two events under one key say the same.
type Fingerprint struct {
	Sum    string // version, ':', and 128 bits of a hash of the whole, 24 bytes
	Fields string // a tag and a short hash for each field, at most 64 bytes; for DiffFields
}

// Fingerprint is taken of what the producer sent, before Fill. Key order, white
// space, string escapes and the amount's spelling make no difference; other
// numbers count as they are written. Metadata is left out, delivery is not.
func (o *Order) Fingerprint() Fingerprint {
	whole := o.encode(func(f field) bool { return f.name != "metadata" })
	return Fingerprint{Sum: fingerprintVersion + ":" + digest(whole), Fields: o.fieldHashes()}
}

func (o *Order) fieldHashes() string {
	var all []string
	for _, f := range fields {
		if f.tag == 0 {
			continue
		}
		if v := f.write(o); v != nil {
			all = append(all, string(f.tag)+digest(v)[:fieldHash])
		}
	}
	slices.Sort(all)
	return strings.Join(all, "")
}

// digest hashes a value's canonical form. Numbers stay as written, since the
// usual canonical form (RFC 8785) would take them through a float.
func digest(v jsontext.Value) string {
	v = v.Clone()
	if err := v.Format(jsontext.ReorderRawObjects(true)); err != nil {
		v = quote(string(v)) // no JSON, so Validate refuses the order; still a stable hash
	}
	sum := sha256.Sum256(v)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// DiffFields returns the sorted names of the top-level fields that differ between
// two Fingerprint.Fields. It passes over tags that it does not know.
func DiffFields(a, b string) []string {
	left, right := splitFields(a), splitFields(b)
	var names []string
	for _, f := range fields {
		if f.tag != 0 && left[f.tag] != right[f.tag] {
			names = append(names, f.name)
		}
	}
	slices.Sort(names)
	return names
}

func splitFields(s string) map[byte]string {
	all := make(map[byte]string)
	for ; len(s) > fieldHash; s = s[1+fieldHash:] {
		all[s[0]] = s[1 : 1+fieldHash]
	}
	return all
}
