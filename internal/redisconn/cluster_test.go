package redisconn_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
)

// Tags whose keys are at three different masters of three.
var tags = []string{"{a}", "{b}", "{c}"}

// TestCluster goes through the life of a cluster: what is asked at the start, what goes to several masters at once, and
// masters that are silent or die.
func TestCluster(t *testing.T) {
	cluster := redistest.StartCluster(t, 3, 1)
	c := open(t, "redis+cluster://"+listen(t, nil)+","+cluster.Nodes[1].Addr) // the first one is not there
	t.Run("tells", func(t *testing.T) { clusterTells(t, c) })
	t.Run("scripts everywhere", func(t *testing.T) { scriptsEverywhere(t, c) })
	t.Run("keys everywhere", func(t *testing.T) { keysEverywhere(t, c) })
	t.Run("asynq", func(t *testing.T) { asynqOnCluster(t, c) })
	t.Run("misnamed", func(t *testing.T) { clusterMisnamed(t, cluster) })
	t.Run("one dies", func(t *testing.T) { oneDies(t, cluster, c) })
	t.Run("one is silent", func(t *testing.T) { oneIsSilent(t, cluster, c) })
}

func clusterTells(t *testing.T, c *redisconn.Conn) {
	r, err := c.Check(context.Background())
	if err != nil || r.Masters != 3 || r.Replicas != 1 || !strings.HasPrefix(r.Loss(), "Redis keeps nothing on disk") {
		t.Errorf("%+v, %v", r, err)
	}
	if m, err := c.Memory(context.Background()); err != nil || m.Used == 0 {
		t.Errorf("%+v, %v", m, err)
	}
}

// scriptsEverywhere has scripts of three tags run at the same time, most of them before their node knows them.
func scriptsEverywhere(t *testing.T, c *redisconn.Conn) {
	echo := redis.NewScript(`return KEYS[1] .. ARGV[1]`)
	var all sync.WaitGroup
	for i := range 600 {
		all.Go(func() {
			key, arg := fmt.Sprintf("%s:%d", tags[i%len(tags)], i), fmt.Sprint(" is ", i)
			if got, err := echo.Run(context.Background(), c.Client(), []string{key}, arg).Text(); err != nil || got != key+arg {
				t.Errorf("script %d answers %q, %v", i, got, err)
			}
		})
	}
	all.Wait()
}

