package ledger_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/redistest"
)

// TestWorkers: those that give signs of life are told, of whatever version they are, and the dead are not.
func TestWorkers(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		ctx, rdb := context.Background(), redistest.Client(t, addr)
		l := ledger.New(rdb, "hpp", 0)
		for _, id := range []string{ledger.WorkerID("a", 1, "v1.2.3"), ledger.WorkerID("b", 2, ""), "c:3:nonce", "strange"} {
			if _, err := l.ForWorker(id).Pulse().Beat(ctx); err != nil {
				t.Fatal(err)
			}
		}
		rdb.ZAdd(ctx, l.Keys().Workers(), redis.Z{Score: 1, Member: "dead:4:nonce:v1"})
		all, err := l.Workers(ctx)
		if err != nil || len(all) != 4 {
			t.Fatalf("%+v %v", all, err)
		}
		got := map[string]ledger.Worker{}
		for _, w := range all {
			if w.Seen.IsZero() {
				t.Errorf("%+v", w)
			}
			got[w.Host] = w
		}
		if got["a"].PID != 1 || got["a"].Version != "v1.2.3" || got["b"].PID != 2 || got["b"].Version != "" || got["c"].PID != 3 || got["c"].Version != "" {
			t.Errorf("%+v", got)
		}
	})
}
