package pages

import (
	"context"
	"net/http"

	"github.com/hpplink/hpplink/internal/ledger"
)

const (
	failedPage   = 50    // orders on one page
	failedLooked = 10000 // at most looked at for one page of a code
	failedStep   = 500   // looked up at once
)

// failedView is a page of failed orders, or of failed emails.
type failedView struct {
	failedList
	Code    string // the one that is asked for, or ""
	Advice  string
	Tally   tally
	Rows    []failedRow
	Looked  int    // more than the rows, where a code is asked for
	Older   string // the next page
	Newest  string // the first page, if this is another
	Confirm string // where all of the code are replayed
}

// failedRow is an order as it is listed.
type failedRow struct {
	ledger.FailedOrder
	List string
}

// Doubtful reports whether somebody is to look elsewhere before it is replayed.
func (f failedRow) Doubtful() bool { return f.LinkMayExist() }

// Confirm is where it is asked whether to replay it.
func (f failedRow) Confirm() string {
	return at("/orders/failed/replay", "list", f.List, "key", f.Key.String())
}

func (p *Pages) failed(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	v := failedView{failedList: listNamed(q.Get("list")), Code: q.Get("code")}
	from, err := ledger.ParseCursor(q.Get("before"))
	if err != nil {
		from = ledger.Cursor{} // a link that was damaged leads to the first page
	}
	if v.Tally, err = p.codes[v.name].get(); err == nil {
		err = p.fillFailed(r.Context(), &v, from)
	}
	if err != nil {
		p.fault(w, r, err)
		return
	}
	if v.Code != "" {
		v.Advice = v.advice(v.Code)
		v.Confirm = at("/orders/failed/replay", "list", v.param(), "code", v.Code)
	}
	p.show(w, r, http.StatusOK, "failed", frame{Title: v.Title(), Nav: "failed", Body: v})
}

// Title names the list.
func (f failedList) Title() string { return "Failed " + f.noun + "s" }

// Emails reports whether it is the list of emails.
func (f failedList) Emails() bool { return f.name == mailFailures.name }

// fillFailed reads one page, newest first.
func (p *Pages) fillFailed(ctx context.Context, v *failedView, from ledger.Cursor) error {
	if from != (ledger.Cursor{}) {
		v.Newest = v.place("")
	}
	step := failedPage + 1 // which tells whether there are older ones
	if v.Code != "" {
		step = failedStep
	}
	for cursor := from; ; {
		page, next, err := v.of(p.Ledger).Before(ctx, cursor, step)
		if err != nil || next == cursor || v.add(page) {
			return err
		}
		if cursor = next; v.Looked >= failedLooked {
			v.Older = v.place(cursor.String())
			return nil
		}
	}
}

// add takes what belongs on the page, and reports whether it is full and there is more.
func (v *failedView) add(page []ledger.FailedOrder) bool {
	for _, o := range page {
		v.Looked++
		if v.Code != "" && o.Code != v.Code {
			continue
		}
		if n := len(v.Rows); n == failedPage {
			v.Older = v.place(ledger.CursorOf(v.Rows[n-1].FailedOrder).String())
			return true
		}
		v.Rows = append(v.Rows, failedRow{o, v.param()})
	}
	return false
}

func (v failedView) place(before string) string {
	return at("/orders/failed", "list", v.param(), "code", v.Code, "before", before)
}

// Filters are the links to the failures of each code.
func (v failedView) Filters() []filter {
	all := []filter{{"All", at("/orders/failed", "list", v.param()), v.Code == "", v.Tally.All}}
	chosen := v.Code == ""
	for _, c := range v.Tally.Codes {
		all = append(all, filter{c.Code, at("/orders/failed", "list", v.param(), "code", c.Code), v.Code == c.Code, c.N})
		chosen = chosen || v.Code == c.Code
	}
	if !chosen {
		all = append(all, filter{v.Code, v.place(""), true, -1})
	}
	return all
}

// Lists are the links to the two lists.
func (v failedView) Lists() []filter {
	return []filter{
		{"Orders", "/orders/failed", !v.Emails(), -1},
		{"Emails", at("/orders/failed", "list", mailFailures.name), v.Emails(), -1},
	}
}
