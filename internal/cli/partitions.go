package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/partition"
)

type partitionsCommand struct {
	List   partitionsListCommand   `cmd:"" default:"withargs" help:"List them: their names, streams and orders."`
	Set    partitionsSetCommand    `cmd:"" help:"Have new orders go to another number of partitions."`
	Forget partitionsForgetCommand `cmd:"" help:"End the look-ups in partitions of a former number."`
}

type partitionsListCommand struct {
	config.Redis
	JSON bool `name:"json" help:"One JSON object a line."`
}

// Help gives examples.
func (partitionsListCommand) Help() string {
	return `Examples:
  hpplink partitions
  hpplink partitions list --json

Those of a former number take no new orders; they are worked, and known, until they are forgotten.`
}

// partitionJSON is a partition for machines.
type partitionJSON struct {
	Name    string `json:"name"`
	Use     string `json:"use"`
	Of      int    `json:"of,omitempty"` // how many of its number there are
	Results string `json:"results"`
	Open    int    `json:"open"`
	Failed  int    `json:"failed"`
}

// The uses of a partition.
const (
	useNow    = "now"
	useFormer = "former"
	useHome   = "home" // streams, batches and rates alone
)

// Run lists the partitions.
func (c *partitionsListCommand) Run(ctx context.Context, s Streams) error {
	base, err := openShared(ctx, c.Redis, s)
	if err != nil {
		return err
	}
	defer base.Close()
	all, err := partitionsOf(ctx, base.Ledger)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, p := range all {
		if c.JSON {
			if err := writeJSON(s.Out, p); err != nil {
				return err
			}
			continue
		}
		use := p.Use
		if p.Of > 1 || p.Use == useFormer {
			use = fmt.Sprintf("%s, of %d", p.Use, p.Of)
		}
		rows = append(rows, []string{p.Name, use, strconv.Itoa(p.Open), strconv.Itoa(p.Failed), p.Results})
	}
	if !c.JSON {
		if err := (&table{out: s.Out}).print([]string{"PARTITION", "USE", "OPEN", "FAILED", "RESULTS"}, rows); err != nil {
			return err
		}
	}
	return warnOfUnworked(ctx, base.Ledger, s)
}

// warnOfUnworked names partitions that no worker works although there are workers: those of a version that does not look for new ones.
func warnOfUnworked(ctx context.Context, l *partition.Ledger, s Streams) error {
	names, err := l.Unworked(ctx)
	if err != nil || len(names) == 0 {
		return err
	}
	_, err = fmt.Fprintf(s.Err, "no worker works %s: orders there wait; restart the workers, unless this has just begun\n", strings.Join(names, ", "))
	return err
}

func openShared(ctx context.Context, r config.Redis, s Streams) (*app.Base, error) {
	if err := r.CheckShared(); err != nil {
		return nil, err
	}
	return app.Open(ctx, r.Redis, r.Namespace, 0, config.Log{}.Logger(s.Err))
}

func partitionsOf(ctx context.Context, l *partition.Ledger) (all []partitionJSON, err error) {
	layout := l.Layout()
	of := map[string]int{}
	for _, n := range append([]int{layout.Partitions}, layout.Former...) {
		for _, name := range partition.Names(l.Home().Namespace(), n) {
			of[name] = n
		}
	}
	for _, one := range l.All() {
		p, err := partitionOf(ctx, one)
		if err != nil {
			return nil, err
		}
		switch p.Of = of[p.Name]; p.Of {
		case 0:
			p.Use = useHome
		case layout.Partitions:
			p.Use = useNow
		default:
			p.Use = useFormer
		}
		all = append(all, p)
	}
	return all, nil
}

func partitionOf(ctx context.Context, one *ledger.Ledger) (partitionJSON, error) {
	counts, err := one.Counts(ctx)
	return partitionJSON{Name: one.Namespace(), Results: one.Keys().Results(), Open: counts.Open(), Failed: counts.Failed + counts.FailedEmails}, err
}

type partitionsSetCommand struct {
	config.Redis
	N int `arg:"" help:"How many: 1 to 16."`
}

// Help says what has to be done around it.
func (partitionsSetCommand) Help() string {
	return `Examples:
  hpplink partitions set 6

New orders go to that many partitions at once, also those that running processes take in. What is in the former ones
is worked where it is, and known for as long as it is remembered. Running workers begin to work the new ones within
seconds. Afterwards restart all processes, workers first, with HPPLINK_PARTITIONS changed where it is set: they read
results of the partitions that there were at their start. All processes have to be of a version that knows partitions.
It is safe to repeat, and finishes what was interrupted.`
}

// Run has new orders go to another number of partitions.
func (c *partitionsSetCommand) Run(ctx context.Context, s Streams) error {
	if c.N < 1 || c.N > partition.Most {
		return config.Errors{fmt.Errorf("%d is not between 1 and %d", c.N, partition.Most)}
	}
	base, err := openShared(ctx, c.Redis, s)
	if err != nil {
		return err
	}
	defer base.Close()
	if _, err := partition.Grow(ctx, base.Redis.Client(), c.Namespace, c.N); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "new orders go to %s; restart all processes now, workers first\n", counted(c.N, "partition"))
	return err
}

type partitionsForgetCommand struct {
	config.Redis
	N         int           `arg:"" help:"The former number of partitions."`
	Retention time.Duration `env:"HPPLINK_RETENTION" default:"720h" help:"How long issued orders are remembered."`
}

// Help says when.
func (partitionsForgetCommand) Help() string {
	return `Examples:
  hpplink partitions forget 1

It is refused while one of them has an open or a failed order, or remembers one that was settled: that is looked for among all
keys of its master, which takes a while. Restart all processes afterwards.`
}

// Run ends the look-ups in partitions of a former number.
func (c *partitionsForgetCommand) Run(ctx context.Context, s Streams) error {
	base, err := openShared(ctx, c.Redis, s)
	if err != nil {
		return err
	}
	defer base.Close()
	if err := c.mayForget(ctx, base.Ledger); err != nil {
		return err
	}
	if _, err := partition.Forget(ctx, base.Redis.Client(), c.Namespace, c.N); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "orders are not looked for in the former %s any more, once all processes are restarted\n", counted(c.N, "partition"))
	return err
}

func (c *partitionsForgetCommand) mayForget(ctx context.Context, l *partition.Ledger) error {
	all, err := partitionsOf(ctx, l)
	if err != nil {
		return err
	}
	found := false
	for _, p := range all {
		if p.Use != useFormer || p.Of != c.N {
			continue
		}
		found = true
		if p.Open+p.Failed > 0 {
			return fmt.Errorf("partition %s has %s and %s: let them be worked, and replay or discard those that failed", p.Name,
				counted(p.Open, "open order"), counted(p.Failed, "failed one"))
		}
	}
	if !found {
		return fmt.Errorf("%d is no former number of partitions: see 'hpplink partitions'", c.N)
	}
	if until := l.Layout().Since.Add(c.Retention); time.Now().Before(until) {
		return fmt.Errorf("orders of these partitions may be remembered until %s: sent again before that, they would get a second link", until.UTC().Format(time.RFC3339))
	}
	return nil
}
