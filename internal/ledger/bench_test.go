package ledger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

// BenchmarkLifeOfAnOrder takes orders through the ledger on a real redis-server, and tells what each step costs that server.
func BenchmarkLifeOfAnOrder(b *testing.B) {
	rdb := redistest.Client(b, redistest.Server(b))
	l := ledger.New(rdb, "bench", 0).ForWorker("w")
	if _, err := l.Pulse().Beat(ctx); err != nil {
		b.Fatal(err)
	}
	body := []byte(`{"merchant_id":"M-1","merchant_txn_ref":"` + strings.Repeat("r", 20) + strings.Repeat(`","customer":"Yamada Taro`, 20) + `"}`)
	keyOf := func(i int) order.Key { return key(fmt.Sprintf("INV-2026-%09d", i)) }
	attempts := make([]ledger.Attempt, b.N)
	step := func(name string, f func(i int) error) {
		if err := rdb.ConfigResetStat(ctx).Err(); err != nil {
			b.Fatal(err)
		}
		begun := time.Now()
		for i := range b.N {
			if err := f(i); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(time.Since(begun).Microseconds())/float64(b.N), name+"-µs/op")
		b.ReportMetric(serverMicros(b, rdb.Info(ctx, "commandstats").Val())/float64(b.N), name+"-redis-µs/op")
	}
	step("accept", func(i int) error {
		_, err := l.Accept(ctx, ledger.Submission{Key: keyOf(i), Lane: order.Bulk, Order: body, MaxOpen: 1 << 30,
			Fingerprint: order.Fingerprint{Sum: "1:QmFzZTY0T2ZBSGFzaE9mQWxsT2ZJdA", Fields: strings.Repeat("aZ3", 12)}})
		return err
	})
	step("claim", func(i int) error {
		c, err := l.Claim(ctx, keyOf(i), ledger.NewNonce(), time.Minute, nil)
		attempts[i] = c.Attempt
		return err
	})
	step("issue", func(i int) error {
		got, err := l.Issue(ctx, attempts[i], ledger.Issuance{Link: ledger.Link{ID: fmt.Sprintf("HPP-%012d", i), URL: "https://pay.paymentoptions.com/hpp/checkout/" + fmt.Sprintf("%026d", i)}, Amount: "1200.50", Currency: "EUR"})
		if err == nil && got != ledger.SettledIssued {
			return fmt.Errorf("%s", got)
		}
		return err
	})
}

// serverMicros reads from INFO commandstats how long scripts took, what they call included.
func serverMicros(b *testing.B, info string) float64 {
	b.Helper()
	_, rest, found := strings.Cut(info, "cmdstat_evalsha:calls=")
	var calls, micros int
	if !found {
		b.Fatal("no scripts were run")
	}
	if _, err := fmt.Sscanf(rest, "%d,usec=%d,", &calls, &micros); err != nil {
		b.Fatal(err)
	}
	return float64(micros)
}
