package plain

import (
	"context"
	"fmt"
	"io"

	"github.com/hibiken/asynq"
)

// Serve works the queues with one asynq.Server, as it comes, until the context ends. queues are those of asynq.Config: with
// one, tasks go in turn; with several, by their weight.
func Serve(ctx context.Context, redisAddr string, concurrency int, queues map[string]int, h asynq.HandlerFunc) error {
	server := asynq.NewServer(asynq.RedisClientOpt{Addr: redisAddr}, asynq.Config{
		Concurrency: concurrency, Queues: queues, LogLevel: asynq.WarnLevel,
	})
	if err := server.Start(h); err != nil {
		return err
	}
	<-ctx.Done()
	server.Shutdown()
	return nil
}

// Nothing is a handler that does nothing.
func Nothing(context.Context, *asynq.Task) error { return nil }

// Telling is a handler that writes a line for each task, so that somebody can measure when it was picked up.
func Telling(out io.Writer) asynq.HandlerFunc {
	return func(context.Context, *asynq.Task) error {
		_, err := fmt.Fprintln(out, "picked up")
		return err
	}
}
