package fleet_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/bench/stub"
)

const merchantID = "M-1001"

// fleet is the processes that work one namespace, and the gateway that they ask.
type fleet struct {
	t           *testing.T
	url         string // of Redis
	namespace   string
	partitions  int
	durable     bool
	concurrency int           // calls at once, for each lane of each process; 0: the default
	rate        int           // calls a second that the workers are told of; 0: no limit
	timeout     time.Duration // of the gateway's; 0: the default

	gateway *stub.Gateway
	at      string // where it is
	base    *app.Base
	workers []*process
}

// begin starts the gateway, and opens the namespace.
func (f *fleet) begin(t *testing.T, latency time.Duration) *fleet {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	f.t, f.gateway, f.at = t, stub.New(latency), l.Addr().String()
	go f.gateway.Serve(l)
	f.base = f.open()
	return f
}

// open connects as a producer does that is set like the workers.
func (f *fleet) open() *app.Base {
	f.t.Helper()
	b, err := app.Open(ctx, f.url, f.namespace, 0, slog.New(slog.DiscardHandler))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { b.Close() })
	if f.partitions > 0 {
		err = b.Partition(ctx, f.partitions)
	}
	if f.durable {
		err = errors.Join(err, b.Durable(ctx))
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// start has n more processes work, and waits until they do.
func (f *fleet) start(n int) {
	f.t.Helper()
	begun := len(f.workers)
	for i := range n {
		f.launch(program, fmt.Sprint("worker-", begun+i))
	}
	f.ready(f.workers[begun:]...)
}

// launch starts one more process, of any binary.
func (f *fleet) launch(binary, name string) *process {
	f.t.Helper()
	env := []string{
		"HPPLINK_REDIS=" + f.url, "HPPLINK_NAMESPACE=" + f.namespace, "HPPLINK_LOG_LEVEL=warn",
		"HPPLINK_GATEWAY_URL=http://" + f.at + "/api/v1",
		"HPPLINK_MERCHANT_ID=" + merchantID, "HPPLINK_API_KEY=k", "HPPLINK_X_API_KEY=k",
	}
	add := func(name string, value int) {
		if value > 0 {
			env = append(env, fmt.Sprintf("HPPLINK_%s=%d", name, value))
		}
	}
	add("PARTITIONS", f.partitions)
	add("CONCURRENCY", f.concurrency)
	add("RATE", f.rate)
	if f.timeout > 0 {
		env = append(env, "HPPLINK_GATEWAY_TIMEOUT="+f.timeout.String())
	}
	if f.durable {
		env = append(env, "HPPLINK_DURABILITY=replica")
	}
	p := spawn(f.t, binary, name, env)
	f.workers = append(f.workers, p)
	return p
}

func (f *fleet) ready(all ...*process) {
	f.t.Helper()
	for _, p := range all {
		eventually(f.t, p.name, patience, p.ready)
	}
}

// worked logs how many links each process has published, and fails the test for one that has published none.
func (f *fleet) worked() {
	f.t.Helper()
	for _, p := range f.workers {
		n := p.issued(f.t)
		f.t.Logf("%s: %d links", p.name, n)
		if n == 0 {
			f.t.Errorf("%s did nothing", p.name)
		}
	}
}

// drained waits until the gateway was asked for every order and nothing is owed.
func (f *fleet) drained(n int, within time.Duration) {
	f.t.Helper()
	eventually(f.t, "nothing is owed", within, func() error {
		if seen := f.gateway.Counts().Refs; seen < n {
			return fmt.Errorf("the gateway was asked for %d of %d orders", seen, n)
		}
		c, err := f.base.Ledger.Counts(ctx)
		if err == nil && c.Open() > 0 {
			err = fmt.Errorf("%d orders are open", c.Open())
		}
		return err
	})
}

// asked waits until the gateway was asked for so many orders.
func (f *fleet) asked(n int) {
	f.t.Helper()
	eventually(f.t, fmt.Sprint("the gateway to be asked for ", n, " orders"), patience, func() error {
		if seen := f.gateway.Counts().Refs; seen < n {
			return fmt.Errorf("%d so far", seen)
		}
		return nil
	})
}
