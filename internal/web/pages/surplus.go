package pages

import (
	"net/http"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/partition"
)

const surplusPage = 50

type surplusView struct {
	Rows  []ledger.SurplusLink
	All   int
	Next  string
	First string
}

// surplus lists the links that nobody was shown. There are few, so they are listed oldest first, as the ledger does.
func (p *Pages) surplus(w http.ResponseWriter, r *http.Request) {
	place := ledger.FirstSurplus
	if after := r.URL.Query().Get("after"); partition.IsSurplusPlace(after) {
		place = after
	}
	rows, next, err := p.Ledger.SurplusAfter(r.Context(), place, surplusPage)
	if err != nil {
		p.fault(w, r, err)
		return
	}
	s, err := p.now.get()
	if err != nil {
		p.fault(w, r, err)
		return
	}
	v := surplusView{Rows: rows, All: max(s.Surplus, len(rows))}
	if len(rows) == surplusPage {
		v.Next = at("/orders/surplus", "after", next)
	}
	if place != ledger.FirstSurplus {
		v.First = "/orders/surplus"
	}
	p.show(w, r, http.StatusOK, "surplus", frame{Title: "Surplus links", Nav: "surplus", Body: v})
}

// minutes shows the last hour as a table.
func (p *Pages) minutes(w http.ResponseWriter, r *http.Request) {
	s, err := p.now.get()
	if err != nil {
		p.fault(w, r, err)
		return
	}
	rows := make([]any, 0, len(s.Minutes))
	for i := len(s.Minutes) - 1; i >= 0; i-- {
		rows = append(rows, &s.Minutes[i])
	}
	p.show(w, r, http.StatusOK, "minutes", frame{Title: "The last hour", Nav: "overview", Live: partOf(r), Every: 10, Now: s.Now, Body: rows})
}
