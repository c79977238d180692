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
	members(v, func(quoted, value jsontext.Value) {
		name := unquote(quoted)
		if !o.is('"', pointer("/metadata", name), value) {
			return
		}
		if o.Metadata == nil {
			o.Metadata = make(map[string]string)
		}
		o.Metadata[name] = unquote(value)
	})
}

func writeMetadata(dst jsontext.Value, o *Order) jsontext.Value {
	if len(o.Metadata) == 0 {
		return dst
	}
	dst = append(dst, '{')
	for _, k := range slices.Sorted(maps.Keys(o.Metadata)) {
		dst = appendQuoted(appendName(dst, k), o.Metadata[k])
	}
	return append(dst, '}')
}

func (r *report) metadata(m map[string]string) {
	if len(m) == 0 {
		return
	}
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
