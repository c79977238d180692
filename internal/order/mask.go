package order

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Format prints merchant and ref, whatever the verb: the rest is personal.
func (o Order) Format(s fmt.State, _ rune) { io.WriteString(s, o.String()) }

// String returns merchant and ref.
func (o Order) String() string { return "order " + o.Key().String() }

// LogValue logs merchant and ref.
func (o Order) LogValue() slog.Value {
	return slog.GroupValue(slog.String("merchant_id", o.MerchantID), slog.String("merchant_txn_ref", o.Ref))
}

// MarshalJSON always fails. Logging may marshal an order by the way, which must
// show nothing; and a masked order would pass for a reference to another one.
func (o Order) MarshalJSON() ([]byte, error) {
	return nil, errors.New("an order is not marshalled: use Encode")
}

// Masked writes the event for people to look at: what it has, and the values only of what names the order and its amount. All else
// is personal, or may be. What Validate would refuse is cut, or masked as well.
func (o *Order) Masked() []byte {
	safe := Order{Amount: o.Amount, ExpiresAt: o.ExpiresAt}
	key := o.Key().Brief()
	safe.MerchantID, safe.Ref = key.MerchantID, key.Ref
	if _, known := MinorDigits(o.Currency); known {
		safe.Currency = o.Currency
	}
	var all []member
	for i := range fields {
		f := &fields[i]
		if !f.value(o).IsValid() {
			continue
		}
		value := f.value(&safe)
		if value == nil {
			value = quote("***")
		}
		all = append(all, member{f.name, value})
	}
	return compact(appendObject(nil, all))
}

// Format prints nothing of the recipient.
func (e EmailDelivery) Format(s fmt.State, _ rune) { io.WriteString(s, e.String()) }

// String returns a placeholder.
func (e EmailDelivery) String() string { return "***" }

// LogValue logs a placeholder.
func (e EmailDelivery) LogValue() slog.Value { return slog.StringValue(e.String()) }

// MaskAddress leaves the first letter of a mail address, and its domain.
func MaskAddress(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at <= 0 {
		return "***"
	}
	return string([]rune(address)[:1]) + "***" + address[at:]
}
