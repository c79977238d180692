package app

import (
	"context"
	"errors"
	"sync"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/pacing"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/tracing"
	"github.com/hpplink/hpplink/internal/worker"
)

// part is what of a worker works one partition.
type part struct {
	orders  *worker.Worker
	servers *queue.Servers // nil where they did not start
	mail    *queue.Servers // nil where no emails are sent
	reaper  *worker.Reaper
}

// shared is what the parts of a worker have in common: there may be many of them, and the worker is to do no more at once for that.
type shared struct {
	*Base
	config    WorkerConfig
	id        string
	gateway   *gateway.Client
	pacer     *pacing.Pacer
	door      *intake.Door
	queue     *queue.Client
	observers []worker.Observer
	places    worker.Places
	pools     map[order.Lane]*queue.Pool // nil where there is one part: its handlers are its own
}

func (b *Base) share(c WorkerConfig, g *gateway.Client) *shared {
	home, q := b.Ledger.Home(), b.queueClient()
	s := &shared{
		Base: b, config: c, id: workerID(c.Version), gateway: g, queue: q,
		pacer:     pacing.New(home.Slots, home.Gate, 2*c.Concurrency),
		door:      b.watched(intake.New(b.Ledger, q, c.Merchants, b.Log)).Trace(b.Tracer(tracing.Asynq)),
		observers: append(b.observers(), b.tracing.Observers(c.Merchants)...),
		places:    worker.NewPlaces(c.Concurrency),
	}
	if b.metrics != nil {
		b.metrics.WatchPacer(s.pacer)
	}
	return s
}

// handlers is how many tasks of a lane are worked at once.
func (s *shared) handlers() int { return s.config.Concurrency + s.config.Concurrency/spareHandlers }

// pool has the partitions that are started from now on share their handlers, if there are several.
func (s *shared) pool() {
	if s.pools != nil || len(s.Ledger.All()) == 1 {
		return
	}
	s.pools = map[order.Lane]*queue.Pool{
		order.Interactive: queue.NewPool(s.handlers()), order.Bulk: queue.NewPool(s.handlers()), queue.Email: queue.NewPool(MailConcurrency),
	}
}

// start begins to work one partition. Where that fails, nothing is left of it.
func (s *shared) start(ctx context.Context, l *ledger.Ledger) (_ *part, err error) {
	c, l := s.config, l.ForWorker(s.id)
	p := &part{
		orders: worker.New(l, s.gateway, c.Merchants, s.door, s.pacer, c.MaxAge, s.Log, s.observers...).AtOnce(s.places),
		reaper: worker.NewReaper(l, s.queue, s.pending(l.Namespace()), s.Log, s.observers...),
	}
	if c.Mail != nil {
		p.reaper = p.reaper.WithMails()
	}
	if err := p.reaper.Begin(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.finish(), p.end())
		}
	}()
	servers := queue.NewServers(s.Redis.AsynqOpt(), queue.Config{
		Namespace: l.Namespace(), Concurrency: s.handlers(), Pools: s.pools,
		ShutdownTimeout: longestCall(c.Merchants) + afterGateway, // of the settings at the start: longer calls after a reload are cut off at the end, and uncertain
		Log:             s.Log,
	}, p.orders.Handle)
	if err := servers.Start(ctx); err != nil {
		return nil, err
	}
	p.servers = servers
	if c.Mail == nil {
		return p, nil
	}
	mailer := worker.NewMailer(l, c.Merchants, c.Mail, c.Templates, s.pacer, c.MaxAge, s.Log, s.observers...)
	mails := queue.NewServers(s.Redis.AsynqOpt(), queue.Config{
		Namespace: l.Namespace(), Lanes: []order.Lane{queue.Email}, Concurrency: MailConcurrency, Pools: s.pools,
		PickupInterval: mailPickup, ShutdownTimeout: worker.MailTimeout + afterGateway, Log: s.Log,
	}, mailer.Handle)
	if err := mails.Start(ctx); err != nil {
		return nil, err
	}
	p.mail = mails
	return p, nil
}

func (s *shared) pending(namespace string) func(context.Context, order.Lane, int) (queue.Pending, error) {
	return func(ctx context.Context, lane order.Lane, n int) (queue.Pending, error) {
		return queue.Backlog(ctx, s.Redis.Client(), namespace, lane, n)
	}
}

// finish finishes what is in flight. While it takes, the worker goes on giving signs of life.
func (p *part) finish() error {
	var err, mailErr error
	var both sync.WaitGroup
	if p.mail != nil {
		both.Go(func() { mailErr = p.mail.Shutdown() })
	}
	if p.servers != nil {
		err = p.servers.Shutdown()
	}
	p.orders.Wait()
	both.Wait()
	return errors.Join(err, mailErr)
}

// end tells the other workers that this one holds nothing any more.
func (p *part) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	return p.reaper.End(ctx)
}

func (p *part) ready(ctx context.Context) error {
	if err := p.reaper.Ready(); err != nil {
		return err
	}
	return p.servers.Ready(ctx)
}
