// Package merchant holds the profiles of the merchants we work for: where their
// gateway is, with which keys, where its links may point, and what their orders
// may leave out. It does not know how any of it is used, nor where settings come from.
package merchant

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hpplink/hpplink/internal/order"
)

// Timeout of one call of the gateway. Public clients of it wait 15 and 60 seconds.
const (
	DefaultTimeout = 15 * time.Second
	MinTimeout     = time.Second
	MaxTimeout     = 2 * time.Minute
)

// Calls a second. A slower pace than the least is better kept by whoever sends the orders.
const (
	MinRate = 0.01
	MaxRate = 100_000
)

// Orders open at once. A record takes about a kilobyte of Redis' memory, so the default keeps one merchant's backlog
// to about a gigabyte.
const (
	DefaultMaxOpen = 1_000_000
	MaxMaxOpen     = 1_000_000_000
)

// MaxConcurrency is the most calls at once that a profile may ask for.
const MaxConcurrency = 10_000

// Profile is everything that is the same for all orders of one merchant.
type Profile struct {
	ID          string         // merchant_id, the gateway's "DASMID"
	GatewayURL  *url.URL       // up to but without /server-to-server-interface/…
	APIKey      Secret         // sent as "Authorization: Basic <APIKey>"; ready encoded
	XAPIKey     Secret         // sent as "x-api-key: <XAPIKey>"
	LinkHosts   []string       // hosts a link may point to; "*.paymentoptions.com" matches any sub-domain. None: DefaultLinkHosts
	Timeout     time.Duration  // of one call; zero: DefaultTimeout
	Rate        float64        // calls a second, of all workers together; zero: no limit
	Concurrency int            // calls at once of one worker process; zero: as many as the worker makes
	MaxOpen     int            // orders open at once before the ways in hold more back; zero: DefaultMaxOpen
	AmountUnit  AmountUnit     // empty: Major
	Defaults    order.Defaults // fill what orders leave out
	Mail        Mail           // how its customers are written to
	Default     bool           // orders that name no merchant are this one's, as they are an only merchant's anyway
}

// Mail says how the merchant's customers are written to. All of it may be left out.
type Mail struct {
	Name      string  // the merchant's name as customers read it
	From      string  // a mail address, alone or as "Name <address>"
	ReplyTo   string  // the same
	Templates string  // a folder
	Rate      float64 // emails a second, of all workers together; zero: no limit
}

// AmountUnit says how the gateway wants amounts: "major" (12.50) or "minor" (1250).
type AmountUnit string

const (
	Major AmountUnit = "major" // the likelier reading of the documentation
	Minor AmountUnit = "minor"
)

// Directory finds profiles by merchant id. All of them can be replaced at once while any number of goroutines use it:
// each look-up sees either all of the old ones or all of the new ones.
type Directory struct{ now atomic.Pointer[profiles] }

// profiles never change.
type profiles struct {
	byID   map[string]Profile
	sorted []Profile
}

// NewDirectory returns a directory of these profiles, settings left out replaced
// by their defaults. Of two profiles with one id the later counts.
func NewDirectory(all ...Profile) *Directory {
	d := &Directory{}
	d.Replace(all...)
	return d
}

// Replace has these profiles take the place of all that were there, as NewDirectory takes them.
func (d *Directory) Replace(all ...Profile) {
	next := &profiles{byID: make(map[string]Profile, len(all))}
	for _, p := range all {
		next.byID[p.ID] = p.complete()
	}
	next.sorted = slices.SortedFunc(maps.Values(next.byID), func(a, b Profile) int { return cmp.Compare(a.ID, b.ID) })
	d.now.Store(next)
}

// Lookup returns the profile of the merchant, or false when there is none.
func (d *Directory) Lookup(merchantID string) (Profile, bool) {
	p, ok := d.now.Load().byID[merchantID]
	return p, ok
}

// All returns every profile, sorted by merchant id.
func (d *Directory) All() []Profile { return slices.Clone(d.now.Load().sorted) }

// Default returns the profile for orders that name no merchant: the only one, or the one that is said to be the default.
func (d *Directory) Default() (Profile, bool) {
	all := d.now.Load().sorted
	if len(all) == 1 {
		return all[0], true
	}
	if i := slices.IndexFunc(all, func(p Profile) bool { return p.Default }); i >= 0 {
		return all[i], true
	}
	return Profile{}, false
}

func (p Profile) complete() Profile {
	p.Timeout = cmp.Or(p.Timeout, DefaultTimeout)
	p.MaxOpen = cmp.Or(p.MaxOpen, DefaultMaxOpen)
	p.AmountUnit = cmp.Or(p.AmountUnit, Major)
	p.LinkHosts = slices.Clone(p.linkHosts())
	return p
}
