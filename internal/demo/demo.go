// Package demo shows the whole way of an order at work, and proves what came of it: 1,000 order
// events, an embedded Redis, a simulated gateway that fails now and then, a mail server, and one worker.
//
// It knows the sample and what is to become of each event in it. It does not know how orders are
// worked: it uses the same door, worker and result stream as everybody.
package demo

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
)

const (
	defaultBound = time.Minute
	gatherBound  = 10 * time.Second // for looking at what came of it
	concurrency  = 50               // calls of the gateway at once
)

// Options say how the demo shows itself.
type Options struct {
	Out      io.Writer
	Terminal bool         // a person watches Out: progress is a bar, and the links stay open until In has a line or an end, or the context ends
	In       io.Reader    // that person's keyboard; nil: until the context ends
	Color    bool         // of the text
	Log      *slog.Logger // of the worker; nil: none. With a log there are lines in place of the bar, which it would tear

	// What tests change.
	events []Event
	bound  time.Duration
	faults sandbox.Faults
}

func (o Options) withDefaults() Options {
	if o.events == nil {
		o.events = Sample()
	}
	if o.bound == 0 {
		o.bound = defaultBound
	}
	return o
}

// DifferenceError is everything that did not come out as expected.
type DifferenceError struct{ Differences []string }

// Error lists the differences, one a line.
func (e *DifferenceError) Error() string {
	return "the demo did not come out as expected:\n  " + strings.Join(e.Differences, "\n  ")
}

// Run plays the demo: at most a minute, and on a terminal for as long after it as the context
// lasts. The error is a *DifferenceError when something came out otherwise than expected.
func Run(ctx context.Context, o Options) error {
	o = o.withDefaults()
	gateway, err := serveGateway(sandbox.Options{Latency: latency, Jitter: jitter, Faults: o.faults, Logger: o.Log})
	if err != nil {
		return err
	}
	defer gateway.stop()
	if err := introduce(o); err != nil {
		return err
	}
	h, err := openHouse(ctx, o, gateway)
	if err != nil {
		return orInterrupted(ctx, err)
	}
	defer h.close()
	result, err := h.play(ctx)
	if err != nil {
		return err
	}
	checks := result.checks()
	if err := report(o, result, checks, gateway.base+inboxPath); err != nil {
		return err
	}
	if err := differences(checks); err != nil || !o.Terminal {
		return err
	}
	if err := h.show(ctx); err != nil {
		return err
	}
	o.linger(ctx)
	_, err = io.WriteString(o.Out, "\n") // after the ^C that terminals show
	return err
}

// linger returns when the person has seen enough, or was none.
func (o Options) linger(ctx context.Context) {
	enough := make(chan struct{})
	if o.In != nil {
		go func() { // it can not be interrupted, and ends with the process
			defer close(enough)
			_, _ = bufio.NewReader(o.In).ReadString('\n')
		}()
	}
	select {
	case <-ctx.Done():
	case <-enough:
	}
}

// orInterrupted prefers the reason behind an error of beginning.
func orInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted before it began")
	}
	return err
}
