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
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
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
	parts   *partSet
	sender  *mail.Sender
	gateway *gateway.Client
	stop    context.CancelFunc // ends the loops
	loops   sync.WaitGroup
}

// StartWorker checks that Redis is fit to hold orders, and begins to work. Stop it before the
// Base is closed.
func (b *Base) StartWorker(ctx context.Context, c WorkerConfig) (*Worker, error) {
	if _, err := b.Redis.Check(ctx); err != nil {
		return nil, err
	}
	if err := c.readTemplates(); err != nil {
		return nil, err
	}
	c.Concurrency = cmp.Or(c.Concurrency, DefaultConcurrency)
	loops, stop := context.WithCancel(context.WithoutCancel(ctx))
	running := &Worker{gateway: gateway.New(gateway.Options{Concurrency: 2 * c.Concurrency}), stop: stop, sender: c.Mail} // for two lanes
	running.parts = newParts(b.share(c, running.gateway))
	if err := running.parts.start(ctx); err != nil {
		return nil, errors.Join(err, running.Stop())
	}
	running.parts.follow()
	if c.Mail == nil {
		b.warnOfMails(ctx)
	} else if err := b.Ledger.MailersUp(ctx); err != nil {
		return nil, errors.Join(err, running.Stop())
	} else {
		running.loops.Go(func() { b.keepMailersUp(loops) })
	}
	running.loops.Go(func() { b.trimResults(loops) })
	running.loops.Go(func() { b.closeBatches(loops) })
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
	err := w.parts.finish()
	w.stop()
	w.loops.Wait()
	w.gateway.CloseIdle()
	if w.sender != nil {
		w.sender.Close()
	}
	return errors.Join(err, w.parts.end())
}

// goodbye is how long Stop tries to tell the other workers that this one holds nothing any more.
const goodbye = 2 * time.Second

func workerID(version string) string {
	host, _ := os.Hostname()
	return ledger.WorkerID(host, os.Getpid(), version)
}

// Ready reports whether the worker gives signs of life and can reach its queues.
func (w *Worker) Ready(ctx context.Context) error { return w.parts.ready(ctx) }

func longestCall(m *merchant.Directory) (longest time.Duration) {
	for _, p := range m.All() {
		longest = max(longest, p.Timeout)
	}
	return longest
}
