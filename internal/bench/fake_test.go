package bench

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/bench/stub"
)

// TestMain has the test binary be what the benchmark runs: the gateway, and workers that do what they are told.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		if err := role(os.Args[1], os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func role(name string, args []string) error {
	switch name {
	case "gateway":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		fmt.Println(l.Addr())
		latency, _ := time.ParseDuration(args[1])
		return stub.New(latency).Serve(l)
	case "fail":
		return fmt.Errorf("it broke")
	case "work":
		return fakeWork(args[0], args[1], args[2])
	}
	return nil // it enqueues
}

// fakeWork posts and publishes refs, as "1,2,2/1,2": what is posted, then what is published. Then it waits for SIGTERM.
func fakeWork(redisAddr, gateway, script string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	rdb := redis.NewClient(&redis.Options{Addr: redisAddr})
	posted, published, _ := strings.Cut(script, "/")
	for number := range strings.SplitSeq(posted, ",") {
		res, err := http.Post(gateway, "application/json", strings.NewReader(`{"merchant_txn_ref":"`+number+`"}`))
		if err != nil {
			return err
		}
		res.Body.Close()
	}
	for number := range strings.SplitSeq(published, ",") {
		number, kind, typed := strings.Cut(number, ":")
		values := []any{"merchant_txn_ref", number}
		if typed {
			values = append(values, "type", kind)
		}
		if err := rdb.XAdd(ctx, &redis.XAddArgs{Stream: "fake", Values: values}).Err(); err != nil {
			return err
		}
		time.Sleep(2 * time.Millisecond) // so that there is a time between the first and the last
	}
	<-ctx.Done()
	return nil
}

// newBench is a benchmark of a fake contender that does what the script says.
func newBench(t *testing.T, script string) (*Bench, contender, *strings.Builder) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var raw strings.Builder
	b, err := New(self, Options{Table: &strings.Builder{}, Raw: &raw})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	b.patience = 2 * time.Second
	return b, contender{
		name: "fake", results: "fake",
		enqueue: func(*lab) command { return command{path: self, args: []string{"enqueue"}} },
		work: func(l *lab, inFlight int) command {
			return command{path: self, args: []string{"work", l.redis.addr, l.gatewayURL, script, strconv.Itoa(inFlight)}}
		},
	}, &raw
}
