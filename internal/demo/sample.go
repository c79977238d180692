package demo

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/hpplink/hpplink/internal/order"
)

// Kind is what is to become of an event of the sample.
type Kind string

const (
	Plain   Kind = "plain"   // an order that gets its link at the first call
	Healing Kind = "healing" // an order whose first calls fail; then it gets its link
	Refused Kind = "refused" // an order that the gateway refuses for good
	Again   Kind = "again"   // an order sent once more, its keys in another sequence
	Clash   Kind = "clash"   // another amount under the ref of a known order
	Invalid Kind = "invalid" // no valid order
)

// Event is one order event of the sample.
type Event struct {
	JSON []byte
	Key  order.Key
	Kind Kind
	Late bool // handed in only when all that are not late have been answered
	Mail bool // its link is to go to the customer by email

	Retries int // calls of the gateway after the first
	Surplus int // links that the gateway mints for it and nobody is told of
}

// The sample's make-up. Together they are 1,000 events.
const (
	newOrders  = 985 // those that meet faults are among them
	againSoon  = 6   // sent again while the first is likely to be in flight
	againLate  = 6   // sent again when the first has its link
	clashes    = 1
	invalids   = 2
	mailEvery  = 22 // one order in so many asks for an email
	sampleSize = newOrders + againSoon + againLate + clashes + invalids
)

// faulty are the orders that meet a fault of the gateway, by the ends of their refs.
var faulty = []struct {
	fault  string
	orders int
	Event  // Kind, Retries and Surplus
}{
	{"~500x1", 6, Event{Kind: Healing, Retries: 1}},
	{"~503x2", 4, Event{Kind: Healing, Retries: 2}},
	{"~429x1:1s", 4, Event{Kind: Healing, Retries: 1}},
	{"~reset-afterx1", 3, Event{Kind: Healing, Retries: 1, Surplus: 1}},
	{"~400", 2, Event{Kind: Refused}},
}

// Sample returns the 1,000 events, the same ones each time.
func Sample() []Event {
	templates, broken := readTemplates(), invalidEvents()
	orders := make([]Event, newOrders)
	for n := range orders {
		orders[n] = templates[n%len(templates)].order(n)
	}
	all := make([]Event, 0, sampleSize)
	for n := range orders {
		all = append(all, orders[n])
		switch {
		case n%150 == 149:
			all = append(all, orders[n-39].again(false))
		case n == 500:
			all = append(all, templates[320%len(templates)].clash(320))
		case n%500 == 200:
			all = append(all, broken[n/500])
		}
	}
	for i := range againLate {
		all = append(all, orders[10+160*i].again(true))
	}
	return all
}

// faultOf spreads the faults over the first few hundred orders, so that none is waited for at the
// end longer than its retries take. The order's Kind is Plain where there is no fault.
func faultOf(n int) (suffix string, e Event) {
	turn := n / 20
	for _, f := range faulty {
		if n%20 == 10 && turn < f.orders {
			return f.fault, f.Event
		}
		turn -= f.orders
	}
	return "", Event{Kind: Plain}
}

// template is one customer's order event, without ref and amount.
type template struct {
	From, To int64 // the amount, in minor units
	Event    json.RawMessage

	currency string
	merchant string
	ref      string // with {n} for the order's number
}

//go:embed sample/orders.ndjson
var orderLines []byte

//go:embed sample/invalid.ndjson
var invalidLines []byte

func readTemplates() []template {
	var all []template
	for line := range bytes.Lines(orderLines) {
		var t template
		mustUnmarshal(line, &t)
		t.merchant, t.ref, t.currency = identity(t.Event)
		all = append(all, t)
	}
	return all
}

func invalidEvents() []Event {
	var all []Event
	for line := range bytes.Lines(invalidLines) {
		merchant, ref, _ := identity(line)
		all = append(all, Event{JSON: bytes.TrimSpace(line), Kind: Invalid, Key: order.Key{MerchantID: merchant, Ref: ref}})
	}
	return all
}

func identity(event []byte) (merchant, ref, currency string) {
	var e struct {
		Merchant string `json:"merchant_id"`
		Ref      string `json:"merchant_txn_ref"`
		Currency string `json:"currency"`
	}
	mustUnmarshal(event, &e)
	return e.Merchant, e.Ref, e.Currency
}

// mustUnmarshal reads what is embedded in the program.
func mustUnmarshal(data []byte, v any) {
	if err := json.Unmarshal(data, v); err != nil {
		panic(fmt.Sprintf("demo: embedded sample: %v", err))
	}
}

// order returns the n-th order.
func (t template) order(n int) Event { return t.event(n, t.amount(n)) }

// clash returns the n-th order with another amount.
func (t template) clash(n int) Event {
	e := t.event(n, t.amount(n)+100)
	return Event{JSON: e.JSON, Key: e.Key, Kind: Clash}
}

// amount draws from the template's range, in minor units. The factor is a prime, so that amounts
// look unlike each other.
func (t template) amount(n int) int64 { return t.From + int64(n+1)*104_729%(t.To-t.From+1) }

func (t template) event(n int, amount int64) Event {
	suffix, e := faultOf(n)
	number := fmt.Sprintf("%05d", n+1)
	ref := strings.Replace(t.ref, "{n}", number, 1) + suffix
	digits, _ := order.MinorDigits(t.currency)
	text := decimal(amount, digits)
	if n%3 == 0 { // some producers keep money as text
		text = strconv.Quote(text)
	}
	e.Key = order.Key{MerchantID: t.merchant, Ref: ref}
	text = strings.NewReplacer(strconv.Quote(t.ref), strconv.Quote(ref), "{n}", number, `"{amount}"`, text).Replace(string(t.Event))
	if n%mailEvery == 10 { // two of them meet faults, and two are sent again

		e.Mail, text = true, strings.TrimSuffix(text, "}")+","+t.delivery(number)+"}"
	}
	e.JSON = []byte(text)
	return e
}

// readers are how customers are written to, by the currency they pay in; others in English.
var readers = map[string]struct{ name, locale string }{
	"JPY": {"山田 太郎", "ja"}, "KWD": {"سارة الأحمد", "ar"}, "AED": {"سارة الأحمد", "ar"}, "BHD": {"سارة الأحمد", "ar"}, "EUR": {"Maria Santos", "en-IE"},
}

// delivery asks for an email to the customer of the order of this number.
func (t template) delivery(number string) string {
	r, known := readers[t.currency]
	if !known {
		r.name, r.locale = "Alex Smith", "en-GB"
	}
	return fmt.Sprintf(`"delivery":{"email":{"to":"customer-%s@mail.example","name":%q,"locale":%q}}`, number, r.name, r.locale)
}

// decimal writes minor units with a decimal point.
func decimal(minor int64, digits int) string {
	s := fmt.Sprintf("%0*d", digits+1, minor)
	if digits == 0 {
		return s
	}
	return s[:len(s)-digits] + "." + s[len(s)-digits:]
}

// again returns the same event as another program might write it.
func (e Event) again(late bool) Event {
	var members map[string]json.RawMessage
	mustUnmarshal(e.JSON, &members)
	sorted, err := json.Marshal(members)
	if err != nil {
		panic(fmt.Sprintf("demo: embedded sample: %v", err))
	}
	return Event{JSON: sorted, Key: e.Key, Kind: Again, Late: late, Mail: e.Mail}
}
