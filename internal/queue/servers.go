package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redisconn"
)

const (
	registerInterval = 5 * time.Second // asynq's own heartbeat
	pingBound        = 5 * time.Second
	// giveBackBound is what asynq may take, once the handlers' time is up, to hand tasks back to Redis.
	giveBackBound = 2 * time.Second
)

// Config sets up Servers. Zero values stand for the defaults.
type Config struct {
	Namespace       string               // default "hpp"
	Lanes           []order.Lane         // default interactive and bulk
	Concurrency     int                  // handlers at once per lane; default 10
	Pools           map[order.Lane]*Pool // of lanes whose handlers others share; nil: none
	PickupInterval  time.Duration        // how often idle queues are looked at for tasks that nobody rang for; default 90 ms
	DelayedInterval time.Duration        // how often retries that are due are moved to their queue; default 1 s
	ShutdownTimeout time.Duration        // for handlers in flight; default 30 s
	Log             *slog.Logger         // required
}

func (c Config) withDefaults() Config {
	c.Namespace = orDefault(c.Namespace, DefaultNamespace)
	if len(c.Lanes) == 0 {
		c.Lanes = []order.Lane{order.Interactive, order.Bulk}
	}
	c.Concurrency = orDefault(max(c.Concurrency, 0), 10)
	c.PickupInterval = orDefault(c.PickupInterval, 90*time.Millisecond)
	c.DelayedInterval = orDefault(c.DelayedInterval, time.Second)
	c.ShutdownTimeout = orDefault(c.ShutdownTimeout, 30*time.Second)
	return c
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// Servers works the tasks of some lanes.
//
// One asynq.Server asks its queues one after the other. So each lane has a server of its own, which also keeps handlers
// free for interactive tasks however many bulk ones there are.
type Servers struct {
	opt     asynq.RedisConnOpt
	config  Config
	handler Handler

	running  []*asynq.Server
	fetchers []*fetcher // of running
	hands    *hands
	redis    redis.UniversalClient
	inFlight *inFlight
	stop     chan struct{} // ends the registration of queues
	loops    sync.WaitGroup
}

// NewServers prepares servers for h. Start starts them.
func NewServers(opt asynq.RedisConnOpt, config Config, h Handler) *Servers {
	return &Servers{opt: opt, config: config.withDefaults(), handler: h, inFlight: newInFlight(), hands: newHands(), stop: make(chan struct{})}
}

// Start pings Redis, since asynq would start without one, and begins to work. Signals are left to the caller. Servers
// start once; after an error there is nothing to shut down.
func (s *Servers) Start(ctx context.Context) error {
	client, ok := s.opt.MakeRedisClient().(redis.UniversalClient)
	if !ok {
		return fmt.Errorf("asynq options of type %T make no Redis client", s.opt)
	}
	s.redis = client
	if err := s.register(ctx); err != nil {
		client.Close()
		return fmt.Errorf("starting the queue's servers: %w", err)
	}
	for _, lane := range s.config.Lanes {
		if err := s.startOne(lane); err != nil {
			return errors.Join(err, s.Shutdown())
		}
	}
	s.loops.Go(s.keepRegistered)
	s.loops.Go(s.listen)
	return nil
}

// Ready reports whether the servers can reach their queues. They have to run.
func (s *Servers) Ready(ctx context.Context) error {
	var keys []string
	for _, lane := range s.config.Lanes {
		keys = append(keys, pendingKey(Name(s.config.Namespace, lane)))
	}
	_, err := redisconn.CountExisting(ctx, s.redis, keys...)
	return err
}

func (s *Servers) startOne(lane order.Lane) error {
	f := newFetcher(lane, s.config.Concurrency, s.config.Pools[lane])
	server := asynq.NewServer(fetchingOpt{s.opt, f}, s.asynqConfig(f))
	s.running, s.fetchers = append(s.running, server), append(s.fetchers, f)
	return server.Start(asynq.HandlerFunc(func(ctx context.Context, t *asynq.Task) (err error) {
		defer freeSlot(ctx)
		s.hands.run(func() { err = s.process(ctx, lane, t) })
		return err
	}))
}

// fetchingOpt makes the client of one asynq server, with its fetcher.
type fetchingOpt struct {
	asynq.RedisConnOpt
	fetcher *fetcher
}

// MakeRedisClient implements asynq.RedisConnOpt.
func (o fetchingOpt) MakeRedisClient() any {
	client := o.RedisConnOpt.MakeRedisClient().(redis.UniversalClient) // as asynq.NewServer has it
	client.AddHook(o.fetcher)
	return client
}

func (s *Servers) asynqConfig(f *fetcher) asynq.Config {
	return asynq.Config{
		Concurrency:              f.share,
		BaseContext:              f.slotContext,
		Queues:                   map[string]int{Name(s.config.Namespace, f.lane): 1},
		TaskCheckInterval:        time.Millisecond, // after an empty queue the fetcher waits
		DelayedTaskCheckInterval: s.config.DelayedInterval,
		ShutdownTimeout:          s.config.ShutdownTimeout,
		RetryDelayFunc:           s.retryDelay,
		IsFailure:                isFailure,
		ErrorHandler:             asynq.ErrorHandlerFunc(s.report),
		Logger:                   asynqLog{s.config.Log},
		LogLevel:                 asynqLevel(s.config.Log),
	}
}

// listen wakes fetchers whose queues have got tasks.
func (s *Servers) listen() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b := bell{redis: s.redis, namespace: s.config.Namespace, interval: s.config.PickupInterval, ahead: s.config.DelayedInterval, fetchers: s.fetchers, log: s.config.Log}
	go func() {
		<-s.stop
		cancel()
	}()
	b.listen(ctx)
}

