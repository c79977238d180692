package ledger

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
)

// Record is what the ledger knows about an order.
type Record struct {
	State      State
	Generation int
	Lane       order.Lane
	Attempts   int  // how often the gateway was really asked, in this generation
	Uncertain  bool // a link that nobody saw may exist

	Link     Link   // when issued
	Amount   string // of the link: decimal text, or "" when the customer enters it
	Currency string

	Code    string // when failed
	Message string

	Why       string    // why it waits, when queued after an attempt, or why its email does
	WaitUntil time.Time // nobody need look before; zero when it does not wait

	Accepted  time.Time // when this generation began
	HeldSince time.Time // when its merchant's breaker began to hold it; zero when none does

	Settled time.Time // when it was issued or failed; zero before that
	Lease   time.Time // when the attempt's lease ends; zero unless it or its email is being sent
	Surplus int       // links of this order that nobody was shown

	Batches []string // that it is in
	Email   Email
	History []Step // oldest first; as Get returns it

	fields string // hashes of the order's fields
}

// Email is how an order's email stands.
type Email struct {
	State    MailState
	Attempts int
	Sent     time.Time // zero while it is not
	Failed   time.Time // zero unless it has
	Doubtful bool      // an attempt may have sent it and never said so
	Code     string    // when failed
	Message  string
}

// Link is a hosted payment page that the gateway minted and that we checked.
type Link struct{ ID, URL string }

// Get returns the record of an order, or false when the ledger has none. Of a durable ledger it is on a replica, so that a link in
// it stays the order's link whatever happens.
func (l *Ledger) Get(ctx context.Context, key order.Key) (Record, bool, error) {
	values, err := l.values(ctx, key)
	if err != nil {
		return Record{}, false, fmt.Errorf("ledger: get: %w", err)
	}
	if len(values) == 0 {
		return Record{}, false, nil
	}
	r := recordOf(values)
	r.History = historyOf(values, r)
	return r, true, nil
}

func (l *Ledger) values(ctx context.Context, key order.Key) (map[string]string, error) {
	if !l.mustBeSure() {
		return l.rdb.HGetAll(ctx, l.keys.Record(key)).Result()
	}
	var cmd *redis.MapStringStringCmd
	if err := l.pipelined(ctx, true, func(p redis.Pipeliner) { cmd = p.HGetAll(ctx, l.keys.Record(key)) }); err != nil {
		return nil, err
	}
	return cmd.Result()
}

// Records looks orders up in one round trip, without their histories: the record of each, and whether there is one.
func (l *Ledger) Records(ctx context.Context, keys []order.Key) ([]Record, []bool, error) {
	rows := make([]*redis.SliceCmd, len(keys))
	err := l.pipelined(ctx, l.mustBeSure(), func(p redis.Pipeliner) {
		for i, key := range keys {
			rows[i] = p.HMGet(ctx, l.keys.Record(key), recordFields...)
		}
	})
	for _, row := range rows {
		err = cmp.Or(err, row.Err())
	}
	if err != nil {
		return nil, nil, fmt.Errorf("ledger: records: %w", err)
	}
	records, found := make([]Record, len(keys)), make([]bool, len(keys))
	for i := range keys {
		v := make(map[string]string, len(recordFields))
		for j, name := range recordFields {
			if s, ok := rows[i].Val()[j].(string); ok {
				v[name] = s
			}
		}
		records[i], found[i] = recordOf(v), v["state"] != ""
	}
	return records, found, nil
}

// recordFields are those that recordOf reads. The order itself is not among them.
var recordFields = []string{
	"state", "gen", "lane", "attempts", "uncertain", "link", "url", "url2", "amount", "currency", "code", "message", "accepted", "settled",
	"surplus", "batches", "mail", "mn", "mailed", "mfailed", "mgone", "mcode", "mmessage", "fields", "why", "wait", "parked", "lease",
}

func recordOf(v map[string]string) Record {
	r := Record{
		State:      State(v["state"]),
		Generation: number(v["gen"]),
		Lane:       order.Lane(v["lane"]),
		Attempts:   number(v["attempts"]),
		Uncertain:  v["uncertain"] == "1",
		Link:       Link{ID: v["link"], URL: v["url"] + v["url2"]},
		Amount:     v["amount"],
		Currency:   v["currency"],
		Code:       v["code"],
		Message:    v["message"],
		Accepted:   moment(v["accepted"]),
		Settled:    moment(v["settled"]),
		Surplus:    countWords(v["surplus"]),
		Batches:    strings.Fields(v["batches"]),
		Email: Email{
			State: MailState(v["mail"]), Attempts: number(v["mn"]), Sent: moment(v["mailed"]), Failed: moment(v["mfailed"]),
			Doubtful: v["mgone"] != "", Code: v["mcode"], Message: v["mmessage"],
		},
		fields: v["fields"],
	}
	switch {
	case r.State == Queued, r.State == Issued && r.Email.State == MailPending:
		r.Why, r.WaitUntil, r.HeldSince = v["why"], moment(v["wait"]), moment(v["parked"])
	case r.State == Sending, r.Email.State == MailSending:
		r.Lease = moment(v["lease"])
	}
	return r
}

// number reads what our own scripts wrote; anything else counts as zero.
func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

func moment(ms string) time.Time {
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(n)
}

func millis(ms string) time.Duration { return time.Duration(number(ms)) * time.Millisecond }

func countWords(s string) (n int) {
	for i := range len(s) {
		if s[i] == ' ' {
			n++
		}
	}
	return n
}
