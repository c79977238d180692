package ledger_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(redistest.M{M: m}) }

var ctx = context.Background()

func key(ref string) order.Key { return order.Key{MerchantID: "M-1", Ref: ref} }

// submission is an order whose content is named by one word.
func submission(k order.Key, content string) ledger.Submission {
	return ledger.Submission{
		Key:         k,
		Lane:        order.Interactive,
		Fingerprint: order.Fingerprint{Sum: "1:" + content, Fields: fieldsOf(content)},
		Order:       []byte("\x00" + content),
	}
}

// events reads the whole result stream.
func events(t testing.TB, rdb *redis.Client, l *ledger.Ledger) []map[string]any {
	t.Helper()
	entries, err := rdb.XRange(ctx, l.Keys().Results(), "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	all := make([]map[string]any, len(entries))
	for i, e := range entries {
		all[i] = e.Values
	}
	return all
}

// fieldsOf stands for the hashes of an order whose amount tells its content.
func fieldsOf(content string) string { return "a" + (content + "___")[:3] + "cEUR" }
