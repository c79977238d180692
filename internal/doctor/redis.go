package doctor

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/redisconn"
)

// Redis is a Redis as hpplink is to use it, and what hpplink does there.
type Redis struct {
	URL       string
	Namespace string
	Merchants []merchant.Profile // all there are, complete; nil: nobody knows
	Durable   bool               // nothing is told before the replicas have it
	Calls     int                // of the gateway that a worker makes at once in each lane
	Version   string             // of this hpplink
	Now       func() time.Time   // this machine's clock; nil: time.Now
}

const redisGroup, workGroup = "redis", "work"

// Examine looks at Redis, and if that can be used, at what lies in it and who works there.
func (r Redis) Examine(ctx context.Context) []Finding {
	if r.Now == nil {
		r.Now = time.Now
	}
	conn, err := redisconn.Open(ctx, r.URL, slog.New(slog.DiscardHandler))
	if err != nil {
		return r.shut(err)
	}
	defer conn.Close()
	report, err := conn.Check(ctx)
	var unfit *redisconn.UnfitError
	if err != nil && !errors.As(err, &unfit) {
		return r.shut(err)
	}
	if report.Embedded {
		all := append([]Finding{about(redisGroup, "redis").fine("inside this process")}, persistence(report, nil)...)
		return append(all, r.work(ctx, conn)...)
	}
	all, usable := r.server(ctx, conn, report, unfit)
	if !usable {
		return all
	}
	return append(all, aside(ctx,
		func(ctx context.Context) []Finding { return r.speed(ctx, conn.Client()) },
		func(ctx context.Context) []Finding { return r.rights(ctx, conn.Client()) },
		func(ctx context.Context) []Finding { return r.certificates(ctx, conn.Client()) },
		func(ctx context.Context) []Finding { return r.work(ctx, conn) },
	)...)
}

// work looks at what lies in Redis, and who works there.
func (r Redis) work(ctx context.Context, conn *redisconn.Conn) []Finding {
	l, err := partition.Open(ctx, conn.Client(), r.Namespace, 0)
	if err != nil {
		return r.shut(err)
	}
	return working{Redis: r, rdb: conn.Client(), ledger: l}.examine(ctx)
}

// server looks at the server itself: whether it may hold orders, and how it is set up.
func (r Redis) server(ctx context.Context, conn *redisconn.Conn, report redisconn.Report, unfit *redisconn.UnfitError) (all []Finding, usable bool) {
	nodes, err := examined(ctx, conn.Client(), conn.Addr())
	if err != nil {
		return r.shut(err), false
	}
	if all = unusable(unfit, nodes, conn.Client()); len(all) > 0 {
		return all, false
	}
	all = []Finding{version(report, conn.Addr())}
	all = append(all, access(conn.Client(), conn.Addr())...)
	for _, n := range nodes {
		all = append(all, persistence(report, n.config)...)
		all = append(all, n.disk()...)
		all = append(all, n.replicas()...)
		all = append(all, n.durability(r.Durable, failsOver(r.URL))...)
		all = append(all, n.memory(r)...)
		all = append(all, n.clients()...)
		all = append(all, n.busy()...)
	}
	return once(all), true
}

// once leaves out what was found of another server of a cluster in the same words.
func once(all []Finding) (different []Finding) {
	for _, f := range all {
		if !slices.Contains(different, f) {
			different = append(different, f)
		}
	}
	return different
}

func version(report redisconn.Report, addr string) Finding {
	s := about(redisGroup, "redis")
	if report.Version == "" || report.EvictionPolicy == "" {
		return s.note("make sure of 6.2 or later and of maxmemory-policy noeviction", "%s does not tell its version or its maxmemory-policy", addr)
	}
	return s.fine("%s, version %s, maxmemory-policy %s", addr, report.Version, report.EvictionPolicy)
}

// unusable says why no order may be kept there.
func unusable(unfit *redisconn.UnfitError, nodes []node, client redis.UniversalClient) (all []Finding) {
	s := about(redisGroup, "redis")
	if unfit != nil {
		for _, problem := range unfit.Problems {
			what, remedy := parted(problem)
			all = append(all, s.mend(remedy, "Redis at %s can not be used: %s", unfit.Addr, what).as(Unusable))
		}
	}
	_, sharded := client.(*redis.ClusterClient)
	for _, n := range nodes {
		switch {
		case n.info["redis_mode"] == "sentinel":
			all = append(all, s.mend("give it as redis+sentinel://…, with the name of its master", "what answers at %s is a Sentinel, which keeps nothing itself", n.addr).as(Unusable))
		case n.info["redis_mode"] == "cluster" && !sharded:
			all = append(all, s.mend("give it as redis+cluster://…", "Redis at %s is one node of a cluster, and holds only some of the keys", n.addr).as(Unusable))
		case n.info["role"] == "slave":
			all = append(all, s.mend("give the address of its master, "+n.info["master_host"]+":"+n.info["master_port"], "Redis at %s is a replica, which takes no orders", n.addr).as(Unusable))
		}
	}
	return all
}
