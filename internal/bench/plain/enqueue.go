package plain

import (
	"bufio"
	"context"
	"io"

	"github.com/hibiken/asynq"
	"golang.org/x/sync/errgroup"
)

// producers is how many goroutines enqueue: more find no connection in the client's default pool on a small machine.
const producers = 32

// Enqueue makes a task of each line.
func Enqueue(ctx context.Context, redisAddr, taskType, queue string, lines io.Reader) error {
	client := asynq.NewClient(asynq.RedisClientOpt{Addr: redisAddr})
	defer client.Close()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(producers)
	for in := bufio.NewScanner(lines); ; {
		if !in.Scan() {
			group.Go(in.Err)
			return group.Wait()
		}
		task := asynq.NewTask(taskType, append([]byte(nil), in.Bytes()...))
		group.Go(func() error {
			_, err := client.EnqueueContext(ctx, task, asynq.Queue(queue))
			return err
		})
	}
}