func keysEverywhere(t *testing.T, c *redisconn.Conn) {
	ctx, rdb := context.Background(), c.Client()
	var keys []string
	for _, tag := range tags {
		keys = append(keys, tag+":there", tag+":not")
		if err := rdb.Set(ctx, tag+":there", "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := redisconn.CountExisting(ctx, rdb, keys...); n != 3 || err != nil {
		t.Errorf("%d keys exist, %v", n, err)
	}
	if now, err := redisconn.Clock(ctx, rdb, "{a}"); err != nil || time.Since(now).Abs() > time.Minute {
		t.Errorf("it is %v, %v", now, err)
	}
	pipe := rdb.Pipeline()
	clock := redisconn.ClockIn(ctx, pipe, "{b}")
	there := pipe.Get(ctx, "{b}:there")
	if _, err := pipe.Exec(ctx); err != nil || there.Val() != "v" {
		t.Errorf("%q, %v", there.Val(), err)
	}
	if now, err := clock(); err != nil || time.Since(now).Abs() > time.Minute {
		t.Errorf("it is %v, %v", now, err)
	}
}

// asynqOnCluster uses what the project and the dashboard use of asynq.
func asynqOnCluster(t *testing.T, c *redisconn.Conn) {
	worked := make(chan string, 2)
	server := asynq.NewServer(c.AsynqOpt(), asynq.Config{
		Queues: map[string]int{"q-a": 1, "q-b": 1}, TaskCheckInterval: 10 * time.Millisecond, LogLevel: asynq.FatalLevel,
	})
	if err := server.Start(asynq.HandlerFunc(func(_ context.Context, task *asynq.Task) error { worked <- task.Type(); return nil })); err != nil {
		t.Fatal(err)
	}
	defer server.Shutdown()
	client, inspector := asynq.NewClient(c.AsynqOpt()), asynq.NewInspector(c.AsynqOpt())
	defer client.Close()
	defer inspector.Close()
	for _, queue := range []string{"q-a", "q-b"} {
		if _, err := client.Enqueue(asynq.NewTask("t", nil), asynq.Queue(queue), asynq.Retention(time.Hour)); err != nil {
			t.Fatal(err)
		}
		select {
		case <-worked:
		case <-time.After(20 * time.Second):
			t.Fatalf("the task of %s is not worked", queue)
		}
		if info, err := inspector.GetQueueInfo(queue); err != nil || info.Size+info.Processed == 0 {
			t.Errorf("%+v, %v", info, err)
		}
	}
	if queues, err := inspector.Queues(); err != nil || len(queues) != 2 {
		t.Errorf("%v, %v", queues, err)
	}
	if servers, err := inspector.Servers(); err != nil || len(servers) != 1 {
		t.Errorf("%v, %v", servers, err)
	}
}

func clusterMisnamed(t *testing.T, cluster *redistest.Cluster) {
	ctx := context.Background()
	_, err := redisconn.Open(ctx, "redis+cluster://"+redistest.Server(t), quiet())
	if !redisconn.IsAway(err) || !strings.Contains(err.Error(), "it is no Redis Cluster: use redis://") {
		t.Errorf("got %v", err)
	}
	node := open(t, "redis://"+cluster.Nodes[0].Addr)
	for _, tag := range tags {
		if err := node.Client().Set(ctx, tag, "v", 0).Err(); err != nil && (!redisconn.IsAway(err) || !strings.Contains(err.Error(), "use redis+cluster://")) {
			t.Errorf("got %v", err)
		}
	}
}

// oneDies has the others not even notice.
func oneDies(t *testing.T, cluster *redistest.Cluster, c *redisconn.Conn) {
	ctx := context.Background()
	sub := c.Client().Subscribe(ctx, tags[0]+":bell")
	defer sub.Close()
	rings := sub.Channel()
	load := startWriting(t, c.Client(), tags[0])
	killed := cluster.KillMaster(t, tags[0])
	load.mustGoOn(t)
	load.stop(t)
	if n := load.latest(t, c.Client()); n != load.acknowledged {
		t.Errorf("there is %d, and %d was acknowledged last", n, load.acknowledged)
	}
	for ticker, end := time.NewTicker(50*time.Millisecond), time.After(20*time.Second); ; {
		c.Client().Publish(ctx, tags[0]+":bell", "rings")
		select {
		case <-rings:
			killed.Restart(t)
			return
		case <-end:
			t.Fatal("nobody listens any more")
		case <-ticker.C:
		}
	}
}

// oneIsSilent cuts a master off. Scripts for others are not to wait for those that it does not answer.
func oneIsSilent(t *testing.T, cluster *redistest.Cluster, c *redisconn.Conn) {
	silent := cluster.MasterOf(t, tags[1])
	stuck, cancel := context.WithCancel(context.Background())
	defer cancel()
	silent.Pause(t)
	defer silent.Resume(t)
	var waiting sync.WaitGroup
	for range 20 {
		waiting.Go(func() { setScript.Run(stuck, c.Client(), []string{tags[1]}, 0) })
	}
	for i := range 200 {
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		if err := setScript.Run(ctx, c.Client(), []string{tags[2]}, i).Err(); err != nil {
			t.Errorf("script %d of another master: %v", i, err)
		}
		cancel()
	}
	cancel()
	waiting.Wait()
}

// TestClusterOverTLS forms a cluster of one node by the connection itself.
func TestClusterOverTLS(t *testing.T) {
	ctx := context.Background()
	cert, key := certificate(t)
	p := redistest.StartServer(t, "--cluster-enabled", "yes", "--tls-port", "0", "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no")
	if err := open(t, "rediss://"+p.Addr+"?skip_verify=true").Client().ClusterAddSlotsRange(ctx, 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	c := open(t, "rediss+cluster://"+p.Addr+"?skip_verify=true")
	for begun := time.Now(); c.Client().Set(ctx, "k", "v", 0).Err() != nil; {
		if time.Since(begun) > 20*time.Second {
			t.Fatal(c.Client().Set(ctx, "k", "v", 0).Err())
		}
	}
	if _, err := redisconn.Open(ctx, "rediss+cluster://"+p.Addr, quiet()); err == nil || !strings.Contains(err.Error(), "certificate is not trusted") {
		t.Errorf("with an unknown certificate: %v", err)
	}
}
