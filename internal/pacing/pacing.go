// Package pacing says when a merchant's next call of the gateway may be made: by the rate limit
// that all workers share, by how many calls at once the gateway bears, and by how well it has
// answered of late. It knows merchants and times. It knows neither orders nor Redis, and makes
// no call itself.
package pacing

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivethrottler"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"github.com/hpplink/hpplink/internal/order"
)

// SlotSource hands out the next n slots of a merchant's rate limit, an interval apart, and says
// how long from now the first one is.
type SlotSource func(ctx context.Context, merchantID string, lane order.Lane, interval time.Duration, n int) (time.Duration, error)

// GateSource lets the next n calls of a merchant through, an interval apart, and says how long from now the first one
// is; if that is more than so far ahead, it lets none through. No two calls that it lets through are less than an interval apart, of
// whatever lane they are and whichever process asks.
type GateSource func(ctx context.Context, merchantID string, interval time.Duration, n int, ahead time.Duration) (time.Duration, error)

// Pacer paces the calls of one process. It is safe for concurrent use.
type Pacer struct {
	source      SlotSource
	gate        GateSource
	concurrency int

	mu        sync.Mutex
	merchants map[string]*merchant
}

// merchant is what is known of one merchant.
type merchant struct {
	slots    map[order.Lane]*slots
	gate     *gate
	limiter  limiter
	throttle adaptivethrottler.AdaptiveThrottler[any]
	health   circuitbreaker.CircuitBreaker[any]
	bad      atomic.Bool // the gateway does not serve it, as far as this process has seen
}

// New returns a pacer for up to so many calls at once for each merchant.
func New(source SlotSource, gate GateSource, concurrency int) *Pacer {
	return &Pacer{source: source, gate: gate, concurrency: concurrency, merchants: map[string]*merchant{}}
}

func (p *Pacer) of(merchantID string) *merchant {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.merchants[merchantID]
	if m == nil {
		m = &merchant{
			slots:    map[order.Lane]*slots{order.Interactive: {}, order.Bulk: {}},
			gate:     newGate(merchantID, p.gate),
			throttle: newThrottle(),
			health:   newHealth(),
		}
		p.merchants[merchantID] = m
	}
	return m
}
