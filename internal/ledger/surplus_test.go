package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

func TestSurplusLinks(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, _ *redis.Client) {
		k := order.Key{MerchantID: "M:1", Ref: "注文 7"}
		accept(t, l, submission(k, "red"))
		a := claim(t, l, k)
		for i := range 6 {
			a.Number = i + 1 // as if each had been another attempt
			link := ledger.Link{ID: fmt.Sprint("L", i), URL: fmt.Sprint("https://pay.example/", i)}
			if _, err := l.Issue(ctx, a, ledger.Issuance{Link: link}); err != nil {
				t.Fatal(err)
			}
		}
		var all []ledger.SurplusLink
		place := ledger.FirstSurplus
		for {
			page, next, err := l.SurplusAfter(ctx, place, 2)
			if err != nil || len(page) > 2 {
				t.Fatal(page, err)
			}
			all, place = append(all, page...), next
			if len(page) < 2 {
				break
			}
		}
		if len(all) != 5 {
			t.Fatalf("%d surplus links, want 5: %+v", len(all), all)
		}
		for i, s := range all {
			want := ledger.SurplusLink{Key: k, Generation: 1, Attempt: i + 2, Time: s.Time,
				Link: ledger.Link{ID: fmt.Sprint("L", i+1), URL: fmt.Sprint("https://pay.example/", i+1)}}
			if s != want || time.Since(s.Time).Abs() > time.Minute {
				t.Errorf("got %+v, want %+v", s, want)
			}
		}
	})
}
