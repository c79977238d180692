// Package results reads the result stream: the answers to everything that was handed in.
//
// It knows the form of results, how to read them to the end, follow them, and share them in a
// consumer group without losing one, and when old ones may go. Where the results are spread over
// several streams, as on a Redis Cluster, it reads them as one: all that is about an order is in
// one of them, and comes in its order; among the streams the order is that of time where what is read
// is there already, and that of coming otherwise. It does not know who writes results (the ledger),
// which stream an order's are in, or who asks.
package results

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
)

// The types of results. Consumers ignore types they do not know.
const (
	LinkIssued    = "link.issued"    // data: Issued
	LinkFailed    = "link.failed"    // data: Failed
	EmailSent     = "email.sent"     // data: Emailed
	EmailFailed   = "email.failed"   // data: Failed
	BatchFinished = "batch.finished" // data: Finished; it is about no order
	OrderRejected = "order.rejected" // data: Rejected
	OrderConflict = "order.conflict" // data: Conflict
)

// Event is one result. ID is stable: an event that is published again, after Redis lost the
// last second of its file, carries the same. Of an entry that is no result there is only what could be read: the rest
// is empty, the Generation 0, the Time zero and the Data nil.
type Event struct {
	V          string          `json:"v"`
	ID         string          `json:"id"`
	Type       string          `json:"type"`
	MerchantID string          `json:"merchant_id"`
	Ref        string          `json:"merchant_txn_ref"`
	Generation int             `json:"generation"`
	Batch      string          `json:"batch"`
	Time       time.Time       `json:"time"`
	Data       json.RawMessage `json:"data"`

	Stream   string `json:"-"` // the key of the stream it came from
	StreamID string `json:"-"` // of the entry, "ms-n"; another stream may have the same
}

// Key returns the order that the event is about.
func (e Event) Key() order.Key { return order.Key{MerchantID: e.MerchantID, Ref: e.Ref} }

// Issued is the data of link.issued.
type Issued struct {
	URL       string            `json:"url"`
	LinkID    string            `json:"link_id"`
	Amount    string            `json:"amount"` // decimal text; "" when the customer enters it
	Currency  string            `json:"currency"`
	Metadata  map[string]string `json:"metadata"`
	Attempts  int               `json:"attempts"`
	Uncertain bool              `json:"uncertain"` // another link that nobody was shown may exist
}

// Failed is the data of link.failed and email.failed.
type Failed struct {
	Code      string            `json:"code"`
	Message   string            `json:"message"`
	Metadata  map[string]string `json:"metadata"`
	Attempts  int               `json:"attempts"`
	Uncertain bool              `json:"uncertain"`
}

// Emailed is the data of email.sent: the mail server has taken the email that carries a link.
type Emailed struct {
	To        string            `json:"to"` // masked
	LinkID    string            `json:"link_id"`
	Metadata  map[string]string `json:"metadata"`
	Attempts  int               `json:"attempts"`
	Uncertain bool              `json:"uncertain"` // an attempt before may have sent it too
}

// Finished is the data of batch.finished.
type Finished struct {
	State   string `json:"state"`
	Run     int    `json:"run"`
	Orders  int    `json:"orders"`
	Issued  int    `json:"issued"`
	Failed  int    `json:"failed"`
	Refused int    `json:"refused"`
}

// Rejected is the data of order.rejected.
type Rejected struct {
	SourceID string          `json:"source_id"`
	Errors   []order.Problem `json:"errors"`
}

// Conflict is the data of order.conflict.
type Conflict struct {
	SourceID string   `json:"source_id"`
	Fields   []string `json:"fields"`
}

// Decode reads the data of an event.
func Decode[T any](e Event) (T, error) {
	var data T
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return data, fmt.Errorf("result %s: data: %w", e.ID, err)
	}
	return data, nil
}

// event hands on what can be read of an entry, each field by itself. Anybody can add to a stream, and one entry that
// is no result must not end every reader: without a type that they know, consumers pass it over.
func (s stream) event(m redis.XMessage) Event {
	text := func(name string) string {
		s, _ := m.Values[name].(string)
		return s
	}
	generation, _ := strconv.Atoi(text("generation"))
	at, _ := time.Parse(time.RFC3339, text("time"))
	e := Event{
		V: text("v"), ID: text("id"), Type: text("type"), MerchantID: text("merchant_id"), Ref: text("merchant_txn_ref"),
		Generation: generation, Batch: text("batch"), Time: at, Stream: s.key, StreamID: m.ID,
	}
	if data := json.RawMessage(text("data")); json.Valid(data) {
		e.Data = data
	}
	return e
}
