package app

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/pacing"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/worker"
)

// ServiceConfig says what one process does. What is nil or empty it does not do.
type ServiceConfig struct {
	Merchants *merchant.Directory
	Worker    *WorkerConfig // works orders
	Stream    bool          // takes orders from the stream
	Listen    string        // serves HTTP there
	Probes    bool          // but nothing except /metrics, /healthz and /readyz
	MayListen bool          // and if another process has that address, does without
	Tokens    api.Tokens

	DashboardWrite bool // the pages may change something
}

// Service is a running process.
type Service struct {
	base      *Base
	web       *Web
	parts     []api.Part // what has to work
	queue     *queue.Client
	rates     map[string]pace
	templates *worker.Shelf // nil where no emails are sent
	steps     teardown
}

// Start begins with everything that the process does. Where something can not begin, what has begun ends.
func (b *Base) Start(ctx context.Context, c ServiceConfig) (*Service, error) {
	s := &Service{base: b, queue: b.queueClient(), rates: paces(c.Merchants.All())}
	if err := s.start(ctx, c); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Service) start(ctx context.Context, c ServiceConfig) error {
	if _, err := s.base.Redis.Check(ctx); err != nil {
		return err
	}
	if err := s.base.publishLeft(ctx); err != nil {
		return err
	}
	if c.Worker != nil {
		w, err := s.base.StartWorker(ctx, *c.Worker)
		if err != nil {
			return err
		}
		s.steps.add("worker", w.Stop)
		s.parts = append(s.parts, api.Part{Name: "worker", Ready: w.Ready})
		s.templates = c.Worker.Templates
	}
	if c.Stream {
		stop, ready := s.base.StartStream(ctx, c.Merchants)
		s.steps.add("stream intake", stop)
		s.parts = append(s.parts, api.Part{Name: "stream", Ready: func(context.Context) error { return ready() }})
	}
	if c.Listen != "" {
		web, err := s.listen(ctx, c)
		if c.MayListen && errors.Is(err, syscall.EADDRINUSE) {
			s.base.Log.Warn("another process serves HTTP at this address, so this one does not: set --listen for another, or --roles worker,stream", "address", c.Listen)
			return nil
		}
		if err != nil {
			return fmt.Errorf("--listen / HPPLINK_LISTEN: %w", err)
		}
		s.web = web
		s.steps.add("HTTP", web.Stop)
	}
	return nil
}

func (s *Service) listen(ctx context.Context, c ServiceConfig) (*Web, error) {
	if c.Probes {
		return s.base.StartProbes(ctx, c.Listen, c.Tokens, s.parts...)
	}
	return s.base.StartWeb(ctx, WebConfig{Listen: c.Listen, Merchants: c.Merchants, Tokens: c.Tokens, Write: c.DashboardWrite, Parts: s.parts})
}

// Addr is where the process serves HTTP, or "".
func (s *Service) Addr() string {
	if s.web == nil {
		return ""
	}
	return s.web.Addr
}

// OnceLink returns the URL of a link that lets in whoever opens it first, and "" where there are no pages, or tokens for them.
func (s *Service) OnceLink() string {
	if s.web == nil || s.web.site == nil || !s.web.site.OnceOpens() {
		return ""
	}
	return s.web.OnceLink("")
}

// Stop ends the ways in first, and then finishes what is in flight.
func (s *Service) Stop() error { return s.steps.run() }

// applyBound is how long settings that were reloaded may take to reach the orders that wait.
const applyBound = time.Minute

// Applied has settings that were reloaded, and are in the directory by now, take effect on what waits: held orders of
// merchants that were mended try the gateway at once, and orders that wait for their slots of a rate limit wait for
// those of the new one. What can not be done now is logged: then it happens when their time comes.
func (s *Service) Applied(merchants []merchant.Profile, mended []string, tokens api.Tokens) {
	ctx, cancel := context.WithTimeout(context.Background(), applyBound)
	defer cancel()
	if s.web != nil {
		s.web.SetTokens(tokens)
	}
	if s.templates != nil {
		if err := s.templates.Check(merchants); err != nil {
			s.base.Log.Error("mail templates stay as they were", "error", err)
		}
	}
	for _, m := range mended {
		if err := s.base.Ledger.Hasten(ctx, m); err != nil {
			s.base.Log.Warn("held orders try the gateway later", "merchant", m, "error", err)
		}
	}
	now := paces(merchants)
	for m, p := range now {
		before, known := s.rates[m]
		if known && before.links != p.links {
			s.retime(ctx, m, p.links, "orders", s.base.Ledger.Retime)
		}
		if known && before.emails != p.emails {
			s.retime(ctx, m, p.emails, "emails", s.base.Ledger.RetimeMail)
		}
	}
	s.rates = now
}

// pace is how fast a merchant's orders may go: calls of the gateway and emails a second.
type pace struct{ links, emails float64 }

func paces(all []merchant.Profile) map[string]pace {
	by := make(map[string]pace, len(all))
	for _, p := range all {
		by[p.ID] = pace{p.Rate, p.Mail.Rate}
	}
	return by
}

type retime func(ctx context.Context, merchantID string, interval time.Duration, moved func([]ledger.Retimed) error) error

func (s *Service) retime(ctx context.Context, merchantID string, rate float64, what string, move retime) {
	err := move(ctx, merchantID, pacing.Interval(rate), func(moved []ledger.Retimed) error {
		entries := make([]queue.Entry, len(moved))
		for i, r := range moved {
			entries[i] = queue.Entry{Lane: r.Lane, TaskID: r.TaskID, Payload: r.Key.Reference(), In: r.In, Namespace: r.Namespace}
		}
		return errors.Join(s.queue.EnqueueMany(ctx, entries)...)
	})
	if err != nil {
		s.base.Log.Warn(what+" wait for their slots of the former rate limit", "merchant", merchantID, "error", err)
	}
}
