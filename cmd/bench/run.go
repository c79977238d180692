package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/hpplink/hpplink/internal/bench"
)

// sizes are what can be said about every measurement.
type sizes struct {
	Rounds  int    `help:"Runs of each contender."`
	Orders  int    `help:"Orders of a run."`
	Hpplink string `placeholder:"FILE" help:"Binary of hpplink; none: it is built." type:"existingfile"`
	Raw     string `placeholder:"FILE" help:"File for the raw numbers, a line of JSON for each run."`
}

type runCommand struct {
	sizes
	Long       bool           `help:"At full size, which takes hours."`
	Only       []string       `placeholder:"NAME" help:"Measurements to make, of ${measurements}; none: all."`
	Contenders []string       `placeholder:"NAME" help:"Contenders to measure, of bare, plain and hpplink; none: all."`
	InFlight   int            `name:"in-flight" help:"Calls of the gateway at once."`
	Latency    *time.Duration `help:"What the gateway takes to answer, such as 20ms."`
	Samples    int            `help:"Orders by each way, of which the latency is measured."`
	Against    string         `placeholder:"FILE" help:"Another binary of hpplink, to be measured beside it." type:"existingfile"`
}

// Run measures.
func (c *runCommand) Run(ctx context.Context) error {
	return c.measure(ctx, bench.Options{
		Long: c.Long, Only: c.Only, Contenders: c.Contenders, InFlight: c.InFlight, Latency: c.Latency, Samples: c.Samples, Against: c.Against,
	}, (*bench.Bench).Run)
}

type checkCommand struct{ sizes }

// Run measures and holds what came out against the bound.
func (c *checkCommand) Run(ctx context.Context) error {
	return c.measure(ctx, bench.Options{}, (*bench.Bench).Check)
}

func (s *sizes) measure(ctx context.Context, o bench.Options, run func(*bench.Bench, context.Context) error) error {
	raw, err := s.raw()
	if err != nil {
		return err
	}
	defer raw.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "hpplink-bench-bin-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.Hpplink, err = s.binary(ctx, dir); err != nil {
		return err
	}
	o.Rounds, o.Orders, o.Table, o.Raw = s.Rounds, s.Orders, os.Stdout, raw
	b, err := bench.New(self, o)
	if err != nil {
		return err
	}
	defer b.Close()
	return run(b, ctx)
}

func (s *sizes) raw() (io.WriteCloser, error) {
	if s.Raw == "" {
		return os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	}
	return os.Create(s.Raw)
}

// binary is the one that was named, or one that is built of the working directory, as the Makefile does.
func (s *sizes) binary(ctx context.Context, dir string) (string, error) {
	if s.Hpplink != "" {
		return s.Hpplink, nil
	}
	path := filepath.Join(dir, "hpplink")
	build := exec.CommandContext(ctx, "go", "build", "-o", path, "./cmd/hpplink")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building hpplink: %w\n%s", err, out)
	}
	return path, nil
}
