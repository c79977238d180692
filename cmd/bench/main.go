// Command bench measures hpplink beside a plain asynq worker; see deploy/PERFORMANCE.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/hpplink/hpplink/internal/bench"
)

type commands struct {
	Run   runCommand   `cmd:"" default:"withargs" help:"Measure, and print tables."`
	Check checkCommand `cmd:"" help:"Measure shortly, and fail when hpplink takes too much CPU time."`

	// What the benchmark runs of itself, each in a process of its own.
	Gateway gatewayCommand `cmd:"" hidden:""`
	Plain   plainCommand   `cmd:"" hidden:""`
	Bare    bareCommand    `cmd:"" hidden:""`
	Enqueue enqueueCommand `cmd:"" hidden:""`
}

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c commands
	k := kong.Parse(&c, kong.Name("bench"), kong.Description("Measures hpplink beside a plain asynq worker."), kong.Vars{"measurements": bench.Measurements()})
	k.BindTo(ctx, (*context.Context)(nil))
	err := k.Run()
	if err == nil {
		return 0
	}
	var void *bench.VoidError
	if errors.As(err, &void) {
		fmt.Fprintln(os.Stderr, "\nVOID: a run lost or doubled links, so its numbers count for nothing.")
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	return 1
}
