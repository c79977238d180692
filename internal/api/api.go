// Package api is the way in by HTTP: it takes orders, one or a stream of them, shows how one stands, waits for its link, and
// replays it. It describes itself in OpenAPI, and has a page to try it on.
//
// It knows HTTP: limits, tokens, status codes, the words of errors. What an order is, whether it is new and what becomes of it,
// it leaves to the door and the ledger.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/results"
)

// Config is what an API works with.
type Config struct {
	Door   *intake.Door // nil: no orders are taken here, and there is /healthz and /readyz alone
	Ledger *partition.Ledger
	Hub    *results.Hub // it must be running
	Tokens Tokens       // none: everybody on this machine may do everything, so listen on a loopback address only
	Parts  []Part       // what has to work before /readyz says so
	Log    *slog.Logger
}

// Part is something without which the process can not do all that it is there for.
type Part struct {
	Name  string                      // "redis"
	Ready func(context.Context) error // it gets a second, and ends with its context; its error goes to the log, not to who asks
}

// API is the handler of everything under /v1, of /healthz, /readyz, /openapi.json, /openapi.yaml and /docs.
type API struct {
	Config
	mux      *http.ServeMux
	limits   limits
	tokens   atomic.Pointer[Tokens]
	stopping context.Context
	stop     context.CancelFunc
}

// limits bound what a client can hold on to.
type limits struct {
	body    time.Duration // for the body of one order
	line    time.Duration // for the next line of a batch
	write   time.Duration // for the client to take the answers to a chunk
	redis   time.Duration // for Redis to answer
	gather  time.Duration // how long a chunk of a batch waits for more lines
	longest time.Duration // of a wait
}

var defaultLimits = limits{
	body: 10 * time.Second, line: time.Minute, write: 30 * time.Second, redis: 10 * time.Second,
	gather: 3 * time.Millisecond, longest: time.Minute,
}

// New makes an API. Serve it with a server that NewServer returns.
func New(c Config) *API {
	a := &API{Config: c, mux: http.NewServeMux(), limits: defaultLimits}
	a.SetTokens(c.Tokens)
	a.stopping, a.stop = context.WithCancel(context.Background())
	h := humago.New(a.mux, configuration())
	h.UseMiddleware(a.guard)
	a.registerHealth(h)
	if c.Door == nil {
		return a
	}
	a.registerOrders(h)
	a.registerBatch(h)
	a.registerReplay(h)
	a.servePage()
	a.serveDocument(h.OpenAPI())
	return a
}

// SetTokens puts other tokens in force, for requests that come from now on.
func (a *API) SetTokens(t Tokens) { a.tokens.Store(&t) }

// Drain has those who wait answered with the state so far, batches ended after the lines that were read, and /readyz say that no
// more is taken. The server that NewServer returns calls it at its Shutdown.
func (a *API) Drain() { a.stop() }

// ServeHTTP answers a request, and logs one line about it.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	seen := &statusWriter{ResponseWriter: w}
	r, n := withNote(r)
	r.Pattern = "" // that by which it came here
	begun := time.Now()
	defer func() { a.logRequest(r, seen, n, time.Since(begun)) }()
	if none, pattern := a.route(r); pattern == "" {
		noRoute(seen, r, none)
		return
	}
	a.mux.ServeHTTP(seen, r)
}

var _ huma.Resolver = (*exchange)(nil)

// exchange gives handlers the request itself: orders are decoded from the very bytes that came.
type exchange struct {
	r *http.Request
	w http.ResponseWriter
}

// Resolve implements huma.Resolver.
func (x *exchange) Resolve(ctx huma.Context) []error {
	x.r, x.w = humago.Unwrap(ctx)
	return nil
}

// traceparent is the trace context that came with the request; "" for none. Of more than one none counts.
func (x *exchange) traceparent() string {
	if all := x.r.Header["Traceparent"]; len(all) == 1 {
		return all[0]
	}
	return ""
}
