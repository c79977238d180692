package results

import (
	"context"
	"time"

	"github.com/hpplink/hpplink/internal/trim"
)

// Trim removes events older than age, but none that a consumer group has not read and acknowledged. It returns how
// many went, and the groups for which older ones had to stay.
func (r *Reader) Trim(ctx context.Context, age time.Duration) (trimmed int64, behind []string, err error) {
	return trim.Stream(ctx, r.rdb, r.stream, age)
}
