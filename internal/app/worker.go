package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/pacing"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/tracing"
	"github.com/hpplink/hpplink/internal/worker"
)

// afterGateway is what a handler in flight may take after the longest call of the gateway, at
// shutdown: enough to publish while Redis is well.
const afterGateway = 10 * time.Second

// spareHandlers is to how many calls at once there is a handler more, for an order that is being claimed or published meanwhile.
const spareHandlers = 8

// WorkerConfig sets up a worker. Zero values stand for defaults.
type WorkerConfig struct {
	Merchants   *merchant.Directory
	Concurrency int           // calls of the gateway at once, for each lane; DefaultConcurrency
	MaxAge      time.Duration // how long an order, or an email, is tried
	Mail        *mail.Sender  // sends emails; nil: none are sent. It is closed with the worker
	Templates   *worker.Shelf // of mails; needed with Mail
	Version     string        // of the program, for those who look which workers there are
}

// MailConcurrency is how many emails a worker sends at once.
const MailConcurrency = 8

// DefaultConcurrency is how many calls of the gateway a worker makes at once, for each lane.
const DefaultConcurrency = 50

// ErrForgetsTooSoon refuses a retention in which a settled order could be forgotten, and made
// again, while it is still being tried somewhere.
var ErrForgetsTooSoon = errors.New("orders would be forgotten before they may be given up")

// CheckAges refuses a retention below the longest time an order may be tried. Zero stands for
// the default of each.
func CheckAges(retention, maxAge time.Duration) error {
	retention, maxAge = cmp.Or(retention, ledger.DefaultRetention), cmp.Or(maxAge, worker.DefaultMaxAge)
	if retention < maxAge {
		return fmt.Errorf("%w: set --retention (%v) to at least --max-age (%v)", ErrForgetsTooSoon, retention, maxAge)
	}
	return nil
}

// Worker is a running worker.
type Worker struct {
	orders  *worker.Worker
	servers *queue.Servers
	mail    *queue.Servers // nil where no emails are sent
	sender  *mail.Sender
	gateway *gateway.Client
	reaper  *worker.Reaper
	stop    context.CancelFunc // ends the loops
	loops   sync.WaitGroup
}

// StartWorker checks that Redis is fit to hold orders, and begins to work. Stop it before the
// Base is closed.
func (b *Base) StartWorker(ctx context.Context, c WorkerConfig) (*Worker, error) {
	if _, err := b.Redis.Check(ctx); err != nil {
		return nil, err
	}
	c.Concurrency = cmp.Or(c.Concurrency, DefaultConcurrency)
	l := b.Ledger.ForWorker(workerID(c.Version))
	g := gateway.New(gateway.Options{Concurrency: 2 * c.Concurrency}) // for two lanes
	q := b.queueClient()
	pacer := pacing.New(l.Slots, l.Gate, 2*c.Concurrency)
	door := b.watched(intake.New(l, q, c.Merchants, b.Log)).Trace(b.Tracer(tracing.Asynq))
	observers := append(b.observers(), b.tracing.Observers(c.Merchants)...)
	if b.metrics != nil {
		b.metrics.WatchPacer(pacer)
	}
	w := worker.New(l, g, c.Merchants, door, pacer, c.MaxAge, b.Log, observers...).AtOnce(c.Concurrency)
	reaper := worker.NewReaper(l, q, b.pending, b.Log, observers...)
	if c.Mail != nil {
		reaper = reaper.WithMails()
	}
	if err := c.readTemplates(); err != nil {
		return nil, err
	}
	if err := reaper.Begin(ctx); err != nil {
		return nil, err
	}
	servers := queue.NewServers(b.Redis.AsynqOpt(), queue.Config{
		Namespace:       b.Namespace,
		Concurrency:     c.Concurrency + c.Concurrency/spareHandlers,
		ShutdownTimeout: longestCall(c.Merchants) + afterGateway, // of the settings at the start: longer calls after a reload are cut off at the end, and uncertain
		Log:             b.Log,
	}, w.Handle)
	err := servers.Start(ctx)
	if err != nil {
		return nil, err
	}
	loops, stop := context.WithCancel(context.WithoutCancel(ctx))
	running := &Worker{orders: w, servers: servers, gateway: g, reaper: reaper, stop: stop, sender: c.Mail}
	if c.Mail != nil {
		mailer := worker.NewMailer(l, c.Merchants, c.Mail, c.Templates, pacer, c.MaxAge, b.Log, observers...)
		if running.mail, err = b.startMail(ctx, mailer); err != nil {
			stop()
			return nil, errors.Join(err, servers.Shutdown())
		}
		running.loops.Go(func() { b.keepMailersUp(loops) })
	} else {
		b.warnOfMails(ctx)
	}
	running.loops.Go(func() { reaper.Run(loops) })
	running.loops.Go(func() { b.trimResults(loops) })
	return running, nil
}

// readTemplates has the mail templates that were right at the start stay in use until a reload: read with the first email,
// they might be half edited by then.
func (c WorkerConfig) readTemplates() error {
	if c.Mail == nil {
		return nil
	}
	return c.Templates.Check(c.Merchants.All())
}

// Stop finishes what is in flight, hands back what was not begun, and returns an error when that
// took longer than the gateway's time-out allows.
func (w *Worker) Stop() error {
	var mailErr error
	var both sync.WaitGroup
	if w.mail != nil {
		both.Go(func() { mailErr = w.mail.Shutdown() })
	}
	err := w.servers.Shutdown()
	w.orders.Wait() // while it takes, the worker goes on giving signs of life
	both.Wait()
	w.stop()
	w.loops.Wait()
	w.gateway.CloseIdle()
	if w.sender != nil {
		w.sender.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	return errors.Join(err, mailErr, w.reaper.End(ctx))
}

// goodbye is how long Stop tries to tell the other workers that this one holds nothing any more.
const goodbye = 2 * time.Second

func workerID(version string) string {
	host, _ := os.Hostname()
	return ledger.WorkerID(host, os.Getpid(), version)
}

func (b *Base) pending(ctx context.Context, lane order.Lane, n int) (queue.Pending, error) {
	return queue.Backlog(ctx, b.Redis.Client(), b.Namespace, lane, n)
}

// Ready reports whether the worker gives signs of life and can reach its queues.
func (w *Worker) Ready(ctx context.Context) error {
	if err := w.reaper.Ready(); err != nil {
		return err
	}
	return w.servers.Ready(ctx)
}

func longestCall(m *merchant.Directory) (longest time.Duration) {
	for _, p := range m.All() {
		longest = max(longest, p.Timeout)
	}
	return longest
}
