package ledger

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
)

// Rejection answers something that never became an order.
type Rejection struct {
	SourceID string    // the task or stream entry it came in
	Key      order.Key // as far as it could be read
	Problems []order.Problem
}

// Reject publishes that something was refused, as order.rejected. Repeated for the same
// source, it publishes a second event with the same id.
func (l *Ledger) Reject(ctx context.Context, rej Rejection) error {
	return l.answerSource(ctx, "order.rejected", rej.SourceID, rej.Key, struct {
		SourceID string          `json:"source_id"`
		Errors   []order.Problem `json:"errors"`
	}{rej.SourceID, rej.Problems})
}

// RejectConflict publishes that another order is known under that ref, as order.conflict;
// that one is untouched. differs names the fields that differ.
func (l *Ledger) RejectConflict(ctx context.Context, sourceID string, key order.Key, differs []string) error {
	return l.answerSource(ctx, "order.conflict", sourceID, key, struct {
		SourceID string   `json:"source_id"`
		Fields   []string `json:"fields"`
	}{sourceID, differs})
}

func (l *Ledger) answerSource(ctx context.Context, kind, sourceID string, key order.Key, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("ledger: result data: %w", err)
	}
	err = l.scripts.reject.Run(ctx, l.rdb, []string{l.keys.Results()}, kind, sourceID, key.MerchantID, key.Ref, b).Err()
	if err != nil && err != redis.Nil {
		return fmt.Errorf("ledger: reject: %w", err)
	}
	return nil
}
