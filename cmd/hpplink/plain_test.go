package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// plainWorker is what a worker without a ledger looks like: asynq, and a call of the gateway.
func plainWorker() {
	opt, err := asynq.ParseRedisURI(os.Getenv("HPPLINK_REDIS"))
	if err != nil {
		panic(err)
	}
	rdb := opt.MakeRedisClient().(redis.UniversalClient)
	server := asynq.NewServer(opt, asynq.Config{Concurrency: 50, Queues: map[string]int{"plain": 1}, LogLevel: asynq.FatalLevel})
	err = server.Run(asynq.HandlerFunc(func(ctx context.Context, t *asynq.Task) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost,
			os.Getenv("HPPLINK_GATEWAY_URL")+"/server-to-server-interface/hpp/generate/link", strings.NewReader(string(t.Payload())))
		if err != nil {
			return err
		}
		req.Header = http.Header{"Authorization": {"Basic k"}, "X-Api-Key": {"k"}, "Content-Type": {"application/json"}}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		return rdb.RPush(ctx, "plain:done", t.Payload()).Err()
	}))
	if err != nil {
		panic(err)
	}
}

// TestPlainAsynqAfterAKill measures, for comparison, how long the tasks of a killed worker wait when only
// asynq gives them back.
func TestPlainAsynqAfterAKill(t *testing.T) {
	if os.Getenv("HPPLINK_COMPARE") == "" {
		t.Skip("it takes some 100 s and tests nothing of ours: set HPPLINK_COMPARE=1, or run `make kill`")
	}
	const n = 600
	s := startSystem(t, 0, "--latency", "500ms")
	opt, err := asynq.ParseRedisURI(s.redisURL)
	if err != nil {
		t.Fatal(err)
	}
	client := asynq.NewClient(opt)
	defer client.Close()
	for i := range n {
		if _, err := client.Enqueue(asynq.NewTask("plain", loadOrder(i)), asynq.Queue("plain")); err != nil {
			t.Fatal(err)
		}
	}
	var workers []*exec.Cmd
	for range 2 {
		cmd := exec.Command("plainworker")
		cmd.Env = append(os.Environ(), s.workerEnv()...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		workers = append(workers, cmd)
	}
	done := func(want int64, within time.Duration) {
		for end := time.Now().Add(within); ; time.Sleep(20 * time.Millisecond) {
			got, err := s.rdb.LLen(context.Background(), "plain:done").Result()
			if err == nil && got >= want {
				return
			}
			if time.Now().After(end) {
				t.Fatal(fmt.Errorf("%d tasks are done, want %d: %w", got, want, err))
			}
		}
	}
	done(n/4, patience)
	at := time.Now()
	if err := workers[0].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	done(n, 5*time.Minute)
	t.Logf("plain asynq: the last task of the killed worker was done after %v", time.Since(at).Round(100*time.Millisecond))
}
