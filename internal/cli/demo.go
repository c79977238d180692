package cli

import (
	"context"
	"os"

	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/demo"
)

type demoCommand struct {
	Verbose bool `short:"v" help:"Show the worker's log on standard error."`
}

// Help gives examples.
func (demoCommand) Help() string {
	return `Examples:
  hpplink demo
  hpplink demo --verbose 2>worker.log

It needs no settings, no Redis and no network, and leaves nothing behind. On a terminal it stays
until Enter, so that links and emails can be opened; elsewhere it ends by itself.
Exit code 0: everything came out as expected; 1: something did not, and is named.`
}

// Run plays the demo.
func (c *demoCommand) Run(ctx context.Context, s Streams) error {
	o := demo.Options{Out: s.Out, Terminal: isTerminal(s.Out), In: s.In}
	o.Color = o.Terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if c.Verbose {
		o.Log = config.Log{}.Logger(s.Err)
	}
	return demo.Run(ctx, o)
}
