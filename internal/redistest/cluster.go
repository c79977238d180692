package redistest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	slots       = 16384
	nodeTimeout = 1500 // milliseconds without an answer after which a node may be taken for dead
	formBound   = 30 * time.Second
)

// Cluster is a Redis Cluster. Its nodes begin to take one of them for dead after a second and a half without an answer.
type Cluster struct {
	Nodes []*Process // first the masters that there were at the start, in the order of their slots, then their replicas
}

// StartCluster starts a cluster for this test alone, with its slots shared evenly among the masters. It returns once all
// nodes agree on who is who, and the replicas have all that their masters have. args are those of every node.
func StartCluster(t testing.TB, masters, replicasEach int, args ...string) *Cluster {
	t.Helper()
	c := &Cluster{}
	for range masters * (1 + replicasEach) {
		bus, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		c.Nodes = append(c.Nodes, mustStart(t, &Process{bus: bus, ready: []string{readyLine}, args: append([]string{
			"--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", fmt.Sprint(nodeTimeout),
			"--repl-diskless-sync-delay", "0",
		}, args...)}))
	}
	ctx, cancel := context.WithTimeout(context.Background(), formBound)
	defer cancel()
	if err := c.form(ctx, masters); err != nil {
		t.Fatalf("forming a cluster: %v", err)
	}
	return c
}

func (c *Cluster) form(ctx context.Context, masters int) error {
	for i, node := range c.Nodes[:masters] {
		err := node.do(ctx, "cluster", "addslotsrange", i*slots/masters, (i+1)*slots/masters-1)
		if err == nil {
			err = node.do(ctx, "cluster", "set-config-epoch", i+1)
		}
		if err != nil {
			return err
		}
	}
	for i, node := range c.Nodes { // each with each: to wait for gossip takes longer
		for _, other := range c.Nodes[:i] {
			if err := node.do(ctx, "cluster", "meet", "127.0.0.1", other.port, other.bus); err != nil {
				return err
			}
		}
	}
	if err := c.await(ctx, func(v view) bool { return len(v.ids) == len(c.Nodes) }); err != nil {
		return err
	}
	for i, node := range c.Nodes[masters:] {
		id, err := c.Nodes[i%masters].id(ctx)
		if err == nil {
			err = node.do(ctx, "cluster", "replicate", id)
		}
		if err != nil {
			return err
		}
	}
	return c.await(ctx, func(v view) bool { return v.ok && v.synced && v.replicas == len(c.Nodes)-masters })
}

// URL is how the program is told of it.
func (c *Cluster) URL() string {
	return "redis+cluster://" + strings.Join(addresses(c.Nodes), ",")
}

// MasterOf returns the node that has a key at present.
func (c *Cluster) MasterOf(t testing.TB, key string) *Process {
	t.Helper()
	for _, node := range c.Nodes {
		if !node.answers() {
			continue
		}
		client := newClient(node.Addr)
		//lint:ignore SA1019 Redis 6.2, which is supported, knows nothing newer
		all, err := client.ClusterSlots(context.Background()).Result()
		slot, slotErr := client.ClusterKeySlot(context.Background(), key).Result()
		client.Close()
		i := slices.IndexFunc(all, func(s redis.ClusterSlot) bool { return s.Start <= int(slot) && int(slot) <= s.End })
		if err == nil && slotErr == nil && i >= 0 {
			return find(t, c.Nodes, all[i].Nodes[0].Addr)
		}
	}
	t.Fatalf("no node knows who has %s", key)
	return nil
}

// KillMaster kills the node that has a key, and returns it once a replica has taken its place and all nodes that answer
// know.
func (c *Cluster) KillMaster(t testing.TB, key string) *Process {
	t.Helper()
	master := c.MasterOf(t, key)
	ctx, cancel := context.WithTimeout(context.Background(), failoverBound)
	defer cancel()
	id, err := master.id(ctx)
	if err != nil {
		t.Fatal(err)
	}
	master.Kill()
	if err := c.await(ctx, func(v view) bool { return v.ok && !v.masters[id] }); err != nil {
		t.Fatalf("no new master: %v", err)
	}
	return master
}

// view is how one node sees the cluster.
type view struct {
	ids      []string        // of nodes that it has got to know
	masters  map[string]bool // of those that have slots
	replicas int
	ok       bool // every slot is served
	synced   bool // it has all that its master has, if it has one
}

// await waits until every node that answers sees what it should.
func (c *Cluster) await(ctx context.Context, enough func(view) bool) error {
	for _, node := range c.Nodes {
		if !node.answers() {
			continue
		}
		client := newClient(node.Addr)
		defer client.Close()
		for {
			v, err := viewOf(ctx, client)
			if err == nil && enough(v) {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("node %s sees %+v, %v", node.Addr, v, err)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nil
}

func viewOf(ctx context.Context, client *redis.Client) (v view, err error) {
	state, err := client.ClusterInfo(ctx).Result()
	if err != nil {
		return v, err
	}
	nodes, err := client.ClusterNodes(ctx).Result()
	if err != nil {
		return v, err
	}
	replication, err := client.Info(ctx, "replication").Result()
	v.ok = strings.Contains(state, "cluster_state:ok")
	v.synced = !strings.Contains(replication, "master_link_status:down")
	v.masters = map[string]bool{}
	for line := range strings.Lines(nodes) { // id address flags master ping pong epoch link slots…
		fields := strings.Fields(line)
		if flags := fields[2]; !strings.Contains(flags, "handshake") {
			v.ids = append(v.ids, fields[0])
			if v.masters[fields[0]] = len(fields) > 8; strings.Contains(flags, "slave") {
				v.replicas++
			}
		}
	}
	return v, err
}

func (p *Process) do(ctx context.Context, args ...any) error {
	client := newClient(p.Addr)
	defer client.Close()
	return client.Do(ctx, args...).Err()
}

func (p *Process) id(ctx context.Context) (string, error) {
	client := newClient(p.Addr)
	defer client.Close()
	return client.ClusterMyID(ctx).Result()
}
