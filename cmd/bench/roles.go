package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/hpplink/hpplink/internal/bench/plain"
	"github.com/hpplink/hpplink/internal/bench/stub"
)

type gatewayCommand struct {
	Latency time.Duration
}

// Run serves the gateway, and prints where.
func (c *gatewayCommand) Run(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	context.AfterFunc(ctx, func() { l.Close() })
	if err := stub.New(c.Latency).Serve(l); ctx.Err() == nil {
		return err
	}
	return nil
}

type workerFlags struct {
	Redis       string
	Gateway     string
	Concurrency int
	Queues      map[string]int `default:"default=1"`
}

type plainCommand struct{ workerFlags }

// Run is the plain worker.
func (c *plainCommand) Run(ctx context.Context) error {
	w := plain.NewWorker(c.Redis, c.Gateway, c.Concurrency)
	return plain.Serve(ctx, c.Redis, c.Concurrency, c.Queues, w.Handle)
}

type bareCommand struct {
	workerFlags
	Tell bool
}

// Run is the worker that does nothing.
func (c *bareCommand) Run(ctx context.Context) error {
	if c.Tell {
		return plain.Serve(ctx, c.Redis, c.Concurrency, c.Queues, plain.Telling(os.Stdout))
	}
	return plain.Serve(ctx, c.Redis, c.Concurrency, c.Queues, plain.Nothing)
}

type enqueueCommand struct {
	Redis string
	Type  string
	Queue string
}

// Run makes tasks of standard input.
func (c *enqueueCommand) Run(ctx context.Context) error {
	return plain.Enqueue(ctx, c.Redis, c.Type, c.Queue, os.Stdin)
}
