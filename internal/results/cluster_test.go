package results_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

// onEachMaster returns a key for each of the cluster's masters.
func onEachMaster(t *testing.T, cluster *redistest.Cluster) []string {
	t.Helper()
	streams := make([]string, len(cluster.Nodes))
	for i := 0; slices.Contains(streams, ""); i++ {
		key := fmt.Sprintf("{hpp~%d}:results", i)
		streams[slices.Index(cluster.Nodes, cluster.MasterOf(t, key))] = key
	}
	return streams
}

// TestStreamsOfACluster has a stream on each of three masters, one of which is away for a while.
func TestStreamsOfACluster(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3, 0, "--cluster-require-full-coverage", "no", "--appendonly", "yes", "--appendfsync", "always")
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{cluster.Nodes[0].Addr, cluster.Nodes[1].Addr, cluster.Nodes[2].Addr}})
	t.Cleanup(func() { rdb.Close() })
	streams := onEachMaster(t, cluster)
	b := bench{results.NewReader(rdb, streams...), rdb, streams}

	log, followed, shared := newSaid(), newSeen(), newSeen()
	h := results.NewHub(b.Reader, slog.New(slog.NewTextHandler(log, nil)))
	g := b.join(t, "g", "one")
	background(t, func(ctx context.Context) error { h.Run(ctx); return nil })
	stopReader := background(t, func(ctx context.Context) error { return b.Follow(ctx, results.Start, followed.add) })
	stopGroup := background(t, func(ctx context.Context) error { return g.Read(ctx, true, shared.add) })
	n := 0
	come := func(numbers ...int) {
		t.Helper()
		for _, i := range numbers {
			ref := fmt.Sprint("r", n)
			w := watch(t, h, ref)
			publishIn(t, rdb, streams[i], ref)
			wantEvent(t, w, ref)
			w.Close()
			n++
		}
		followed.await(t, len(numbers))
		shared.await(t, len(numbers))
	}
	come(0, 1, 2, 0)
	stays := watch(t, h, "nobody")
	cluster.Nodes[1].Kill()
	log.await(t, "WARN", streams[1])
	come(0, 2, 2)
	cluster.Nodes[1].Restart(t)
	log.await(t, "INFO", streams[1])
	come(1, 0, 1)
	stays.Close()

	for name, stop := range map[string]func() error{"reader": stopReader, "group": stopGroup} {
		if err := stop(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	followed.want(t, numbered(n)...)
	shared.want(t, numbered(n)...)
	if left := b.unacknowledged(t, "g"); left != 0 {
		t.Errorf("%d not acknowledged", left)
	}
	all := newSeen()
	b.read(t, results.Start, all)
	if got := all.all(); len(got) != n {
		t.Errorf("read %q", got)
	}
}
