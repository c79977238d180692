package order

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Reference writes the key as the JSON object that stands for an order which
// the ledger has: {"merchant_id":…,"merchant_txn_ref":…}.
func (k Key) Reference() []byte {
	dst := make(jsontext.Value, 0, len(referenceStart)+len(referenceMiddle)+len(referenceEnd)+len(k.MerchantID)+len(k.Ref)+8)
	dst = appendQuoted(appendName(append(dst, '{'), "merchant_id"), k.MerchantID)
	dst = appendQuoted(appendName(dst, "merchant_txn_ref"), k.Ref)
	return append(dst, '}')
}

// DecodeReference reads what Reference writes. It reports false for anything
// else, in particular for a full order event.
func DecodeReference(data []byte) (Key, bool) {
	if k, ok := plainReference(data); ok {
		return k, true
	}
	if wellFormed(data) != nil {
		return Key{}, false
	}
	all, _ := membersOf(data)
	merchant, ref := find(all, "merchant_id"), find(all, "merchant_txn_ref")
	if len(all) != 2 || !isText(merchant) || !isText(ref) {
		return Key{}, false
	}
	return Key{MerchantID: unquote(merchant), Ref: unquote(ref)}, true
}

func isText(v jsontext.Value) bool { return v != nil && v.Kind() == '"' && len(v) > len(`""`) }

// What stands around a key in a reference as we write it.
const (
	referenceStart  = `{"merchant_id":"`
	referenceMiddle = `","merchant_txn_ref":"`
	referenceEnd    = `"}`
)

// plainReference reads a reference in our own spelling, as almost all are, whose
// key needs no escapes. It reports false for any other.
func plainReference(data []byte) (Key, bool) {
	inner, begins := bytes.CutPrefix(data, []byte(referenceStart))
	inner, ends := bytes.CutSuffix(inner, []byte(referenceEnd))
	merchant, ref, found := bytes.Cut(inner, []byte(referenceMiddle))
	if len(data) > MaxBytes || !begins || !ends || !found || !isPlainText(merchant) || !isPlainText(ref) {
		return Key{}, false
	}
	return Key{MerchantID: string(merchant), Ref: string(ref)}, true
}

// isPlainText reports whether b is non-empty ASCII that a JSON string holds as it is.
func isPlainText(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return len(b) > 0
}
