package doctor_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/cli"
	"github.com/hpplink/hpplink/internal/doctor"
	"github.com/hpplink/hpplink/internal/redistest"
)

// TestChangesNothing: whatever lies in Redis is there afterwards as before, and no command was carried out that could have
// changed anything.
func TestChangesNothing(t *testing.T) {
	s := newHouse(t).scene(t)
	s.handIn(t, "M-1001", "1", "2", "3")
	s.alive(t, "v1")
	a := s.claimed(t, true)
	if err := enqueued(t, s).PauseQueue("hpp-bulk"); err != nil {
		t.Fatal(err)
	}
	rdb := s.rdb(t)
	rdb.XAdd(ctx, &redis.XAddArgs{Stream: "{hpp}:orders", Values: []string{"order", "{}"}})
	rdb.Set(ctx, "other", a.Nonce, time.Hour)
	before, changes := everything(t, rdb), changesOf(t, s.redis)
	if err := rdb.ConfigResetStat(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	if code, all := s.check(t, t.Context()); code != 1 || len(all) < 20 {
		t.Fatalf("exit code %d: %v", code, all)
	}
	stats := info(t, s.redis, "commandstats")
	if now := changesOf(t, s.redis); now != changes {
		t.Errorf("%s changes, and before %s", now, changes)
	}
	if after := everything(t, rdb); !maps.Equal(before, after) || len(after) < 10 {
		t.Errorf("before\n%v\nafter\n%v", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
	}
	for name, c := range rdb.Command(ctx).Val() {
		if strings.Contains(stats, "cmdstat_"+name+":") && slices.Contains(c.Flags, "write") {
			t.Errorf("%s was carried out", name)
		}
	}
}

// everything returns all keys with their values, and whether they expire.
func everything(t *testing.T, rdb *redis.Client) map[string]string {
	all := map[string]string{}
	for _, key := range rdb.Keys(ctx, "*").Val() {
		all[key] = fmt.Sprint(rdb.Dump(ctx, key).Val(), rdb.PTTL(ctx, key).Val() > 0)
	}
	return all
}

func changesOf(t *testing.T, addr string) string {
	_, after, _ := strings.Cut(info(t, addr, "persistence"), "rdb_changes_since_last_save:")
	n, _, _ := strings.Cut(after, "\r\n")
	return n
}

// TestMakesNoLink: the gateway is asked twice, and makes no link.
func TestMakesNoLink(t *testing.T) {
	h := newHouse(t)
	s := h.scene(t)
	var posts atomic.Int32
	behind := simulated(t, true)
	s.gateway(serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		posts.Add(1)
		behind.ServeHTTP(w, r)
	}), sound))
	s.check(t, t.Context())
	w := visited(behind, "/_sandbox/journal/summary")
	if posts.Load() != 2 || !strings.Contains(w, `"minted":0`) || !strings.Contains(w, `"posts":2`) {
		t.Errorf("%d posts: %s", posts.Load(), w)
	}
	s.args = []string{"--offline"}
	if s.check(t, t.Context()); posts.Load() != 2 {
		t.Error("it asked although it should not")
	}
}

// TestInterrupt: Ctrl-C ends it, whatever does not answer.
func TestInterrupt(t *testing.T) {
	s := newHouse(t).scene(t)
	asked := make(chan struct{}, 2)
	s.gateway(serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // without that nobody would see that the client has gone
		asked <- struct{}{}
		<-r.Context().Done()
	}), sound))
	for name, value := range s.env {
		t.Setenv("HPPLINK_"+name, value)
	}
	running, interrupt := context.WithCancel(t.Context())
	go func() {
		<-asked
		interrupt()
	}()
	var out, said bytes.Buffer
	begin := time.Now()
	code := cli.Run(running, []string{"check"}, cli.Streams{Out: &out, Err: &said})
	if code != 1 || out.Len() > 0 || said.String() != "hpplink: interrupted\n" || time.Since(begin) > 5*time.Second {
		t.Errorf("exit code %d after %v: %s%s", code, time.Since(begin), out.String(), said.String())
	}
}

// TestTimeIsBounded: nobody answers, and it says so in time.
func TestTimeIsBounded(t *testing.T) {
	silent := between{}.listen(t)
	stuck := func(ctx context.Context) []doctor.Finding {
		<-ctx.Done()
		time.Sleep(1500 * time.Millisecond) // it does not notice
		return nil
	}
	begin := time.Now()
	found := doctor.Examine(t.Context(), 300*time.Millisecond,
		doctor.Redis{URL: "redis://" + silent, Namespace: "hpp"}.Examine, stuck, doctor.Web{Address: silent}.Examine)
	if took := time.Since(begin); took > 1750*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	if len(found) != 3 || found[0].Fault != doctor.Unreachable || !strings.Contains(found[1].Detail, "not everything could be looked at in 300ms") || found[2].Level != doctor.Mend {
		t.Errorf("%+v", found)
	}
	time.Sleep(time.Until(begin.Add(2 * time.Second))) // until the stuck one is gone
}

// TestHighAvailability: a master that Sentinels name is looked at, and all masters of a cluster. A Sentinel itself is none.
func TestHighAvailability(t *testing.T) {
	h := newHouse(t)
	many := redistest.StartSentinel(t, "--appendonly", "yes", "--maxmemory", "1gb", "--min-replicas-to-write", "1")
	shards := redistest.StartCluster(t, 3, 0, "--appendonly", "yes", "--maxmemory", "1gb")
	lonely := "note replicas: Redis at {…} has no replica: if its machine is lost, so are all orders → give it a replica on another machine, and a Sentinel that makes it master"
	loses := "note durability: --durability=master: of the orders that were acknowledged right before a failover some may be lost, and some links published again as others → --durability=replica rules that out"
	for _, r := range []row{
		{"behind Sentinels", func(_ *testing.T, s *scene) { s.env["REDIS"] = many.URL() }, []string{loses}, 0},
		{"behind Sentinels, durable", func(_ *testing.T, s *scene) { s.env["REDIS"], s.env["DURABILITY"] = many.URL(), "replica" }, nil, 0},
		{"a Sentinel", func(_ *testing.T, s *scene) {
			s.redis = many.Sentinels[0].Addr
			s.env["REDIS"] = "redis://" + s.redis
		}, []string{"MEND redis: what answers at {redis} is a Sentinel, which keeps nothing itself → give it as redis+sentinel://…, with the name of its master"}, 2},
		{"a cluster", func(_ *testing.T, s *scene) { s.env["REDIS"] = shards.URL() }, []string{lonely, loses, lonely, lonely}, 0},
	} {
		t.Run(r.name, func(t *testing.T) { r.run(t, h) })
	}
}
