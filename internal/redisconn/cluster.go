package redisconn

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// topologyInterval is how long a client of a cluster believes what it was told of who has which slots, unless a node
// tells it otherwise.
const topologyInterval = 5 * time.Second

func (t target) newClusterClient() redis.UniversalClient {
	client := redis.NewClusterClient(t.clusterOptions())
	client.AddHook(reloading{client})
	return client
}

// clusterOptions are those of a single server, for every node. Everything is read from masters: a replica may not yet
// know what its master has acknowledged.
func (t target) clusterOptions() *redis.ClusterOptions {
	o := t.options
	return &redis.ClusterOptions{
		Addrs: slices.Clone(t.hosts), MaxRedirects: max(o.MaxRetries, 0), ClusterStateReloadInterval: topologyInterval,
		// Or else every command asks for what COMMAND tells of it, which a user may not be allowed to.
		DisableRoutingPolicies: true,

		Username: o.Username, Password: o.Password, ClientName: o.ClientName, Protocol: o.Protocol,
		Dialer: o.Dialer, DialTimeout: o.DialTimeout, DialerRetries: o.DialerRetries, TLSConfig: o.TLSConfig,
		ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout, ContextTimeoutEnabled: o.ContextTimeoutEnabled,
		MinRetryBackoff: o.MinRetryBackoff, MaxRetryBackoff: o.MaxRetryBackoff,
		PoolFIFO: o.PoolFIFO, PoolSize: o.PoolSize, PoolTimeout: o.PoolTimeout, MinIdleConns: o.MinIdleConns,
		MaxIdleConns: o.MaxIdleConns, MaxActiveConns: o.MaxActiveConns, MaxConcurrentDials: o.MaxConcurrentDials,
		PipelinePoolSize: o.PipelinePoolSize, PipelineReadBufferSize: o.PipelineReadBufferSize, PipelineWriteBufferSize: o.PipelineWriteBufferSize,
		ConnMaxIdleTime: o.ConnMaxIdleTime, ConnMaxLifetime: o.ConnMaxLifetime, ConnMaxLifetimeJitter: o.ConnMaxLifetimeJitter,
		DisableIdentity: o.DisableIdentity, MaintNotificationsConfig: o.MaintNotificationsConfig,
	}
}

// reloading has a client ask anew who has which slots once a node is away. Of its own accord go-redis 9.23 does so when a
// node sends it elsewhere; one that died sends nobody anywhere (osscluster.go, process and processPipelineNode).
type reloading struct{ client *redis.ClusterClient }

// DialHook implements redis.Hook.
func (reloading) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (r reloading) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if err != nil && away(err) {
			r.client.ReloadState(ctx) // in the background, once for all who ask meanwhile
		}
		return err
	}
}

// ProcessPipelineHook implements redis.Hook.
func (r reloading) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if err != nil && slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool { return cmd.Err() != nil && away(cmd.Err()) }) {
			r.client.ReloadState(ctx)
		}
		return err
	}
}

// eachMaster calls f for every server that holds keys: for the one that there is, or for all masters of a cluster at the
// same time. It returns an error of f's, or that the cluster has none.
func (c *Conn) eachMaster(ctx context.Context, f func(ctx context.Context, master redis.Cmdable, addr string) error) error {
	nodes, parted := c.client.(*redis.ClusterClient)
	if !parted {
		return f(ctx, c.client, c.target.addr)
	}
	var found atomic.Bool
	err := nodes.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		found.Store(true)
		return f(ctx, node, node.Options().Addr)
	})
	if err == nil && !found.Load() {
		return errors.New(noNodes)
	}
	return err
}

// ping asks for a sign of life: that of any master.
func (c *Conn) ping(ctx context.Context) error {
	var answered atomic.Bool
	err := c.eachMaster(ctx, func(ctx context.Context, master redis.Cmdable, _ string) error {
		err := master.Ping(ctx).Err()
		if err == nil {
			answered.Store(true)
		}
		return err
	})
	if answered.Load() {
		return nil
	}
	return err
}

// CountExisting returns how many of the keys exist. They may be anywhere in a cluster, where a command's keys have to be
// in one slot.
func CountExisting(ctx context.Context, rdb redis.UniversalClient, keys ...string) (n int64, err error) {
	if _, parted := rdb.(*redis.ClusterClient); !parted {
		return rdb.Exists(ctx, keys...).Result()
	}
	cmds, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, key := range keys {
			p.Exists(ctx, key)
		}
		return nil
	})
	for _, cmd := range cmds {
		n += cmd.(*redis.IntCmd).Val()
	}
	return n, err
}
