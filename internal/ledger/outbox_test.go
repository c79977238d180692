package ledger_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/redisconn"
)

// TestPublishersInAnyOrder: whatever publishers do at once, or leave undone when they are killed between their two steps, each
// result is published once, in order, and none is lost.
func TestPublishersInAnyOrder(t *testing.T) {
	each(t, func(t *testing.T, plain *ledger.Ledger, rdb *redis.Client) {
		rapid.Check(t, func(t *rapid.T) {
			rdb.FlushDB(ctx)
			l := plain.Durable(time.Second, redisconn.Named{})
			var want []string
			looked := make([]string, 3) // what each publisher has seen
			t.Repeat(map[string]func(*rapid.T){
				"result": func(t *rapid.T) {
					id := fmt.Sprint("t", len(want))
					want = append(want, id)
					if err := l.Reject(ctx, ledger.Rejection{SourceID: id, Key: key(id)}); err != nil {
						t.Fatal(err)
					}
				},
				"look": func(t *rapid.T) {
					looked[rapid.IntRange(0, len(looked)-1).Draw(t, "publisher")] = l.NewestUnpublished(ctx)
				},
				"publish": func(t *rapid.T) {
					last := rapid.SampledFrom(looked).Draw(t, "up to")
					if last == "" {
						t.Skip("it has seen nothing")
					}
					if _, err := l.PublishUpTo(ctx, last); err != nil {
						t.Fatal(err)
					}
				},
				"": func(t *rapid.T) {
					if got := append(refsIn(t, rdb, l.Keys().Results()), refsIn(t, rdb, l.Keys().Outbox())...); !slices.Equal(got, want) {
						t.Fatalf("published and unpublished are %v, want %v", got, want)
					}
				},
			})
		})
	})
}

func refsIn(t *rapid.T, rdb *redis.Client, stream string) (refs []string) {
	entries, err := rdb.XRange(ctx, stream, "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		refs = append(refs, e.Values["merchant_txn_ref"].(string))
	}
	return refs
}
