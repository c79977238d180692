package pages

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/lookup"
	"github.com/hpplink/hpplink/internal/order"
)

const (
	listedBatches = 100 // the latest
	batchPage     = 100 // orders on one page of a batch
	batchLooked   = 5000
)

// batchRow is a batch as it is shown.
type batchRow struct{ ledger.Batch }

func rowsOf(batches []ledger.Batch) (rows []batchRow) {
	for _, b := range batches {
		rows = append(rows, batchRow{b})
	}
	return rows
}

// Path is where the batch is shown.
func (b batchRow) Path() string { return batchPath(b.ID) }

func batchPath(id string) string { return "/orders/batches/" + url.PathEscape(id) }

// Settled is how many of its orders have their link or failed.
func (b batchRow) Settled() int { return b.Issued + b.Batch.Failed }

// Percent is how much of it is settled.
func (b batchRow) Percent() int {
	if b.Orders == 0 {
		return 0
	}
	return 100 * b.Settled() / b.Orders
}

// Word is its state in words.
func (b batchRow) Word() string {
	switch {
	case b.State == ledger.BatchRunning && b.Cancelled:
		return "being cancelled"
	case b.State == ledger.BatchRunning && !b.Sealed:
		return "not all in yet"
	case b.State == ledger.BatchPartly:
		return "partly failed"
	}
	return string(b.State)
}

func (p *Pages) batches(w http.ResponseWriter, r *http.Request) {
	all, err := p.Ledger.Batches(r.Context(), listedBatches)
	if err != nil {
		p.fault(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "batches", frame{Title: "Batches", Nav: "batches", Live: partOf(r), Every: 5, Body: rowsOf(all)})
}

// batchView is the page of one batch.
type batchView struct {
	batchRow
	Why    sentence // why its orders wait
	State  string   // the one that is asked for, or ""
	Rows   []batchOrder
	From   int // counted from 0
	Looked int
	Next   string // the page after this one
	First  string // the first page, if this is another
}

type batchOrder struct {
	Key order.Key
	ledger.Record
	Found bool
}

func (p *Pages) batch(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	b, found, err := p.Ledger.Batch(r.Context(), id)
	if err != nil {
		p.fault(w, r, err)
		return
	}
	if !found {
		p.show(w, r, http.StatusNotFound, "message", frame{Title: "No such batch", Nav: "batches", Body: notice{"No such batch", look, []sentence{
			say("No batch “"+lookup.Visible(id)+"” is known. Batches are forgotten after the retention; the ", link{"latest ones", "/orders/batches"}, " are listed."),
		}}})
		return
	}
	v := batchView{batchRow: batchRow{b}, State: stateOf(r)}
	v.From, _ = strconv.Atoi(r.URL.Query().Get("from"))
	v.From = min(max(v.From, 0), b.Orders)
	if err := p.fill(r.Context(), &v); err != nil {
		p.fault(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "batch", frame{Title: "Batch " + lookup.Visible(id), Nav: "batches", Live: partOf(r), Every: 5, Body: v})
}

func stateOf(r *http.Request) string {
	switch s := r.URL.Query().Get("state"); ledger.State(s) {
	case ledger.Queued, ledger.Sending, ledger.Issued, ledger.Failed:
		return s
	}
	return ""
}

// fill reads one page of the batch's orders. For those of one state it looks at some thousands and then leaves the rest to the
// next page, since there is no list of them.
func (p *Pages) fill(ctx context.Context, v *batchView) error {
	at := v.From
	for v.Looked < batchLooked && len(v.Rows) < batchPage {
		keys, err := p.Ledger.BatchOrders(ctx, v.ID, at, batchPage)
		if err != nil || len(keys) == 0 {
			return err
		}
		records, found, err := p.Ledger.Records(ctx, keys)
		if err != nil {
			return err
		}
		for i, key := range keys {
			if len(v.Rows) == batchPage {
				break
			}
			at, v.Looked = at+1, v.Looked+1
			if v.State == "" || found[i] && string(records[i].State) == v.State {
				v.Rows = append(v.Rows, batchOrder{key, records[i], found[i]})
			}
		}
		if v.Why == nil {
			v.Why = whyOf(records)
		}
	}
	if at < v.Orders {
		v.Next = v.page(at)
	}
	if v.From > 0 {
		v.First = v.page(0)
	}
	return nil
}

func (v *batchView) page(from int) string {
	place := ""
	if from > 0 {
		place = strconv.Itoa(from)
	}
	return at(v.Path(), "state", v.State, "from", place)
}

// Filters are the links to the batch's orders of each state.
func (v batchView) Filters() []filter {
	all := []filter{{"All", v.Path(), v.State == "", v.Orders}}
	for _, f := range []struct {
		state ledger.State
		name  string
		n     int
	}{{ledger.Issued, "With their link", v.Issued}, {ledger.Failed, "Failed", v.Batch.Failed}, {ledger.Queued, "Queued", -1}, {ledger.Sending, "Sending", -1}} {
		all = append(all, filter{f.name, at(v.Path(), "state", string(f.state)), v.State == string(f.state), f.n})
	}
	return all
}

// filter is a link that narrows a list.
type filter struct {
	Name, To string
	Chosen   bool
	N        int // -1: not known
}

// whyOf says why the first of the orders that wait does.
func whyOf(records []ledger.Record) sentence {
	for _, r := range records {
		if r.State != ledger.Queued || r.Why == "" {
			continue
		}
		s := say(reasonOf(r.Why).Words())
		if !r.WaitUntil.IsZero() && r.WaitUntil.After(time.Now()) {
			s = append(s, "; the next try is at ", r.WaitUntil)
		}
		return s
	}
	return nil
}
