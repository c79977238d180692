package plain

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

const (
	// Task is the type of its tasks; their payload is the order as the gateway takes it.
	Task = "link"
	// Results is the stream that it adds its results to.
	Results = "links"

	remembered = 30 * 24 * time.Hour
	timeout    = 15 * time.Second
)

// Worker makes links.
type Worker struct {
	rdb     *redis.Client
	gateway *http.Client
	url     string
}

// NewWorker returns a worker that keeps as many connections to the gateway as it makes calls at once.
func NewWorker(redisAddr, gatewayURL string, concurrency int) *Worker {
	return &Worker{
		rdb: redis.NewClient(&redis.Options{Addr: redisAddr}),
		url: gatewayURL + "/server-to-server-interface/hpp/generate/link",
		gateway: &http.Client{Timeout: timeout, Transport: &http.Transport{
			MaxIdleConns: concurrency, MaxIdleConnsPerHost: concurrency, MaxConnsPerHost: concurrency, IdleConnTimeout: 30 * time.Second,
		}},
	}
}

type order struct {
	MerchantID string      `json:"merchant_id"`
	Ref        string      `json:"merchant_txn_ref"`
	Amount     json.Number `json:"amount"`
	Currency   string      `json:"currency"`
}

type link struct {
	ID  string `json:"id"`
	URL string `json:"url"`
}

// Handle works a task: one link for each ref.
func (w *Worker) Handle(ctx context.Context, t *asynq.Task) error {
	var o order
	if err := json.Unmarshal(t.Payload(), &o); err != nil {
		return fmt.Errorf("order: %w: %w", err, asynq.SkipRetry)
	}
	key := "link:" + o.MerchantID + ":" + o.Ref
	first, err := w.rdb.SetNX(ctx, key, 1, remembered).Result()
	if err != nil || !first {
		return err
	}
	l, err := w.generate(ctx, t.Payload())
	if err != nil {
		w.rdb.Del(ctx, key)
		return err
	}
	return w.rdb.XAdd(ctx, &redis.XAddArgs{Stream: Results, Values: []any{
		"merchant_id", o.MerchantID, "merchant_txn_ref", o.Ref, "link_id", l.ID, "url", l.URL,
		"amount", string(o.Amount), "currency", o.Currency,
	}}).Err()
}

func (w *Worker) generate(ctx context.Context, body []byte) (l link, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return l, err
	}
	req.Header.Set("Authorization", "Basic key")
	req.Header.Set("x-api-key", "key")
	req.Header.Set("Content-Type", "application/json")
	res, err := w.gateway.Do(req)
	if err != nil {
		return l, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return l, err
	}
	if res.StatusCode/100 != 2 {
		return l, fmt.Errorf("the gateway answered %d", res.StatusCode)
	}
	if err := json.Unmarshal(answer, &l); err != nil {
		return l, err
	}
	if l.ID == "" || l.URL == "" {
		return l, fmt.Errorf("the gateway's answer has no link")
	}
	return l, nil
}
