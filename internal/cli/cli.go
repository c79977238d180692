// Package cli is the command line: it reads flags and variables, calls the parts, and tells
// people or machines what came of it. It holds no rule of the domain.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/redisconn"
)

// Exit codes; they are a contract.
const (
	exitOK     = 0
	exitFailed = 1 // it ran, and something failed
	exitUsage  = 2 // wrong usage or configuration
	exitRedis  = 3 // Redis is out of reach: try again
)

// commands is the whole command line.
type commands struct {
	Run        runCommand        `cmd:"" help:"Work orders: ask the gateway for their links and publish them."`
	Demo       demoCommand       `cmd:"" help:"See it work: 1,000 orders on an embedded Redis and a simulated gateway."`
	Sandbox    sandboxCommand    `cmd:"" help:"Serve a simulated gateway to develop against."`
	Enqueue    enqueueCommand    `cmd:"" help:"Hand orders in, from a file or standard input."`
	Bulk       bulkCommand       `cmd:"" help:"From a spreadsheet to links, and back."`
	Status     statusCommand     `cmd:"" help:"Look an order up, or count all of them."`
	Results    resultsCommand    `cmd:"" help:"Read the result stream."`
	Open       openCommand       `cmd:"" help:"Orders that something is owed for: list them, or end some by hand."`
	Failed     failedCommand     `cmd:"" help:"Orders that ended without a link: list, replay or discard them."`
	Surplus    surplusCommand    `cmd:"" help:"Links that the gateway minted and that nobody was shown."`
	Partitions partitionsCommand `cmd:"" help:"How orders are spread over the masters of a Redis Cluster."`
	Mail       mailCommand       `cmd:"" help:"See the email that carries a link, and send one as a test."`
	Check      checkCommand      `cmd:"" help:"See whether all is fit for production, and what to do if not; no order is worked."`
	Healthy    healthyCommand    `cmd:"" help:"Ask a process of this machine whether it is well, for health checks."`

	Version kong.VersionFlag `short:"V" help:"Print the version and exit."`
}

// errFailed ends a command that has told everything itself.
var errFailed = errors.New("something failed")

// Main runs the program with the process' own arguments and streams, and returns its exit code.
// The first SIGINT or SIGTERM asks it to finish; a second one ends it at once.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return Run(ctx, os.Args[1:], Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
}

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Run runs one command line and returns its exit code.
func Run(ctx context.Context, args []string, s Streams) (code int) {
	var c commands
	parser, err := newParser(&c, s, &code)
	if err != nil {
		fmt.Fprintln(s.Err, "hpplink:", err)
		return exitUsage
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	defer func() {
		// kong ends --help and --version through its exit function, which must not end a test.
		if x := recover(); x != nil && x != errExit {
			panic(x)
		}
	}()
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(s.Err, "hpplink: %v\nTry 'hpplink --help'.\n", err)
		return exitUsage
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.Bind(s)
	return s.exitCode(parsed.Run())
}

var errExit = errors.New("exit")

func newParser(c *commands, s Streams, code *int) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("hpplink"),
		kong.Description("Turns orders in Redis into hosted-payment-page links: each exactly once, whatever crashes in between.\n\n"+
			"Every flag can be set by the variable named behind it."),
		kong.Writers(s.Out, s.Err),
		kong.Exit(func(n int) {
			*code = n
			panic(errExit)
		}),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Vars{"version": Version(), "gateway_timeout": merchant.DefaultTimeout.String()},
	)
}

// exitCode prints an error that was not told yet, and sorts it.
func (s Streams) exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if !errors.Is(err, errFailed) {
		fmt.Fprintln(s.Err, "hpplink:", strings.ReplaceAll(err.Error(), "\n", "\nhpplink: "))
	}
	var (
		settings config.Errors
		badURL   *redisconn.URLError
		denied   *redisconn.DeniedError
		unfit    *redisconn.UnfitError
		parts    *app.PartitionsError
	)
	switch {
	case redisconn.IsAway(err), errors.Is(err, errNotTaken):
		return exitRedis
	case errors.As(err, &settings), errors.As(err, &badURL), errors.As(err, &denied), errors.As(err, &unfit), errors.As(err, &parts),
		errors.Is(err, app.ErrForgetsTooSoon):
		return exitUsage
	}
	return exitFailed
}

// writeJSON writes one object a line.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// isTerminal reports whether a person sees what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
