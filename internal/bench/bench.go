// Package bench measures hpplink beside what somebody would write without it; see deploy/PERFORMANCE.md.
//
// Every run has a redis-server and a gateway of its own, each a process, and so is the worker. hpplink is the real binary,
// with the settings that it comes with. The contenders take turns within a round, so that whatever else the machine does
// meets all of them; what is compared are the runs of one round.
//
// It knows the processes and what to count. It does not know how any of the contenders works.
package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// Options say what is measured. Zero values stand for what each measurement says.
type Options struct {
	Long       bool     // at full size
	Only       []string // names of measurements; none: all
	Contenders []string // names of contenders; none: all that a measurement has

	Rounds   int
	Orders   int
	InFlight int            // calls of the gateway at once
	Latency  *time.Duration // of the gateway
	Samples  int            // of a latency

	Hpplink string // the binary
	Against string // another one, to be measured beside it; "" for none

	Table io.Writer // for people
	Raw   io.Writer // every sample as a line of JSON
}

// Bench measures. Close it.
type Bench struct {
	options  Options
	self     string // this program, which is the gateway and the plain workers too
	dir      string
	patience time.Duration // how long nothing may happen before what is missing is taken for lost
}

// New prepares a folder for all that the processes write. self is the path of cmd/bench.
func New(self string, o Options) (*Bench, error) {
	for _, name := range o.Only {
		if !slices.ContainsFunc(plan, func(m measurement) bool { return m.name == name }) {
			return nil, fmt.Errorf("--only: there is no measurement %q: take some of %s", name, Measurements())
		}
	}
	for _, name := range o.Contenders {
		if !slices.Contains([]string{Bare, Plain, Hpplink}, name) {
			return nil, fmt.Errorf("--contenders: there is no %q: take some of %s, %s and %s", name, Bare, Plain, Hpplink)
		}
	}
	dir, err := os.MkdirTemp("", "hpplink-bench-")
	if err != nil {
		return nil, err
	}
	return &Bench{options: o, self: self, dir: dir, patience: defaultPatience}, nil
}

// Close removes what New made.
func (b *Bench) Close() error { return os.RemoveAll(b.dir) }

// Run makes all measurements that are asked for, and prints the table of each. A *VoidError ends it.
func (b *Bench) Run(ctx context.Context) error {
	if err := b.head(ctx); err != nil {
		return err
	}
	for _, m := range plan {
		if len(b.options.Only) > 0 && !slices.Contains(b.options.Only, m.name) || m.long && !b.options.Long && len(b.options.Only) == 0 {
			continue
		}
		if err := m.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// head says where and when.
func (b *Bench) head(ctx context.Context) error {
	m, err := describe(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(b.options.Table, m)
	return b.record(m)
}

// Sample is what one run measured.
type Sample struct {
	Measurement string             `json:"measurement"`
	Case        string             `json:"case"`
	Contender   string             `json:"contender"`
	Round       int                `json:"round"`
	Values      map[string]float64 `json:"values"`
	Series      []float64          `json:"series,omitempty"` // of a latency: every one, in milliseconds
}

// record writes something down as a line.
func (b *Bench) record(what any) error {
	line, err := json.Marshal(what)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(b.options.Raw, "%s\n", line)
	return err
}

// contenders are those of a measurement that were asked for.
func (b *Bench) contenders(of ...string) (all []contender) {
	for _, name := range of {
		if len(b.options.Contenders) == 0 || slices.Contains(b.options.Contenders, name) {
			all = append(all, b.contender(name))
		}
	}
	if b.options.Against != "" {
		all = append(all, b.contender(Against))
	}
	return all
}

// turn is the order of the contenders in a round, from 0: each is first, second and so on equally often.
func turn[T any](all []T, round int) []T {
	if len(all) == 0 {
		return nil
	}
	first := round % len(all)
	return append(slices.Clone(all[first:]), all[:first]...)
}
