package pages

import (
	"bytes"
	"context"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/results"
)

// There is no index of links: it would cost every order a write and 150 bytes for a look-up that is rare. So the results are
// read backwards, as far as is fair to ask of Redis at once.
const (
	linksLooked  = 20_000
	linksPage    = 1000
	linksFor     = 2 * time.Second
	surplusPages = 10
)

// linkSearch is how far links were looked through.
type linkSearch struct {
	Looked  int       // results
	Back    time.Time // how far; zero if nothing was there
	All     bool      // that was all that is kept
	Surplus int       // surplus links that were looked at
	Further string    // where to look further back
}

var uuid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

func looksLikeLink(query string) bool {
	u, err := url.Parse(query)
	return uuid.MatchString(query) || err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// searchLinks looks for the order that a link was published for, or minted for without being shown.
func (p *Pages) searchLinks(ctx context.Context, v *findView, before string) error {
	place := before
	if !results.IsPlace(place) {
		place = results.End
	}
	v.Links = &linkSearch{}
	until := time.Now().Add(linksFor)
	for len(v.Found) == 0 && v.Links.Looked < linksLooked && time.Now().Before(until) {
		events, next, err := p.results.Back(ctx, place, linksPage)
		if err != nil {
			return err
		}
		if next == place {
			v.Links.All = true
			break
		}
		place, v.Links.Back = next, results.PlacedAt(next)
		v.match(events)
	}
	if len(v.Found) > 0 {
		return nil
	}
	if !v.Links.All {
		v.Links.Further = at("/orders/find", "q", v.Query, "links", "yes", "before", place)
	}
	return p.searchSurplus(ctx, v)
}

// match finds the first event that published the link.
func (v *findView) match(events []results.Event) {
	part := bytes.ToLower([]byte(v.lastPart()))
	for _, e := range events {
		v.Links.Looked++
		if e.Type != results.LinkIssued || !bytes.Contains(bytes.ToLower(e.Data), part) {
			continue
		}
		if d, err := results.Decode[results.Issued](e); err == nil && v.means(d.LinkID, d.URL) {
			v.Found = []foundOrder{{Key: e.Key()}}
			return
		}
	}
}

// lastPart is what of the query stands in an event whatever way that is written.
func (v *findView) lastPart() string { return v.Query[strings.LastIndexByte(v.Query, '/')+1:] }

// means reports whether the query is a link's id, its url, or what its url ends with.
func (v *findView) means(id, to string) bool {
	return strings.EqualFold(id, v.Query) || to == v.Query || strings.HasSuffix(to, "/"+v.Query)
}

func (p *Pages) searchSurplus(ctx context.Context, v *findView) error {
	place := ledger.FirstSurplus
	for range surplusPages {
		links, next, err := p.Ledger.SurplusAfter(ctx, place, linksPage)
		if err != nil {
			return err
		}
		for _, l := range links {
			v.Links.Surplus++
			if v.means(l.Link.ID, l.Link.URL) {
				v.Found = []foundOrder{{Key: l.Key}}
				return nil
			}
		}
		if place = next; len(links) < linksPage {
			return nil
		}
	}
	return nil
}
