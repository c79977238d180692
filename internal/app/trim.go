package app

import (
	"context"
	"strings"
	"time"

	"github.com/hpplink/hpplink/internal/results"
)

const (
	trimInterval   = time.Minute // how often old results are removed
	behindInterval = time.Hour   // how often at most a group is called behind
	closeInterval  = time.Second // how often batches of several partitions are looked at whether they are over
)

// trimResults keeps the result stream from growing for ever.
func (b *Base) trimResults(ctx context.Context) {
	ticker := time.NewTicker(trimInterval)
	defer ticker.Stop()
	said := map[string]time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			b.trimOnce(ctx, now, said)
		}
	}
}

// trimOnce names the consumer groups that hold old results: nobody may read for an abandoned one, and then the stream
// grows until somebody destroys it. said is when each was named last.
func (b *Base) trimOnce(ctx context.Context, now time.Time, said map[string]time.Time) {
	if err := b.Ledger.PruneBatches(ctx); err != nil && ctx.Err() == nil {
		b.Log.Warn("old batches were not forgotten", "error", err)
	}
	_, behind, err := results.NewReader(b.Redis.Client(), b.Ledger.Streams()...).Trim(ctx, b.retention) // of now, not of the start
	if err != nil && ctx.Err() == nil {
		b.Log.Warn("old results were not trimmed", "error", err)
	}
	for _, group := range behind {
		if last, known := said[group]; known && now.Sub(last) < behindInterval {
			continue
		}
		said[group] = now
		b.Log.Warn("a consumer group has not read results older than the retention, so they are kept: "+
			"let it read on, or, if nobody reads for it any more, destroy it with XGROUP DESTROY",
			"group", group, "streams", strings.Join(b.Ledger.Streams(), " "), "retention", b.retention.String())
	}
}

// closeBatches ends batches of several partitions that are over; with one, the script that settles their last order does.
func (b *Base) closeBatches(ctx context.Context) {
	ticker := time.NewTicker(closeInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := b.Ledger.CloseBatches(ctx); err != nil && ctx.Err() == nil {
				b.Log.Debug("batches that are over were not ended", "error", err)
			}
		}
	}
}
