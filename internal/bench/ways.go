package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/bench/plain"
)

// way is how one order is handed in.
type way struct {
	name  string
	send  func(ctx context.Context, order []byte) error
	close func() error
}

// byTask is a plain asynq client.
func byTask(name, addr, taskType, queue string) way {
	client := asynq.NewClient(asynq.RedisClientOpt{Addr: addr})
	return way{name: name, close: client.Close, send: func(ctx context.Context, order []byte) error {
		_, err := client.EnqueueContext(ctx, asynq.NewTask(taskType, order), asynq.Queue(queue))
		return err
	}}
}

func plainWays(l *lab, besides bool) ([]way, error) {
	queue := plainQueue
	if besides {
		queue = urgentQueue
	}
	return []way{byTask("asynq", l.redis.addr, plain.Task, queue)}, nil
}

// hpplinkWays are the ways into hpplink by which a program hands in one order.
func hpplinkWays(l *lab, _ bool) ([]way, error) {
	return []way{
		byHTTP("http://" + l.listen + "/v1/orders"),
		byStream(l.redis.addr),
		byTask("asynq", l.redis.addr, "link:generate", "hpp-interactive"),
	}, nil
}

func byHTTP(url string) way {
	client := &http.Client{Transport: &http.Transport{}}
	return way{name: "HTTP", close: func() error { client.CloseIdleConnections(); return nil },
		send: func(ctx context.Context, order []byte) error {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(order))
			if err != nil {
				return err
			}
			req.Header.Set("Content-Type", "application/json")
			res, err := client.Do(req)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			content, err := io.ReadAll(res.Body)
			if err == nil && res.StatusCode/100 != 2 {
				err = fmt.Errorf("POST /v1/orders: %s: %s", res.Status, content)
			}
			return err
		}}
}

func byStream(addr string) way {
	client := redis.NewClient(&redis.Options{Addr: addr})
	return way{name: "stream", close: client.Close, send: func(ctx context.Context, order []byte) error {
		return client.XAdd(ctx, &redis.XAddArgs{Stream: "{hpp}:orders", Values: []any{"order", order}}).Err()
	}}
}
