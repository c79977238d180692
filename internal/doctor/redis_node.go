package doctor

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// node is one server, as it tells of itself. What it does not tell, or not to this user, is absent.
type node struct {
	addr   string
	name   string // for people
	info   map[string]string
	config map[string]string
}

var (
	sections = []string{"server", "clients", "memory", "persistence", "stats", "replication", "commandstats"}
	// configured are settings that INFO does not tell. None of them is a secret.
	configured = []string{
		"appendfsync", "no-appendfsync-on-rewrite", "timeout", "min-replicas-to-write", "maxclients",
	}
)

// examined asks each server that holds keys: of a cluster all masters, otherwise the one that the client speaks with.
func examined(ctx context.Context, client redis.UniversalClient, addr string) ([]node, error) {
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		n, err := ask(ctx, client)
		n.addr, n.name = addr, "Redis"
		return []node{n}, err
	}
	var mu sync.Mutex
	var all []node
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		n, err := ask(ctx, master)
		n.addr, n.name = master.Options().Addr, "Redis at "+master.Options().Addr
		mu.Lock()
		defer mu.Unlock()
		all = append(all, n)
		return err
	})
	return all, err
}

// ask asks for one section and one setting at a time, since before version 7 no more are allowed.
func ask(ctx context.Context, client redis.Cmdable) (node, error) {
	n := node{info: map[string]string{}, config: map[string]string{}}
	pipe := client.Pipeline()
	var infos []*redis.StringCmd
	var settings []*redis.MapStringStringCmd
	for _, section := range sections {
		infos = append(infos, pipe.Info(ctx, section))
	}
	for _, name := range configured {
		settings = append(settings, pipe.ConfigGet(ctx, name))
	}
	_, err := pipe.Exec(ctx)
	if answer := redis.Error(nil); err != nil && !errors.As(err, &answer) {
		return n, err
	}
	for _, info := range infos {
		n.read(info.Val())
	}
	for _, setting := range settings {
		for name, value := range setting.Val() {
			n.config[name] = value
		}
	}
	return n, nil
}

func (n node) read(info string) {
	for line := range strings.Lines(info) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			n.info[key] = value
		}
	}
}

// number is what INFO tells, 0 where it does not.
func (n node) number(key string) int64 {
	v, _ := strconv.ParseInt(n.info[key], 10, 64)
	return v
}

// setting is what CONFIG tells, 0 where it does not.
func (n node) setting(key string) int64 {
	v, _ := strconv.ParseInt(n.config[key], 10, 64)
	return v
}

// fields reads a value such as "ip=10.0.0.5,port=6379,state=online".
func fields(value string) map[string]string {
	all := map[string]string{}
	for part := range strings.SplitSeq(value, ",") {
		key, v, _ := strings.Cut(part, "=")
		all[key] = v
	}
	return all
}
