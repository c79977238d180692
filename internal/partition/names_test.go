package partition_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redistest"
)

// TestNamesLieEvenly asks Redis itself for the slots of the names, for every number of partitions.
func TestNamesLieEvenly(t *testing.T) {
	node := redistest.StartServer(t, "--cluster-enabled", "yes")
	rdb := redistest.Client(t, node.Addr)
	for _, namespace := range []string{"hpp", "a", "shop.eu_2-test"} {
		for n := 2; n <= partition.Most; n++ {
			names := partition.Names(namespace, n)
			if len(names) != n {
				t.Fatalf("%d names for %d", len(names), n)
			}
			for i, name := range names {
				for _, tag := range []string{name, queue.Name(name, order.Interactive), queue.Name(name, order.Bulk)} {
					if at := slot(t, rdb, "{"+tag+"}"); at < i*16384/n || at >= (i+1)*16384/n {
						t.Errorf("%s of %d has slot %d", tag, n, at)
					}
				}
			}
		}
	}
}

func slot(t *testing.T, rdb *redis.Client, key string) int {
	t.Helper()
	n, err := rdb.ClusterKeySlot(ctx, key).Result()
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

// TestNamesStay holds names that are in use: orders would not be found under others.
func TestNamesStay(t *testing.T) {
	if got := partition.Names("hpp", 1); len(got) != 1 || got[0] != "hpp" {
		t.Errorf("one partition is %q", got)
	}
	for n, want := range map[int][]string{2: {"hpp~2.0.1b", "hpp~2.1.1b"}, 6: {"hpp~6.0.6r", "hpp~6.1.10", "hpp~6.2.6l", "hpp~6.3.6q", "hpp~6.4.eh", "hpp~6.5.dp"}} {
		for i, name := range partition.Names("hpp", n) {
			if name != want[i] {
				t.Errorf("%d of %d is %q, and was %q", i, n, name, want[i])
			}
		}
	}
}