// register makes the queues known to asynq's inspector and the dashboard. asynq registers a queue at a producer's
// first enqueue only (rdb.Enqueue), so after Redis lost its data nobody would.
func (s *Servers) register(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingBound)
	defer cancel()
	names := make([]any, 0, len(s.config.Lanes))
	for _, lane := range s.config.Lanes {
		names = append(names, Name(s.config.Namespace, lane))
	}
	return s.redis.SAdd(ctx, allQueuesKey, names...).Err()
}

func (s *Servers) keepRegistered() {
	ticker := time.NewTicker(registerInterval)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
			if err := s.register(context.Background()); err != nil {
				s.config.Log.Debug("queues not registered", "error", err)
			}
		}
	}
}

// Shutdown stops fetching, waits for the handlers in flight, at most Config.ShutdownTimeout, and hands tasks that are
// not done back to their queue. It returns within 2 s of that time; the error says what was not finished. Call it
// once, after Start succeeded.
func (s *Servers) Shutdown() error {
	deadline := time.Now().Add(s.config.ShutdownTimeout)
	close(s.stop)
	for _, f := range s.fetchers {
		close(f.closed)
	}
	defer s.hands.end()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.stopServers()
	}()
	late := time.NewTimer(s.config.ShutdownTimeout + giveBackBound)
	defer late.Stop()
	select {
	case <-stopped:
		return s.inFlight.wait(deadline)
	case <-late.C: // asynq waits without a bound for commands that a dead Redis does not answer
		return errors.Join(errNotHandedBack, s.inFlight.wait(deadline))
	}
}

var errNotHandedBack = errors.New("no answer from Redis in time to hand unfinished tasks back: they come again by themselves in about two minutes")

func (s *Servers) stopServers() {
	var all sync.WaitGroup
	for _, server := range s.running {
		all.Go(func() {
			server.Stop()
			server.Shutdown()
		})
	}
	all.Wait()
	s.loops.Wait()
	s.handBack()
	s.redis.Close()
}

// handBack puts back what was fetched and not begun.
func (s *Servers) handBack() {
	ctx, cancel := context.WithTimeout(context.Background(), giveBackBound)
	defer cancel()
	for _, f := range s.fetchers {
		if err := f.handBack(ctx, s.redis, s.config.Namespace); err != nil {
			s.config.Log.Warn("tasks that were not begun come again by themselves, in about two minutes", "error", err)
		}
	}
}
