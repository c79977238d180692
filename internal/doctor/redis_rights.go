package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Commands that hpplink sends, or has scripts run, with its own keys (K), asynq's keys (A) and channels (C). None of them is
// ever carried out here.
const commands = `
PING
TIME
INFO server
EVAL return(1) 1 K
EVALSHA 0 1 K
DEL K
EXISTS K
EXPIRE K 1
PEXPIRE K 1
PERSIST K
PTTL K
GET K
MGET K
SET K v
SETNX K v
HDEL K f
HEXISTS K f
HGET K f
HGETALL K
HINCRBY K f 1
HMGET K f
HSET K f v
HSETNX K f v
LLEN K
LRANGE K 0 1
RPUSH K v
SADD K v
SMEMBERS K
SREM K v
XACK K g 1-1
XADD K * f v
XAUTOCLAIM K g c 1 0
XCLAIM K g c 1 1-1
XDEL K 1-1
XGROUP CREATE K g $
XINFO GROUPS K
XINFO STREAM K
XLEN K
XPENDING K g
XRANGE K - +
XREAD STREAMS K 0
XREADGROUP GROUP g c STREAMS K >
XREVRANGE K + -
XTRIM K MINID 1
ZADD K 1 m
ZCARD K
ZCOUNT K 0 1
ZRANGE K 0 1
ZRANGEBYSCORE K 0 1
ZREM K m
ZREVRANGE K 0 1
ZSCAN K 0
ZSCORE K m
DEL A
EXPIREAT A 1
INCR A
LPUSH A v
LREM A 1 v
MEMORY USAGE A
RPOPLPUSH A A
SETEX A 1 v
SISMEMBER A m
HVALS A
TTL A
ZREMRANGEBYRANK A 0 1
ZREMRANGEBYSCORE A 0 1
PUBLISH C m
SUBSCRIBE C
`

// waits is what is sent besides where replicas are waited for.
const waits = "WAIT 1 1"

// commands are those that hpplink sends there.
func (r Redis) commands() string {
	if r.Durable {
		return strings.TrimSpace(commands) + "\n" + waits
	}
	return strings.TrimSpace(commands)
}

// Rights are the rules of an ACL user that hpplink can work with, such as "+xadd" and "~{hpp}:*".
func Rights(namespace string) []string {
	rules := []string{"~{" + namespace + "}:*", "~asynq:*", "&{" + namespace + "}:*", "&asynq:*", "+hello", "+auth", "+select", "+multi", "+exec", "+unsubscribe"}
	for _, c := range permits(commands) {
		rules = append(rules, "+"+c)
	}
	return rules
}

// permits are the names by which ACL rules know the commands of a list, each once. Before version 7 they know no subcommands.
func permits(list string) (names []string) {
	for line := range strings.Lines(strings.TrimSpace(list)) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name = strings.ToLower(name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// rights says what the user may not do. It has Redis judge each command as the part of a transaction that is thrown away:
// Redis looks at the rights when it puts a command into one.
func (r Redis) rights(ctx context.Context, client redis.UniversalClient) []Finding {
	s := about(redisGroup, "rights")
	all := servers(ctx, client)
	if len(all) == 0 {
		return nil
	}
	answers, err := r.rehearse(ctx, all[0])
	switch {
	case err != nil && strings.HasPrefix(err.Error(), "NOPERM"):
		return []Finding{s.mend("ACL SETUSER … +multi, and run this again: the rest could not be looked at", "the user may not use MULTI, which is needed")}
	case err != nil:
		return []Finding{s.note("look yourself with ACL GETUSER", "what the user may do could not be found out (%v)", err)}
	}
	return r.judged(answers)
}

// rehearsal is a command and why it would not be carried out.
type rehearsal struct {
	name string
	err  error
}

// rehearse queues all commands on a connection of its own, which is closed with the transaction unfinished. Nothing is tried
// a second time, since that could be outside of it.
func (r Redis) rehearse(ctx context.Context, client *redis.Client) ([]rehearsal, error) {
	options := *client.Options()
	options.MaxRetries, options.PoolSize, options.MinIdleConns = -1, 1, 0
	own := redis.NewClient(&options)
	defer own.Close()
	conn := own.Conn()
	defer conn.Close()
	all := []rehearsal{{"exec", conn.Do(ctx, "EXEC").Err()}} // of no transaction: an error, but which?
	if err := begin(ctx, conn); err != nil {
		return nil, err
	}
	pipe := conn.Pipeline()
	for line := range strings.Lines(r.commands()) {
		args := r.args(strings.Fields(line))
		all = append(all, rehearsal{name: strings.ToLower(fmt.Sprint(args[0]))})
		pipe.Do(ctx, args...)
	}
	done, err := pipe.Exec(ctx)
	if answer := redis.Error(nil); err != nil && !errors.As(err, &answer) {
		return nil, err
	}
	for i, cmd := range done {
		all[i+1].err = cmd.Err()
	}
	return all, conn.Do(ctx, "QUIT").Err()
}

// begin begins a transaction, and makes sure that it is one: what stands between us and Redis may not know of any.
func begin(ctx context.Context, conn *redis.Conn) error {
	if err := conn.Do(ctx, "MULTI").Err(); err != nil {
		return err
	}
	answer, err := conn.Do(ctx, "PING").Text()
	if err == nil && answer != "QUEUED" {
		err = errors.New("transactions are not kept")
	}
	if err != nil && strings.Contains(err.Error(), "NOPERM") { // of PING: that is told with the others
		return nil
	}
	return err
}

// args puts keys and channels in place.
func (r Redis) args(words []string) (args []any) {
	for i, word := range words {
		switch {
		case word == "K":
			word = "{" + r.Namespace + "}:check"
		case word == "A":
			word = "asynq:{" + r.Namespace + "-interactive}:check"
		case word == "C" && i > 0:
			word = "{" + r.Namespace + "}:bell"
		}
		args = append(args, word)
	}
	return args
}

func (r Redis) judged(answers []rehearsal) (all []Finding) {
	s := about(redisGroup, "rights")
	var denied, unknown []string
	keys, channels := false, false
	for _, a := range answers {
		said := ""
		if a.err != nil {
			said = a.err.Error()
		}
		switch no := strings.Contains(said, "NOPERM"); {
		case no && strings.HasSuffix(said, "command"): // before the others, since it may name a user
			denied = append(denied, a.name)
		case no && strings.Contains(said, "channel"):
			channels = true
		case no:
			keys = true
		case strings.HasPrefix(said, "ERR unknown"):
			unknown = append(unknown, a.name)
		}
	}
	if denied = slices.Compact(denied); len(denied) > 0 {
		all = append(all, s.mend("ACL SETUSER … +"+strings.Join(denied, " +"), "the user may not use commands that are needed: %s", strings.Join(denied, ", ")))
	}
	if keys {
		all = append(all, s.mend("ACL SETUSER … ~{"+r.Namespace+"}:* ~asynq:*", "the user may not use keys that are needed"))
	}
	if channels {
		all = append(all, s.mend("ACL SETUSER … &{"+r.Namespace+"}:* &asynq:*", "the user may not use channels that are needed: idle workers would see new orders late"))
	}
	if len(unknown) > 0 {
		all = append(all, s.mend("take rename-command out of its settings, or use another Redis", "Redis does not know commands that are needed: %s", strings.Join(unknown, ", ")))
	}
	if len(all) == 0 {
		all = append(all, s.fine("the user may do all that is needed"))
	}
	return all
}
