package order

import (
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits of metadata, lengths in characters.
const (
	maxMetadata      = 50 // keys
	maxMetadataKey   = 40
	maxMetadataValue = 500
)

func readMetadata(o *Order, v jsontext.Value) {
	if !o.is('{', "/metadata", v) {
		return
	}
	for _, m := range membersOf(v) {
		if !o.is('"', pointer("/metadata", m.name), m.value) {
			continue
		}
		if o.Metadata == nil {
			o.Metadata = make(map[string]string)
		}
		o.Metadata[m.name] = unquote(m.value)
	}
}

func writeMetadata(o *Order) jsontext.Value {
	if len(o.Metadata) == 0 {
		return nil
	}
	var all []member
	for _, k := range slices.Sorted(maps.Keys(o.Metadata)) {
		all = append(all, member{k, quote(o.Metadata[k])})
	}
	return appendObject(nil, all)
}

func (r *report) metadata(m map[string]string) {
	if len(m) > maxMetadata {
		r.add("/metadata", "has %d keys: at most %d are taken", len(m), maxMetadata)
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		at := pointer("/metadata", k)
		r.atMost(at, k, maxMetadataKey)
		if n := utf8.RuneCountInString(m[k]); n > maxMetadataValue {
			r.add(at, "has a value of %d characters: at most %d are taken", n, maxMetadataValue)
		}
	}
}
