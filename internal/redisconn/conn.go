// Package redisconn opens the project's Redis from a URL and says whether that Redis is fit to hold orders.
//
// It knows URLs, clients and server settings. It does not know what is stored.
package redisconn

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// openBound is how long Open waits for an answer at most, loading of the data set included.
const openBound = 5 * time.Second

// Conn is one Redis, with a client that the whole process shares.
type Conn struct {
	target   target
	client   redis.UniversalClient
	together redis.Hook // in which the process' scripts travel
	embedded *embedded  // nil unless the Redis lives in this process
	asynq    made
	outage   outage
	log      *slog.Logger
	warned   sync.Once
}

// Open connects to the Redis of a URL and waits for an answer, at most 5 seconds. The error is a *URLError, a *DeniedError
// (user name or password) or an *UnreachableError; none of them shows a credential. Close the Conn after everything that
// uses it.
//
//	redis://[user:password@]host[:port][/db]                       one server
//	redis+sentinel://[user:password@]host[:port],…/master[?db=0]   the master that Sentinels at these hosts name
//	redis+cluster://[user:password@]host[:port],…                  a Redis Cluster of which these are nodes
//	embedded                                                       a Redis inside the process
//
// With rediss instead of redis, all connections are TLS, those to Sentinels too. The user and the password are those of
// the servers; Sentinels that ask for a password of their own get it with ?sentinel_password=…, and a user name with
// &sentinel_user=…. Everything is read from masters.
func Open(ctx context.Context, rawURL string, log *slog.Logger) (*Conn, error) {
	logTo(log)
	c := &Conn{log: log}
	if err := c.locate(rawURL); err != nil {
		return nil, err
	}
	c.outage.log, c.outage.addr = log, c.target.addr
	c.client = c.target.newClient()
	c.client.AddHook(explainAway{c.target, &c.outage})
	c.together = travelling(c.client)
	c.client.AddHook(c.together)
	if err := c.await(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Conn) locate(rawURL string) (err error) {
	if rawURL != embeddedURL {
		if c.target, err = parse(rawURL); err == nil && c.target.kind == sentinel {
			c.target.sentinels = newSentinels(c.target, c.log)
		}
		return err
	}
	if c.embedded, err = startEmbedded(); err != nil {
		return err
	}
	c.target, err = parse("redis://" + c.embedded.addr())
	return err
}

// await pings until Redis answers. It repeats only while Redis loads its data set: every other trouble lasts longer
// than a command line wants to wait.
func (c *Conn) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, openBound)
	defer cancel()
	for {
		err := c.ping(ctx)
		if err == nil {
			return nil
		}
		if !redis.IsLoadingError(err) {
			return c.target.explain(err)
		}
		select {
		case <-ctx.Done():
			return c.target.explain(err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Client returns the client that ledger and streams share. Conn closes it. Its errors satisfy IsAway while Redis is
// out of reach.
func (c *Conn) Client() redis.UniversalClient { return c.client }

// Addr returns host:port, or those of all hosts of the URL and the name of the master, for people to read, without
// credentials.
func (c *Conn) Addr() string { return c.target.addr }

// AsynqOpt makes clients for asynq. Each has its own connections, because asynq closes its client with each server,
// retries acknowledgements for real (see detachFinished), and does not spin while Redis is unwell (see paceFailedFetch).
func (c *Conn) AsynqOpt() asynq.RedisConnOpt {
	return asynqOpt{c.target, &c.outage, &c.asynq, c.together}
}

type asynqOpt struct {
	target   target
	outage   *outage
	made     *made
	together redis.Hook
}

// MakeRedisClient implements asynq.RedisConnOpt.
func (o asynqOpt) MakeRedisClient() any {
	client := o.target.newClient()
	client.AddHook(noticing{o.target, o.outage})
	client.AddHook(detachFinished{})
	client.AddHook(paceFailedFetch{})
	client.AddHook(o.together)
	o.made.add(client)
	return client
}

// Close closes the shared client, then the embedded Redis if there is one, and with it all that it held.
func (c *Conn) Close() error {
	var err error
	if c.client != nil {
		err = c.client.Close()
	}
	if c.target.place != nil && c.target.sentinels != nil {
		c.target.sentinels.end()
	}
	if c.embedded != nil {
		c.embedded.close()
	}
	return err
}
