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
	SourceID string    // the task it came in
	Key      order.Key // as far as it could be read
	Problems []order.Problem
}

// Reject publishes that something was refused, as order.rejected. Repeated for the same
// source, it publishes a second event with the same id.
func (l *Ledger) Reject(ctx context.Context, rej Rejection) error {
	kind, data, err := rejectionData(rej.SourceID, rej.Problems)
	if err != nil {
		return err
	}
	return l.answerSource(ctx, kind, rej.SourceID, rej.Key, data)
}

// RejectConflict publishes that another order is known under that ref, as order.conflict;
// that one is untouched. differs names the fields that differ.
func (l *Ledger) RejectConflict(ctx context.Context, sourceID string, key order.Key, differs []string) error {
	kind, data, err := conflictData(sourceID, differs)
	if err != nil {
		return err
	}
	return l.answerSource(ctx, kind, sourceID, key, data)
}

func rejectionData(sourceID string, problems []order.Problem) (kind string, data []byte, err error) {
	data, err = encoded(struct {
		SourceID string          `json:"source_id"`
		Errors   []order.Problem `json:"errors"`
	}{sourceID, problems})
	return "order.rejected", data, err
}

func conflictData(sourceID string, differs []string) (kind string, data []byte, err error) {
	data, err = encoded(struct {
		SourceID string   `json:"source_id"`
		Fields   []string `json:"fields"`
	}{sourceID, differs})
	return "order.conflict", data, err
}

func encoded(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("ledger: result data: %w", err)
	}
	return b, nil
}

func (l *Ledger) answerSource(ctx context.Context, kind, sourceID string, key order.Key, data []byte) error {
	err := l.scripts.reject.Run(ctx, l.rdb, []string{l.keys.publishing()}, kind, sourceID, key.MerchantID, key.Ref, data).Err()
	if err != nil && err != redis.Nil {
		return fmt.Errorf("ledger: reject: %w", err)
	}
	l.published()
	return nil
}
