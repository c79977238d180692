package web

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	guessEvery = 5 * time.Second // how often an address may send a wrong token
	guessBurst = 10              // how many at first
	guessers   = 1000            // addresses that are remembered
)

// guesses bounds how many wrong tokens are looked at, by the address they come from. Tokens are long and random, and sessions that
// have begun are not touched: this is for tokens that people made up.
type guesses struct {
	mu sync.Mutex
	by map[netip.Prefix]*rate.Limiter
}

// try has a secret looked at, unless the address has to wait for so long. Right ones cost nothing.
func (g *guesses) try(remoteAddr string, now time.Time, right func() bool) (wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.limiter(remoteAddr, now)
	if missing := 1 - l.TokensAt(now); missing > 0 {
		return time.Duration(missing * float64(guessEvery))
	}
	if !right() {
		l.AllowN(now, 1)
	}
	return 0
}

func (g *guesses) limiter(remoteAddr string, now time.Time) *rate.Limiter {
	from := source(remoteAddr)
	if g.by[from] == nil {
		g.makeRoom(now)
		g.by[from] = rate.NewLimiter(rate.Every(guessEvery), guessBurst)
	}
	return g.by[from]
}

// makeRoom forgets addresses that may send as many as they could at first, and then any.
func (g *guesses) makeRoom(now time.Time) {
	if g.by == nil {
		g.by = map[netip.Prefix]*rate.Limiter{}
	}
	for from, l := range g.by {
		if len(g.by) >= guessers && l.TokensAt(now) >= guessBurst {
			delete(g.by, from)
		}
	}
	for from := range g.by {
		if len(g.by) < guessers {
			return
		}
		delete(g.by, from)
	}
}

// source is an address, or of IPv6 the network that one household or machine has for itself.
func source(remoteAddr string) netip.Prefix {
	at, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	addr, bits := at.Addr().Unmap().WithZone(""), 32
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits) // both are within bounds
	return p
}
