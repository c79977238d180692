package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
)

// SurplusLink is a link that the gateway minted and that nobody was shown, because the order
// had another one, or had ended without.
type SurplusLink struct {
	Key        order.Key
	Generation int // of the attempt that it came from
	Attempt    int // its number within the generation
	Link       Link
	Time       time.Time // when it was reported
}

// FirstSurplus is the place before the oldest surplus link.
const FirstSurplus = "0"

// SurplusAfter returns up to n surplus links after a place, oldest first, and the place to go on
// from. A page that is not full is the last.
func (l *Ledger) SurplusAfter(ctx context.Context, place string, n int) ([]SurplusLink, string, error) {
	entries, err := l.rdb.XRangeN(ctx, l.keys.Surplus(), "("+place, "+", int64(n)).Result()
	if err != nil {
		return nil, place, fmt.Errorf("ledger: surplus links: %w", err)
	}
	links := make([]SurplusLink, len(entries))
	for i, e := range entries {
		links[i], place = surplusLink(e), e.ID
	}
	return links, place, nil
}

func surplusLink(e redis.XMessage) SurplusLink {
	text := func(name string) string {
		s, _ := e.Values[name].(string)
		return s
	}
	at, _ := time.Parse(time.RFC3339, text("time"))
	return SurplusLink{
		Key:        order.Key{MerchantID: text("merchant_id"), Ref: text("merchant_txn_ref")},
		Generation: number(text("generation")),
		Attempt:    number(text("attempt")),
		Link:       Link{ID: text("link_id"), URL: text("url")},
		Time:       at,
	}
}
