package pages

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
)

// shownMerchants is how many merchants the overview shows, those in trouble and with open orders first.
const shownMerchants = 12

// overviewPage is what the overview shows.
type overviewPage struct {
	situation
	Verdict       verdict
	Matters       []matter
	Lanes         []laneRow
	Charts        []chart
	Merchants     []merchantRow
	MoreMerchants int
	Failures      []failureTable
	Batches       []batchRow
	InStream      int
}

type laneRow struct {
	Name string
	ledger.LaneOverview
}

// failureTable is one of the tables of failures by code.
type failureTable struct {
	Title, List string
	tally
}

func (p *Pages) overview(w http.ResponseWriter, r *http.Request) {
	s, err := p.now.get()
	if err != nil {
		p.fault(w, r, err)
		return
	}
	page := s.page(r.URL.Query().Get("merchants") == "all")
	p.show(w, r, http.StatusOK, "overview", frame{
		Title: "Overview", Nav: "overview", Live: partOf(r), Every: 3, Now: s.Now, Answer: page.Verdict.Word, Body: page,
	})
}

func (s situation) page(all bool) overviewPage {
	v := overviewPage{
		situation: s, Verdict: s.judge(), Matters: s.matters(), Charts: []chart{throughput(s.Minutes), latency(s.Minutes)},
		Merchants: s.merchants(), Batches: rowsOf(s.Batches), InStream: s.Stream.Entries,
	}
	for _, n := range s.Waiting {
		v.InStream += n
	}
	for _, l := range lanesShown {
		v.Lanes = append(v.Lanes, laneRow{l.name, s.Overview.Lanes[l.lane]})
	}
	if !all && len(v.Merchants) > shownMerchants {
		v.MoreMerchants = len(v.Merchants) - shownMerchants
		v.Merchants = v.Merchants[:shownMerchants]
	}
	if s.Failed+s.FailedEmails > 0 {
		v.Failures = []failureTable{{"Orders, by code", linkFailures.param(), s.Failures}, {"Emails, by code", mailFailures.param(), s.Unmailed}}
	}
	return v
}

// merchantRow is how a merchant stands.
type merchantRow struct {
	ID      string
	Gateway []matter // the gateway, and then its emails where something is the matter with them
	Open    int
	Rate    string
	Key     string
	trouble int
}

// merchants are all that have a profile, open orders or an open breaker, the troubled ones first.
func (s situation) merchants() []merchantRow {
	ids := map[string]bool{}
	for _, p := range s.Profiles {
		ids[p.ID] = true
	}
	for id := range s.OpenOrders {
		ids[id] = true
	}
	for _, b := range slices.Concat(s.Breakers, s.MailBreakers) {
		ids[b.MerchantID] = ids[b.MerchantID] || b.Open || b.Held > 0
	}
	var rows []merchantRow
	for id, shown := range ids {
		if shown {
			rows = append(rows, s.merchant(id))
		}
	}
	slices.SortFunc(rows, func(a, b merchantRow) int {
		return cmp.Or(b.trouble-a.trouble, b.Open-a.Open, cmp.Compare(a.ID, b.ID))
	})
	return rows
}

func (s situation) merchant(id string) merchantRow {
	row := merchantRow{ID: id, Open: s.OpenOrders[id], Rate: "not known here"}
	if p, found := s.profile(id); found {
		row.Key, row.Rate = p.APIKey.Hint(), s.line(p)
	}
	served := matter{fine, say("serves"), nil}
	if i := slices.IndexFunc(s.Breakers, func(b ledger.Breaker) bool { return b.MerchantID == id }); i >= 0 {
		served = s.standing(s.Breakers[i], "orders wait")
	}
	row.Gateway = []matter{served}
	if i := slices.IndexFunc(s.MailBreakers, func(b ledger.Breaker) bool { return b.MerchantID == id }); i >= 0 {
		if mail := s.standing(s.MailBreakers[i], "emails wait"); mail.Tone != fine {
			row.Gateway = append(row.Gateway, mail)
		}
	}
	for _, m := range row.Gateway {
		if m.Tone != fine {
			row.trouble++
		}
	}
	return row
}

// standing says how a breaker stands.
func (s situation) standing(b ledger.Breaker, wait string) matter {
	switch {
	case b.Open:
		return matter{stopped, append(say(wait+": "+reasonOf(b.Why).Words()+" since ", b.Since), nextTry(b, s.Now)...), nil}
	case b.Held > 0:
		return matter{look, say("serves again; " + number(b.Held) + " held are being given back"), nil}
	}
	return matter{fine, say("serves"), nil}
}

// line says how fast a merchant's orders may go, and how long they wait for that.
func (s situation) line(p merchant.Profile) string {
	line, waits := s.Lines[p.ID]
	if !waits || p.Rate == 0 {
		return rate(p)
	}
	return rate(p) + "; about " + counted(max(lineLength(p, line), 1), "order") + " in line, " + span(line)
}
