package order

import "github.com/go-json-experiment/json/jsontext"

// Reference writes the key as the JSON object that stands for an order which
// the ledger has: {"merchant_id":…,"merchant_txn_ref":…}.
func (k Key) Reference() []byte {
	return appendObject(nil, []member{{"merchant_id", quote(k.MerchantID)}, {"merchant_txn_ref", quote(k.Ref)}})
}

// DecodeReference reads what Reference writes. It reports false for anything
// else, in particular for a full order event.
func DecodeReference(data []byte) (Key, bool) {
	if wellFormed(data) != nil {
		return Key{}, false
	}
	all := membersOf(data)
	merchant, ref := find(all, "merchant_id"), find(all, "merchant_txn_ref")
	if len(all) != 2 || !isText(merchant) || !isText(ref) {
		return Key{}, false
	}
	return Key{MerchantID: unquote(merchant), Ref: unquote(ref)}, true
}

func isText(v jsontext.Value) bool { return v != nil && v.Kind() == '"' && len(v) > len(`""`) }
