package minutes

import (
	"context"
	"time"
)

// Flush tells Redis at once what was counted, as if it were now.
func (r *Recorder) Flush(ctx context.Context, now time.Time) { r.flush(ctx, now) }
