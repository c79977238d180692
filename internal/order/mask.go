package order

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
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

// Format prints nothing of the recipient.
func (e EmailDelivery) Format(s fmt.State, _ rune) { io.WriteString(s, e.String()) }

// String returns a placeholder.
func (e EmailDelivery) String() string { return "***" }

// LogValue logs a placeholder.
func (e EmailDelivery) LogValue() slog.Value { return slog.StringValue(e.String()) }
