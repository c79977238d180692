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
)

// lastAnswers is how long requests under way may take at the end.
const lastAnswers = 10 * time.Second

// Web is the HTTP interface, while it is served.
type Web struct {
	Addr   string // where it listens, as "127.0.0.1:8080"
	api    *api.API
	server *http.Server
	stop   context.CancelFunc // ends the hub
	loops  sync.WaitGroup
	log    *slog.Logger
}

// StartWeb serves the HTTP interface on an address. Stop it before the Base is closed.
func (b *Base) StartWeb(ctx context.Context, listen string, m *merchant.Directory, tokens api.Tokens) (*Web, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, err
	}
	hub := results.NewHub(b.Results, b.Log)
	a := api.New(api.Config{
		Door: b.Door(m), Ledger: b.Ledger, Hub: hub, Tokens: tokens, Log: b.Log,
		Parts: []api.Part{{Name: "redis", Ready: func(ctx context.Context) error { return b.Redis.Client().Ping(ctx).Err() }}},
	})
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	w := &Web{Addr: listener.Addr().String(), api: a, server: api.NewServer(a, a), stop: stop, log: b.Log}
	w.loops.Go(func() { hub.Run(running) })
	w.loops.Go(func() {
		if err := w.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			b.Log.Error("the HTTP interface ended", "error", err)
		}
	})
	return w, nil
}

// SetTokens puts other tokens in force.
func (w *Web) SetTokens(t api.Tokens) { w.api.SetTokens(t) }

// Stop takes no more requests, answers those that wait with the state so far, and lets the others finish.
func (w *Web) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), lastAnswers)
	defer cancel()
	err := w.server.Shutdown(ctx)
	w.stop()
	w.loops.Wait()
	return err
}

// StartStream takes orders from the stream of orders. The function that it returns finishes the batch under way, and is to
// be called before the Base is closed.
func (b *Base) StartStream(ctx context.Context, m *merchant.Directory) (stop func() error) {
	intake := stream.New(stream.Config{Redis: b.Redis.Client(), Ledger: b.Ledger, Door: b.Door(m), Log: b.Log, KeepDead: b.retention})
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- intake.Run(running) }()
	return func() error {
		cancel()
		return <-ended
	}
}
