package pages

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/lookup"
	"github.com/hpplink/hpplink/internal/order"
)

// mostMerchants is with how many merchants a ref is tried.
const mostMerchants = 1000

// findView is what came of looking for something.
type findView struct {
	Query, Merchant string
	Merchants       []string // that may be chosen
	Tried           int      // merchants that a ref was looked up for
	Found           []foundOrder
	Links           *linkSearch // nil: it was not looked for among links
	LookAmongLinks  string      // where that is done
}

type foundOrder struct {
	Key order.Key
	ledger.Record
}

// find looks for an order: by its ref, by its key as tasks and logs have it, or by its link.
func (p *Pages) find(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	v := findView{Query: strings.TrimSpace(q.Get("q")), Merchant: strings.TrimSpace(q.Get("merchant"))}
	merchants, err := p.knownMerchants(r.Context())
	if err != nil {
		p.fault(w, r, err)
		return
	}
	v.Merchants = merchants
	if v.Query == "" {
		p.show(w, r, http.StatusOK, "found", frame{Title: "Find an order", Body: v})
		return
	}
	if err := p.search(r.Context(), &v, q.Get("links") != "", q.Get("before")); err != nil {
		p.fault(w, r, err)
		return
	}
	status := http.StatusOK
	switch len(v.Found) {
	case 1:
		http.Redirect(w, r, orderPath(v.Found[0].Key), http.StatusSeeOther)
		return
	case 0:
		status = http.StatusNotFound
		v.LookAmongLinks = at("/orders/find", "q", v.Query, "links", "yes")
	}
	p.show(w, r, status, "found", frame{Title: "Find an order", Find: v.Query, Body: v})
}

// search looks among refs first, which is cheap, and then among links if what is looked for may be one.
func (p *Pages) search(ctx context.Context, v *findView, amongLinks bool, before string) error {
	if !amongLinks {
		if err := p.searchRefs(ctx, v); err != nil || len(v.Found) > 0 {
			return err
		}
	}
	if amongLinks || looksLikeLink(v.Query) {
		return p.searchLinks(ctx, v, before)
	}
	return nil
}

// searchRefs looks the query up as a ref of every merchant, or of the one that was chosen, and as a key or a task's id.
func (p *Pages) searchRefs(ctx context.Context, v *findView) error {
	keys := keysOf(v)
	records, found, err := p.Ledger.Records(ctx, keys)
	if err != nil {
		return err
	}
	for i, key := range keys {
		if found[i] {
			v.Found = append(v.Found, foundOrder{key, records[i]})
		}
	}
	return nil
}

func keysOf(v *findView) (keys []order.Key) {
	merchants := v.Merchants
	if v.Merchant != "" {
		merchants = []string{v.Merchant}
	}
	v.Tried = len(merchants)
	for _, m := range merchants {
		keys = append(keys, order.Key{MerchantID: m, Ref: v.Query})
	}
	if key, err := order.ParseKey(v.Query); err == nil && !slices.Contains(keys, key) {
		keys = append(keys, key)
	}
	if key, is := ledger.KeyOfTask(v.Query); is && !slices.Contains(keys, key) {
		keys = append(keys, key)
	}
	return keys
}

// knownMerchants are those with a profile, and those that have open orders or a breaker, sorted.
func (p *Pages) knownMerchants(context.Context) ([]string, error) {
	s, err := p.now.get()
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, m := range s.merchants() {
		ids = append(ids, m.ID)
	}
	ids = ids[:min(len(ids), mostMerchants)] // those with open orders come first
	slices.Sort(ids)
	return ids, nil
}

// Where says which merchants a ref was looked up for.
func (v findView) Where() string {
	switch {
	case v.Merchant != "":
		return "of merchant " + lookup.Visible(v.Merchant)
	case v.Tried == 0:
		return "of any merchant: none is known here, so name one"
	case v.Tried <= 5:
		return "of merchant " + lookup.Visible(strings.Join(v.Merchants, ", "))
	}
	return "of the " + number(v.Tried) + " merchants that are known here"
}
