package ledger_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// TestRegressionOrdersOfTheFormerVersionFailed: what was ordered was looked for by its new key alone, so that orders in flight
// during an upgrade ended as unreadable.
func TestRegressionOrdersOfTheFormerVersionFailed(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, rdb *redis.Client) {
		former := func(ref string) ledger.Submission {
			s := submission(key(ref), "red")
			s.Mail = ref == "mailed"
			if a, err := l.Accept(ctx, s); err != nil || a.Decision != ledger.Accepted {
				t.Fatal(a, err)
			}
			payload, err := rdb.GetDel(ctx, l.Keys().Payload(s.Key)).Result()
			if err != nil {
				t.Fatal(err)
			}
			if err := rdb.HSet(ctx, l.Keys().Record(s.Key), "order", payload).Err(); err != nil {
				t.Fatal(err)
			}
			return s
		}
		claim := func(s ledger.Submission) ledger.Attempt {
			t.Helper()
			c, err := l.Claim(ctx, s.Key, ledger.NewNonce(), time.Minute, nil)
			if err != nil || c.Grant != ledger.Granted || string(c.Attempt.Order) != string(s.Order) {
				t.Fatalf("%+v, %v", c, err)
			}
			return c.Attempt
		}
		mailed := former("mailed")
		if got, err := l.Issue(ctx, claim(mailed), ledger.Issuance{Link: ledger.Link{ID: "1", URL: "https://x/1"}, Currency: "JPY"}); err != nil || got != ledger.SettledIssued {
			t.Fatal(got, err)
		}
		if kept, err := l.Payloads(ctx, []order.Key{mailed.Key}); err != nil || string(kept[0]) != string(mailed.Order) {
			t.Errorf("for its email there is %q, %v", kept, err)
		}
		replayed, discarded := former("replayed"), former("discarded")
		for _, s := range []ledger.Submission{replayed, discarded} {
			if _, err := l.Fail(ctx, claim(s), ledger.Failure{Code: "rejected"}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.Replay(ctx, replayed.Key, 1, ledger.NewNonce()); err != nil {
			t.Fatal(err)
		}
		claim(replayed)
		if err := l.Discard(ctx, discarded.Key, 1); err != nil {
			t.Fatal(err)
		}
		if n := rdb.HLen(ctx, l.Keys().Record(discarded.Key)).Val(); rdb.HExists(ctx, l.Keys().Record(discarded.Key), "order").Val() || n == 0 {
			t.Errorf("discarded, and %d fields are left", n)
		}
	})
}
