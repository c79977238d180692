package ledger

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/hpplink/hpplink/internal/order"
)

// Slots takes the next n slots of a merchant's rate limit, an interval apart, for orders of a
// lane. It returns how long from now the first one is; it may be past by an interval, so that a
// merchant who was idle does not wait. All workers of the namespace share the limit.
func (l *Ledger) Slots(ctx context.Context, merchantID string, lane order.Lane, interval time.Duration, n int) (time.Duration, error) {
	text, err := l.scripts.slots.Run(ctx, l.rdb,
		[]string{l.keys.Slots(merchantID, order.Interactive), l.keys.Slots(merchantID, order.Bulk)},
		interval.Microseconds(), n, flag(lane == order.Interactive)).Text()
	if err != nil {
		return 0, fmt.Errorf("ledger: slots: %w", err)
	}
	us, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("ledger: slots: %w", err)
	}
	return time.Duration(us) * time.Microsecond, nil
}
