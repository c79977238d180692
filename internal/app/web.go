package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/results"
	"github.com/hpplink/hpplink/internal/stream"
	"github.com/hpplink/hpplink/internal/tracing"
	"github.com/hpplink/hpplink/internal/web"
)

// lastAnswers is how long requests under way may take at the end.
const lastAnswers = 10 * time.Second

// Web is the HTTP interface, while it is served.
type Web struct {
	Addr   string // where it listens, as "127.0.0.1:8080"
	api    *api.API
	site   *web.Site // nil where only the probes are served
	server *http.Server
	loops  sync.WaitGroup
	log    *slog.Logger

	running context.Context // until stop
	stop    context.CancelFunc
}

// WebConfig says what the HTTP interface serves, and where.
type WebConfig struct {
	Listen    string // an address, as "127.0.0.1:8080"
	Merchants *merchant.Directory
	Tokens    api.Tokens
	Write     bool       // the pages may change something
	Parts     []api.Part // what the process does besides
}

// StartWeb serves the HTTP interface and the pages. Stop it before the Base is closed.
func (b *Base) StartWeb(ctx context.Context, c WebConfig) (*Web, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, err
	}
	hub, door := results.NewHub(b.Results, b.Log), b.Door(c.Merchants)
	site := web.New(web.Config{
		Redis: b.Redis.Client(), Asynq: b.Redis.AsynqOpt(), Ledger: b.Ledger.ForPages(), Door: door, Merchants: c.Merchants,
		Tokens: c.Tokens, Write: c.Write, Log: b.Log,
	})
	w := b.serve(ctx, listener, api.New(api.Config{
		Door: door.Trace(b.Tracer(tracing.HTTP)), Ledger: b.Ledger, Hub: hub, Tokens: c.Tokens, Log: b.Log,
		Parts: append(c.Parts, b.redisPart()),
	}), site)
	w.loops.Go(func() { hub.Run(w.running) })
	return w, nil
}

// StartProbes serves /metrics, /healthz and /readyz alone, for a process that serves nothing else.
func (b *Base) StartProbes(ctx context.Context, listen string, tokens api.Tokens, parts ...api.Part) (*Web, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, err
	}
	return b.serve(ctx, listener, api.New(api.Config{Tokens: tokens, Log: b.Log, Parts: append(parts, b.redisPart())}), nil), nil
}

// serve serves an API, with the metrics beside it, and the pages where there are any.
func (b *Base) serve(ctx context.Context, listener net.Listener, a *api.API, site *web.Site) *Web {
	mux := http.NewServeMux()
	mux.Handle("/", a)
	if site != nil {
		site.Mount(mux)
	}
	if b.metrics != nil {
		mux.Handle("GET /metrics", a.Guard(b.metrics.Handler()))
	}
	w := &Web{Addr: listener.Addr().String(), api: a, site: site, server: api.NewServer(mux, a), log: b.Log}
	w.running, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	w.loops.Go(func() {
		if err := w.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			b.Log.Error("the HTTP interface ended", "error", err)
		}
	})
	return w
}

// SetTokens puts other tokens in force.
func (w *Web) SetTokens(t api.Tokens) {
	w.api.SetTokens(t)
	if w.site != nil {
		w.site.SetTokens(t)
	}
}

// OnceLink returns the URL of a link that lets in whoever opens it first, to the pages of a process without tokens. See
// web.Site.OnceLink.
func (w *Web) OnceLink(next string) string { return "http://" + w.Addr + w.site.OnceLink(next) }

// Stop takes no more requests, answers those that wait with the state so far, and lets the others finish.
func (w *Web) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), lastAnswers)
	defer cancel()
	err := w.server.Shutdown(ctx)
	w.stop()
	w.loops.Wait()
	if w.site != nil {
		err = errors.Join(err, w.site.Close())
	}
	return err
}

// StartStream takes orders from the stream of orders. The function that it returns finishes the batch under way, and is to
// be called before the Base is closed. ready says whether entries are taken in.
func (b *Base) StartStream(ctx context.Context, m *merchant.Directory) (stop, ready func() error) {
	intake := stream.New(stream.Config{Redis: b.Redis.Client(), Ledger: b.Ledger.Home(), Open: b.Ledger.OpenOf, Door: b.Door(m).Trace(b.Tracer(tracing.Stream)), Log: b.Log, KeepDead: b.retention})
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- intake.Run(running) }()
	return func() error {
		cancel()
		return <-ended
	}, intake.Ready
}
