package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/worker"
)

// house is where the demo plays: an embedded Redis, and what works on it.
type house struct {
	o       Options
	base    *app.Base
	gateway *localGateway
	shops   *merchant.Directory
	worker  *app.Worker // nil while none works
	web     *app.Web    // nil until it is shown
}

func openHouse(ctx context.Context, o Options, g *localGateway) (*house, error) {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	base, err := app.Open(ctx, "embedded", "demo", 0, log)
	if err != nil {
		return nil, err
	}
	base.Count()
	h := &house{o: o, base: base, gateway: g, shops: merchants(g.url())}
	if err := h.work(ctx); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

// work has a worker begin.
func (h *house) work(ctx context.Context) error {
	post, err := mail.NewSender(mail.Config{URL: h.gateway.inbox.url(), Connections: app.MailConcurrency})
	if err != nil {
		return err
	}
	h.worker, err = h.base.StartWorker(ctx, app.WorkerConfig{Merchants: h.shops, Concurrency: concurrency, Mail: post, Templates: worker.NewShelf()})
	return err
}

// rest has the worker finish what is in flight.
func (h *house) rest() error {
	if h.worker == nil {
		return nil
	}
	w := h.worker
	h.worker = nil
	return w.Stop()
}

// play works the sample and returns what came of it. Nobody works when it returns.
func (h *house) play(ctx context.Context) (*outcome, error) {
	s := scene{o: h.o, base: h.base, door: h.base.Door(h.shops), tally: newTally(h.o.events)}
	late, err := s.play(ctx)
	h.gateway.Close() // nothing hangs from here on
	if err := errors.Join(err, h.rest()); err != nil {
		return nil, err
	}
	return s.gather(ctx, h.gateway, late)
}

// show serves the pages of what was played, and works again: what is replayed from there is to get its link.
func (h *house) show(ctx context.Context) error {
	if err := h.work(ctx); err != nil {
		return err
	}
	var err error
	if h.web, err = h.base.StartWeb(ctx, app.WebConfig{Listen: "127.0.0.1:0", Merchants: h.shops, Write: true}); err != nil {
		return fmt.Errorf("the pages: %w", err)
	}
	return invite(h.o, h.web.OnceLink("/orders"), h.web.OnceLink("/dashboard/"))
}

func (h *house) close() error {
	var err error
	if h.web != nil {
		err = h.web.Stop()
	}
	return errors.Join(err, h.rest(), h.base.Close())
}
