package partition_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(redistest.M{M: m}) }

const ns = "hpp"

var ctx = context.Background()

func each(t *testing.T, f func(t *testing.T, rdb *redis.Client)) {
	t.Helper()
	redistest.Each(t, func(t *testing.T, addr string) { f(t, redistest.Client(t, addr)) })
}

// tb is what both tests and property tests have.
type tb interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func open(t tb, rdb *redis.Client) *partition.Ledger {
	t.Helper()
	l, err := partition.Open(ctx, rdb, ns, 0)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func begin(t tb, rdb *redis.Client, n int) *partition.Ledger {
	t.Helper()
	if err := partition.Begin(ctx, rdb, ns, n); err != nil {
		t.Fatal(err)
	}
	return open(t, rdb)
}

func key(i int) order.Key { return order.Key{MerchantID: "M-1", Ref: fmt.Sprint("r", i)} }

func submission(i int, batch string) ledger.Submission {
	return ledger.Submission{
		Key: key(i), Lane: order.Interactive, Fingerprint: order.Fingerprint{Sum: "1:same", Fields: "aredcEUR"},
		Order: []byte("order"), Batch: batch,
	}
}

func submissions(from, to int, batch string) (all []ledger.Submission) {
	for i := from; i < to; i++ {
		all = append(all, submission(i, batch))
	}
	return all
}

// accept hands orders in and wants one decision about all of them.
func accept(t tb, l *partition.Ledger, want ledger.Decision, all ...ledger.Submission) []ledger.Acceptance {
	t.Helper()
	answers, errs := l.AcceptAll(ctx, all)
	for i, a := range answers {
		if errs[i] != nil || a.Decision != want {
			t.Fatalf("%s: %+v, %v; want %s", all[i].Key, a, errs[i], want)
		}
	}
	return answers
}

// settle issues the link of an order, or fails it, in the partition that has it.
func settle(t tb, l *partition.Ledger, i int, fail bool) {
	t.Helper()
	for _, one := range l.All() {
		c, err := one.Claim(ctx, key(i), ledger.NewNonce(), time.Minute, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.Grant == ledger.UnknownToLedger {
			continue
		}
		if c.Grant != ledger.Granted || c.Attempt.Namespace != one.Namespace() {
			t.Fatalf("%+v", c)
		}
		if fail {
			_, err = one.Fail(ctx, c.Attempt, ledger.Failure{Code: "rejected"})
		} else {
			_, err = one.Issue(ctx, c.Attempt, ledger.Issuance{Link: ledger.Link{ID: "l" + key(i).Ref, URL: "https://pay.example/" + key(i).Ref}})
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("no partition has %s", key(i))
}

// holders are the partitions that have a record of an order.
func holders(t tb, l *partition.Ledger, i int) (names []string) {
	t.Helper()
	for _, one := range l.All() {
		_, found, err := one.Get(ctx, key(i))
		if err != nil {
			t.Fatal(err)
		}
		if found {
			names = append(names, one.Namespace())
		}
	}
	return names
}
