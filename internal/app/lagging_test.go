package app

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

// inTheWay is more than what a connection to a replica holds that does not read.
const inTheWay = 64 << 20

// TestReplicaThatLagsIsPromoted has the replica that lags be the only one that is left: whatever the other one alone has
// acknowledged is lost then, and no order may be among that.
func TestReplicaThatLagsIsPromoted(t *testing.T) {
	s := redistest.StartSentinel(t, "--repl-timeout", "3600")
	b := openURL(t, s.URL())
	if err := b.Durable(ctx); err != nil {
		t.Fatal(err)
	}
	_, m := slowGateway(t)
	door := b.Door(m)
	if n := accepted(door, "before"); n != handed {
		t.Errorf("%d of %d orders were acknowledged", n, handed)
	}

	lags := s.Servers[2]
	lags.Pause(t)
	master := redistest.Client(t, s.Now(t).Addr)
	master.Set(ctx, "in the way", strings.Repeat("x", inTheWay), 0)
	if n := acknowledgedByOne(t, master); n != 1 {
		t.Fatalf("%d replicas keep up", n)
	}
	if n := accepted(door, "while one lags"); n != 0 {
		t.Errorf("%d orders were acknowledged that one replica does not have", n)
	}

	s.Promote(t, lags)
	if redistest.Client(t, s.Now(t).Addr).Exists(ctx, "one has it").Val() != 0 {
		t.Fatal("it did not lag")
	}
	for i := range handed {
		if r, found, err := b.Ledger.ForPages().Get(ctx, orderKey("before", i)); err != nil || !found {
			t.Errorf("an order that was acknowledged is lost: %+v, %v", r, err)
		}
	}
	s.Restart(t, s.Servers[1])
	until(t, "orders are acknowledged again", func() bool { return accepted(door, "while one lags") == handed })
}

// acknowledgedByOne has one replica acknowledge something, and returns how many did.
func acknowledgedByOne(t *testing.T, master *redis.Client) int64 {
	t.Helper()
	conn := master.Conn()
	defer conn.Close()
	conn.Set(ctx, "one has it", "v", 0)
	n, err := conn.Wait(ctx, 1, patience).Result()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func orderKey(kind string, i int) order.Key {
	return order.Key{MerchantID: "M1", Ref: strings.ReplaceAll(fmt.Sprint(kind, i), " ", "-")}
}

// accepted hands orders in, and returns how many are acknowledged.
func accepted(door *intake.Door, kind string) (n int) {
	var events []intake.Event
	for i := range handed {
		events = append(events, intake.Event{JSON: fmt.Appendf(nil, `{"merchant_txn_ref":%q,"currency":"JPY"}`, orderKey(kind, i).Ref), Lane: lanes[0]})
	}
	for _, r := range door.Submit(ctx, events) {
		if r.Status == intake.Accepted || r.Status == intake.Known {
			n++
		}
	}
	return n
}
