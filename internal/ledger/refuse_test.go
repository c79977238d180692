package ledger_test

import (
	"encoding/json"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// handed adds an entry to the stream of orders and has a group read it.
func handed(t *testing.T, l *ledger.Ledger, rdb *redis.Client, values ...string) ledger.Entry {
	t.Helper()
	stream := l.Keys().Orders()
	id, err := rdb.XAdd(ctx, &redis.XAddArgs{Stream: stream, Values: values}).Result()
	if err != nil {
		t.Fatal(err)
	}
	rdb.XGroupCreate(ctx, stream, "g", "0")
	if err := rdb.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "g", Consumer: "c", Streams: []string{stream, ">"}, Block: -1}).Err(); err != nil {
		t.Fatal(err)
	}
	return ledger.Entry{Stream: stream, Group: "g", ID: id}
}

func pendingOf(rdb *redis.Client, e ledger.Entry) int64 {
	return rdb.XPending(ctx, e.Stream, e.Group).Val().Count
}

func TestRefusedEntryIsAnsweredKeptAndAcknowledgedOnce(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, rdb *redis.Client) {
		a, b := handed(t, l, rdb, "order", "{"), handed(t, l, rdb, "order", "{}")
		refusals := []ledger.Refusal{
			{Entry: a, Problems: []order.Problem{{Field: "/amount", Message: "is no number"}}, Fields: map[string]string{"order": "{", "type": "x", "data": "y"}},
			{Entry: b, SourceID: "7-7", Key: key("r"), Differs: []string{"amount"}, Fields: map[string]string{"order": "{}", "lane": "bulk"}},
		}
		for range 2 { // as after a lost reply
			for _, err := range l.RefuseAll(ctx, refusals) {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		got := events(t, rdb, l)
		if len(got) != 2 || pendingOf(rdb, a) != 0 {
			t.Fatalf("%d events, %d pending", len(got), pendingOf(rdb, a))
		}
		if got[0]["type"] != "order.rejected" || got[0]["id"] != a.ID+":order.rejected" || !json.Valid([]byte(got[0]["data"].(string))) {
			t.Errorf("%v", got[0])
		}
		if got[1]["type"] != "order.conflict" || got[1]["id"] != "7-7:order.conflict" || got[1]["merchant_txn_ref"] != "r" ||
			got[1]["data"] != `{"source_id":"7-7","fields":["amount"]}` {
			t.Errorf("%v", got[1])
		}
		letters := rdb.XRange(ctx, l.Keys().DeadLetters(), "-", "+").Val()
		if len(letters) != 2 || letters[1].Values["source"] != "7-7" || letters[1].Values["lane"] != "bulk" || letters[1].Values["order"] != "{}" ||
			letters[0].Values["data"] != got[0]["data"] {
			t.Errorf("%v", letters)
		}
	})
}

func TestDeferredEntryWaitsOnce(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, rdb *redis.Client) {
		e := handed(t, l, rdb, "order", "{}")
		d := ledger.Deferral{Entry: e, MerchantID: "M:1", Fields: map[string]string{"order": "{}", ledger.SourceField: e.ID}}
		for range 2 {
			if err := l.DeferAll(ctx, []ledger.Deferral{d})[0]; err != nil {
				t.Fatal(err)
			}
		}
		waiting := rdb.XRange(ctx, l.Keys().Waiting("M:1"), "-", "+").Val()
		if len(waiting) != 1 || waiting[0].Values["source"] != e.ID || waiting[0].Values["order"] != "{}" || pendingOf(rdb, e) != 0 {
			t.Errorf("%v, %d pending", waiting, pendingOf(rdb, e))
		}
		if m := rdb.SMembers(ctx, l.Keys().WaitingMerchants()).Val(); len(m) != 1 || m[0] != "M:1" {
			t.Errorf("%q", m)
		}
	})
}
