package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/gateway/sandbox"
)

type sandboxCommand struct {
	config.Log
	Listen  string        `default:"127.0.0.1:8090" placeholder:"HOST:PORT" help:"Address to serve on."`
	Latency time.Duration `default:"50ms" help:"How long an answer takes."`
	Jitter  time.Duration `default:"20ms" help:"How much longer it may take, at random."`
	Faults  string        `placeholder:"LIST" help:"What goes wrong, such as '500=0.05x1,hang=0.01:20s'. The page at / explains it."`
	Seed    uint64        `help:"Repeats a run: the same orders meet the same faults. Default: a fixed one."`
	Public  string        `placeholder:"URL" help:"Base of the links. Default: what the request named."`

	Idempotent bool `help:"Answer a ref that has a link with that link, instead of minting another."`
	Conflict   bool `help:"Answer a ref that has a link with 409."`
}

// Help gives examples.
func (sandboxCommand) Help() string {
	return `Examples:
  hpplink sandbox
  hpplink sandbox --faults '500=0.05x1,429=0.1:2s,hang=0.01'
  HPPLINK_GATEWAY_URL=http://127.0.0.1:8090/api/v1 HPPLINK_API_KEY=any HPPLINK_X_API_KEY=any hpplink run …

What was asked and minted: GET /_sandbox/journal and /_sandbox/journal/summary.
To try a failure with one order, end its ref in ~ and the fault: INV-1~500x2 fails twice, then works.`
}

// Run serves until the context ends.
func (c *sandboxCommand) Run(ctx context.Context, s Streams) error {
	faults, err := sandbox.ParseFaults(c.Faults)
	if err != nil {
		return config.Errors{fmt.Errorf("--faults: %w", err)}
	}
	gw, err := sandbox.New(sandbox.Options{
		Seed: c.Seed, Latency: c.Latency, Jitter: c.Jitter, PublicURL: c.Public, Faults: faults,
		Idempotent: c.Idempotent, DuplicateConflict: c.Conflict, Logger: c.Logger(s.Err),
	})
	if err != nil {
		return config.Errors{err}
	}
	defer gw.Close()
	ln, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return config.Errors{fmt.Errorf("--listen: %w", err)}
	}
	fmt.Fprintf(s.Out, "sandbox gateway on http://%s/\nset HPPLINK_GATEWAY_URL=http://%s/api/v1 and any keys\n", ln.Addr(), ln.Addr())
	return serve(ctx, ln, gw.Handler(), gw.Close)
}

// serve serves until the context ends, and then lets requests finish for a little while.
func serve(ctx context.Context, ln net.Listener, h http.Handler, closing func()) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		closing()
		bound, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		stopped <- server.Shutdown(bound)
	})
	err := server.Serve(ln)
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
