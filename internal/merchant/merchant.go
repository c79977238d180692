// Package merchant holds the profiles of the merchants we work for: where their
// gateway is, with which keys, where its links may point, and what their orders
// may leave out. It does not know how any of it is used, nor where settings come from.
package merchant

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
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

// Profile is everything that is the same for all orders of one merchant.
type Profile struct {
	ID         string         // merchant_id, the gateway's "DASMID"
	GatewayURL *url.URL       // up to but without /server-to-server-interface/…
	APIKey     Secret         // sent as "Authorization: Basic <APIKey>"; ready encoded
	XAPIKey    Secret         // sent as "x-api-key: <XAPIKey>"
	LinkHosts  []string       // hosts a link may point to; "*.paymentoptions.com" matches any sub-domain. None: DefaultLinkHosts
	Timeout    time.Duration  // of one call; zero: DefaultTimeout
	Rate       float64        // calls a second, of all workers together; zero: no limit
	AmountUnit AmountUnit     // empty: Major
	Defaults   order.Defaults // fill what orders leave out
}

// AmountUnit says how the gateway wants amounts: "major" (12.50) or "minor" (1250).
type AmountUnit string

const (
	Major AmountUnit = "major" // the likelier reading of the documentation
	Minor AmountUnit = "minor"
)

// Directory finds profiles by merchant id. It never changes, so any number of
// goroutines may use it.
type Directory struct{ profiles map[string]Profile }

// NewDirectory returns a directory of these profiles, settings left out replaced
// by their defaults. Of two profiles with one id the later counts.
func NewDirectory(profiles ...Profile) *Directory {
	d := &Directory{profiles: make(map[string]Profile, len(profiles))}
	for _, p := range profiles {
		d.profiles[p.ID] = p.complete()
	}
	return d
}

// Lookup returns the profile of the merchant, or false when there is none.
func (d *Directory) Lookup(merchantID string) (Profile, bool) {
	p, ok := d.profiles[merchantID]
	return p, ok
}

// All returns every profile, sorted by merchant id.
func (d *Directory) All() []Profile {
	return slices.SortedFunc(maps.Values(d.profiles), func(a, b Profile) int { return cmp.Compare(a.ID, b.ID) })
}

func (p Profile) complete() Profile {
	p.Timeout = cmp.Or(p.Timeout, DefaultTimeout)
	p.AmountUnit = cmp.Or(p.AmountUnit, Major)
	p.LinkHosts = slices.Clone(p.linkHosts())
	return p
}
