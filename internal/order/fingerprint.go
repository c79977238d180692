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
	whole := append(make(jsontext.Value, 0, o.room()), '{')
	sound := true
	var hashes [tags][fieldHash]byte
	for _, f := range byName {
		v, ok := canonical(f.value(o))
		if sound = sound && ok; v == nil {
			continue
		}
		whole = append(appendName(whole, f.name), v...)
		if f.tag != 0 {
			hash := digest(v)
			copy(hashes[f.tag-'a'][:], hash[:])
		}
	}
	if whole = append(whole, '}'); !sound { // what is no JSON by itself need not be any within the event, nor spoil it
		whole, _ = canonical(o.encode(inFingerprint))
	}
	sum := digest(whole)
	return Fingerprint{Sum: fingerprintVersion + ":" + string(sum[:]), Fields: joinFields(hashes)}
}

func inFingerprint(f *field) bool { return f.name != "metadata" }

// byName are the fields of a fingerprint in the order of its canonical form.
var byName = func() []*field {
	var all []*field
	for i := range fields {
		if f := &fields[i]; inFingerprint(f) {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b *field) int { return strings.Compare(a.name, b.name) })
	return all
}()

// tags is how many there can be: small letters.
const tags = 'z' - 'a' + 1

func joinFields(hashes [tags][fieldHash]byte) string {
	all := make([]byte, 0, 64)
	for i, hash := range hashes {
		if hash != [fieldHash]byte{} {
			all = append(append(all, byte('a'+i)), hash[:]...)
		}
	}
	return string(all)
}

// canonical returns a value's canonical form. Numbers stay as written, since the
// usual canonical form (RFC 8785) would take them through a float. It reports
// false for what is no JSON: Validate refuses the order, and has still a stable form.
func canonical(v jsontext.Value) (jsontext.Value, bool) {
	if len(v) == 0 || v[0] == '"' || v[0] >= '0' && v[0] <= '9' { // absent, or as we have just written it
		return v, true
	}
	form, err := jsontext.AppendFormat(nil, v, jsontext.ReorderRawObjects(true))
	if err != nil {
		return quote(string(v)), false
	}
	return form, true
}

// digest returns 128 bits of a hash, as text.
func digest(v jsontext.Value) (text [22]byte) {
	sum := sha256.Sum256(v)
	base64.RawURLEncoding.Encode(text[:], sum[:16])
	return text
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
