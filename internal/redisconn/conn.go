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
	together *together // in which the process' scripts travel
	embedded *embedded // nil unless the Redis lives in this process
	asynq    made
	outage   outage
	log      *slog.Logger
	warned   sync.Once
}

// Open connects to redis://, rediss:// or "embedded" and waits for an answer, at most 5 seconds. The error is a
// *URLError, a *DeniedError (user name or password) or an *UnreachableError; none of them shows a credential.
// Close the Conn after everything that uses it.
func Open(ctx context.Context, rawURL string, log *slog.Logger) (*Conn, error) {
	logTo(log)
	c := &Conn{log: log}
	if err := c.locate(rawURL); err != nil {
		return nil, err
	}
	c.outage.log, c.outage.addr = log, c.target.addr
	c.client = c.target.newClient()
	c.client.AddHook(explainAway{c.target, &c.outage})
	c.together = &together{client: c.client}
	c.client.AddHook(c.together.hook())
	if err := c.await(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Conn) locate(rawURL string) (err error) {
	if rawURL != embeddedURL {
		c.target, err = parse(rawURL)
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
		err := c.client.Ping(ctx).Err()
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

// Addr returns host:port for people to read, without credentials.
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
	together *together
}

// MakeRedisClient implements asynq.RedisConnOpt.
func (o asynqOpt) MakeRedisClient() any {
	client := o.target.newClient()
	client.AddHook(noticing{o.target, o.outage})
	client.AddHook(detachFinished{})
	client.AddHook(paceFailedFetch{})
	client.AddHook(o.together.hook())
	o.made.add(client)
	return client
}

// Close closes the shared client, then the embedded Redis if there is one, and with it all that it held.
func (c *Conn) Close() error {
	var err error
	if c.client != nil {
		err = c.client.Close()
	}
	if c.embedded != nil {
		c.embedded.close()
	}
	return err
}
