package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/bulk"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
)

// TestResume crashes at any command, any number of times, while orders are worked on: in the end every order is in
// the batch once, the counts are right, and the result has a row for each.
func TestResume(t *testing.T) {
	defer bulk.SmallPages(4)()
	redistest.Each(t, func(t *testing.T, addr string) {
		c := newCrashes(t, addr)
		rapid.Check(t, func(t *rapid.T) { c.check(t) })
	})
}

// crashes is a desk whose Redis client dies when told.
type crashes struct {
	*bench
	dies *dies
}

func newCrashes(t *testing.T, addr string) *crashes {
	b := newBench(t, addr)
	conn, err := redisconn.Open(ctx, "redis://"+addr, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	q := queue.NewClient(conn.AsynqOpt(), ns)
	t.Cleanup(func() {
		q.Close()
		conn.Close()
	})
	d := &dies{}
	conn.Client().AddHook(d)
	l := ledger.New(conn.Client(), ns, 0)
	b.Desk = &bulk.Desk{Ledger: partition.Single(l), Door: intake.New(partition.Single(l), q, merchant.NewDirectory(shop("M1")), slog.New(slog.DiscardHandler))}
	return &crashes{b, d}
}

func (c *crashes) check(t *rapid.T) {
	c.dies.after(-1, false)
	if err := c.rdb.FlushAll(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	n := rapid.IntRange(1, 30).Draw(t, "rows")
	in := c.file(t, "inv.csv", rows(n)...)
	settled := map[string]bool{} // whether with a link
	for range rapid.IntRange(0, 5).Draw(t, "crashes") {
		c.dies.after(rapid.IntRange(0, 40).Draw(t, "commands"), rapid.Bool().Draw(t, "executed"))
		c.attempt(t, in)
		c.dies.after(-1, false)
		c.work(t, n, settled)
	}
	c.attempt(t, in)
	c.verify(t, in, n, settled)
}

// attempt runs the file once, as far as it comes.
func (c *crashes) attempt(t *rapid.T, in *bulk.Input) {
	p, err := c.Plan(ctx, in, bulk.Watch{})
	if err == nil {
		_, err = c.Send(ctx, in, p, bulk.Retry{}, nil)
	}
	if err != nil && !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	if errors.Is(err, errCrash) != c.dies.dead() {
		t.Fatalf("it ended with %v", err)
	}
}

// work settles some of the orders that are there.
func (c *crashes) work(t *rapid.T, n int, settled map[string]bool) {
	for _, i := range rapid.SliceOfN(rapid.IntRange(0, n-1), 0, 4).Draw(t, "settled") {
		ref := fmt.Sprintf("INV-%05d", i)
		r, found, err := c.Ledger.Get(ctx, key(ref))
		if err != nil {
			t.Fatal(err)
		}
		if !found || r.State != ledger.Queued {
			continue
		}
		if settled[ref] = rapid.Bool().Draw(t, "linked"); settled[ref] {
			c.issue(t, ref)
		} else {
			c.fail(t, ref, ledger.Failure{Code: "rejected"})
		}
	}
}

func (c *crashes) verify(t *rapid.T, in *bulk.Input, n int, settled map[string]bool) {
	p := c.plan(t, in)
	b, err := c.Batch(ctx, p.Batch)
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for _, linked := range settled {
		if linked {
			links++
		}
	}
	if b.Orders != n || b.Issued != links || b.Failed != len(settled)-links || b.Open != n-len(settled) || !b.Sealed || b.Run != 1 {
		t.Fatalf("%+v, with %d of %d settled, %d of them linked", b, len(settled), n, links)
	}
	seen := map[string]bool{}
	err = c.Orders(ctx, p.Batch, func(orders []bulk.Order) error {
		for _, o := range orders {
			if seen[o.Key.Ref] || o.Record.Generation != 1 {
				t.Fatalf("%s: %+v; seen before: %v", o.Key, o.Record, seen[o.Key.Ref])
			}
			seen[o.Key.Ref] = true
		}
		return nil
	})
	if err != nil || len(seen) != n {
		t.Fatalf("%d orders: %v", len(seen), err)
	}
	result, lines := c.result(t, in, p)
	if result != (bulk.Result{Rows: n, Linked: links, Failed: len(settled) - links, Waiting: n - len(settled)}) {
		t.Fatalf("%+v", result)
	}
	for i, l := range lines[1:] {
		if ref := fmt.Sprintf("INV-%05d,", i); l[:len(ref)] != ref {
			t.Fatalf("row %d is %q", i, l)
		}
	}
}

var errCrash = errors.New("crash")

// dies is a hook after so many commands of which none works any more. The last one may have reached Redis, or not.
type dies struct {
	mu       sync.Mutex
	left     int // -1: it lives
	executed bool
	died     bool
}

func (d *dies) after(commands int, executed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left, d.executed, d.died = commands, executed, false
}

func (d *dies) dead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.died
}

// spend takes one command, and tells whether it reaches Redis and whether its reply comes back.
func (d *dies) spend() (reaches, returns bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.left < 0:
		return true, true
	case d.left > 0:
		d.left--
		return true, true
	}
	first := !d.died
	d.died = true
	return first && d.executed, false
}

func (d *dies) DialHook(next redis.DialHook) redis.DialHook { return next }

func (d *dies) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		reaches, returns := d.spend()
		if reaches {
			if err := next(ctx, cmd); returns {
				return err
			}
		}
		cmd.SetErr(errCrash)
		return errCrash
	}
}

func (d *dies) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		reaches, returns := d.spend()
		if reaches {
			if err := next(ctx, cmds); returns {
				return err
			}
		}
		for _, cmd := range cmds {
			cmd.SetErr(errCrash)
		}
		return errCrash
	}
}
