// Package pages are the pages about orders, for whoever is on call: whether work flows, what waits and why, what failed, and what
// to do about it.
//
// It knows how the ledger's facts look and read. It does not know who looks (package web does), and no rule of an order: it reads
// from the ledger, and replays go through the intake's door.
package pages

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/results"
)

// Config is what the pages work with.
type Config struct {
	Redis     redis.UniversalClient
	Ledger    *partition.Ledger
	Door      *intake.Door // for replays
	Merchants *merchant.Directory
	Write     bool // orders may be replayed
	Log       *slog.Logger
}

// Pages are the handlers of all that is below /orders.
type Pages struct {
	Config
	results *results.Reader
	now     cached[situation]
	codes   map[string]*cached[tally] // by the name of the list
}

// New makes the pages. It asks Redis nothing before somebody looks.
func New(c Config) *Pages {
	p := &Pages{Config: c, results: results.NewReader(c.Redis, c.Ledger.Streams()...)}
	p.now = cached[situation]{life: situationLife, read: p.look}
	p.codes = map[string]*cached[tally]{}
	for _, list := range failedLists {
		p.codes[list.name] = &cached[tally]{life: tallyLife, read: list.tallying(p.Ledger)}
	}
	return p
}

// Routes returns the handlers by the patterns of net/http.ServeMux. Those of POST change something; leave them out, or refuse them,
// where nothing may be changed.
func (p *Pages) Routes() map[string]http.HandlerFunc {
	routes := map[string]http.HandlerFunc{
		"GET /orders":                p.overview,
		"GET /orders/{$}":            toOverview,
		"GET /orders/minutes":        p.minutes,
		"GET /orders/find":           p.find,
		"GET /orders/order/{key}":    p.order,
		"GET /orders/failed":         p.failed,
		"GET /orders/failed/replay":  p.confirm,
		"POST /orders/failed/replay": p.replayAll,
		"POST /orders/replay":        p.replay,
		"GET /orders/batches":        p.batches,
		"GET /orders/batches/{id}":   p.batch,
		"GET /orders/surplus":        p.surplus,
		"GET /orders/":               p.nowhere,
	}
	for pattern, h := range routes {
		routes[pattern] = bounded(h)
	}
	return routes
}

// pageBound is how long making a page may take. What changes something bounds itself.
const pageBound = 8 * time.Second

func bounded(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), pageBound)
		defer cancel()
		h(w, r.WithContext(ctx))
	}
}

func toOverview(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/orders", http.StatusMovedPermanently)
}
