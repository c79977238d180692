package bulk

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/sheet"
)

// shown is how many findings of a kind a plan keeps. All of them pass through Watch.Finding.
const shown = 20

// Plan is what a file holds, and what is to be done with each of its rows. It keeps 40 bytes of a row, and up to 11 to find
// it by.
type Plan struct {
	Batch   string // the id of the file's batch
	Label   string // the file's name
	Info    sheet.Info
	Columns []sheet.Column

	Rows      int
	Fresh     int // to be handed in: new orders, and corrections of failed ones
	Open      int // known, and their links are owed
	Issued    int // known, and they have their links
	Failed    int // known, and they may be tried again
	Doubtful  int // known and failed, and a link that nobody was shown may exist
	Repeated  int // say the same as an earlier row
	Conflicts int // other orders are known under their refs
	Clashes   int // other rows have their refs, and say something else
	Invalid   int

	NoAmount int     // orders whose amount the customer enters
	Totals   []Total // of the others, by currency; each order once, without conflicts

	Problems  []Finding // the first of what is wrong with rows themselves
	Differing []Finding // the first conflicts

	notes      notes
	currencies []string
	batches    []string
	others     map[uint32]uint32 // from the first row of a clash to another one
	id         batchID
	watch      Watch
	reader     *sheet.Reader
}

// Watch is told of things as they happen. Any part may be nil.
type Watch struct {
	Rows    func(n int)         // so many are read
	Finding func(Finding) error // an error ends the reading
}

// Valid counts the rows that are valid orders, repeated and known ones too.
func (p *Plan) Valid() int { return p.Rows - p.Invalid - p.Clashes }

// Refused counts the rows that do not become orders.
func (p *Plan) Refused() int { return p.Invalid + p.Clashes + p.Conflicts }

// Unsent returns the headers of columns that are kept, and are no part of the orders.
func (p *Plan) Unsent() (headers []string) {
	for _, c := range p.Columns {
		if c.Field == "" {
			headers = append(headers, c.Header)
		}
	}
	return headers
}

// Plan reads a file and asks of each row what would become of it. It changes nothing. Errors of the file are
// *sheet.FileError and *sheet.HeaderError.
func (d *Desk) Plan(ctx context.Context, in *Input, w Watch) (*Plan, error) {
	r, err := in.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	p := &Plan{
		Label: in.name(), Info: r.Info(), Columns: r.Columns(), others: map[uint32]uint32{}, id: newBatchID(), watch: w, reader: r,
		batches: []string{""},
	}
	try := func(ctx context.Context, page *page) error { return d.try(ctx, page, func(int) bool { return false }) }
	if err := pages(ctx, r, try, p.takePage); err != nil {
		return nil, err
	}
	p.Batch = p.id.of(p.Label)
	p.count()
	return p, nil
}

func (p *Plan) takePage(page *page) error {
	for i, row := range page.rows {
		if err := p.take(row, page.receipts[i]); err != nil {
			return err
		}
	}
	if p.watch.Rows != nil {
		p.watch.Rows(p.notes.n)
	}
	return nil
}

// take judges a row by itself and by the rows before it.
func (p *Plan) take(row sheet.Row, r intake.Receipt) error {
	p.id.add(r.Key)
	n := note{number: uint32(row.Number), amount: noAmount, verdict: verdictOf(row, r)}
	if n.verdict == invalid {
		p.notes.add(n)
		return p.tell(&p.Problems, problemsOf(row, r, p.reader.ColumnFor)...)
	}
	n.key, n.content = fingerprint(r.Key.String()), fingerprint(r.Content)[0]
	n.amount, n.currency, n.batches = units(r.Amount), p.currencyOf(r.Currency), p.batchesOf(r.Record.Batches)
	if n.verdict == conflict {
		p.notes.add(n)
		return p.tell(&p.Differing, differing(row, r))
	}
	at, found := p.notes.first(n.key)
	if !found {
		p.notes.file(p.notes.add(n))
		return nil
	}
	earlier := p.notes.at(at)
	if n.content == earlier.content && earlier.verdict != clash {
		n.verdict = repeat
		p.notes.add(n)
		return nil
	}
	p.notes.add(n)
	return p.clash(earlier, p.notes.at(p.notes.n-1))
}

// clash refuses two rows: nobody knows which of them is meant.
func (p *Plan) clash(earlier, later *note) error {
	column, _ := p.reader.ColumnFor(refPointer)
	found := []Finding{clashing(later.number, earlier.number)}
	if earlier.verdict != clash {
		found = append(found, clashing(earlier.number, later.number))
		p.others[earlier.number] = later.number
	}
	p.others[later.number] = earlier.number
	earlier.verdict, later.verdict = clash, clash
	for i := range found {
		found[i].Column = column
	}
	return p.tell(&p.Problems, found...)
}

func (p *Plan) tell(first *[]Finding, found ...Finding) error {
	for _, f := range found {
		if f.Column == "" && f.field != "" {
			f.Column = strings.ReplaceAll(strings.TrimPrefix(f.field, "/"), "/", ".")
		}
		if len(*first) < shown {
			*first = append(*first, f)
		}
		if p.watch.Finding != nil {
			if err := p.watch.Finding(f); err != nil {
				return err
			}
		}
	}
	return nil
}

func verdictOf(row sheet.Row, r intake.Receipt) verdict {
	switch {
	case len(row.Problems) > 0 || r.Status == intake.Rejected:
		return invalid
	case r.Status == intake.Conflict:
		return conflict
	case r.Status != intake.Known:
		return fresh
	case r.Record.State == ledger.Issued:
		return issued
	case r.Record.State != ledger.Failed:
		return open
	case r.Record.Uncertain || r.Record.Code == ledger.CodePossiblyIssued:
		return doubtful
	}
	return failed
}

func (p *Plan) currencyOf(code string) uint8 {
	i := slices.Index(p.currencies, code)
	if i < 0 {
		i = len(p.currencies)
		p.currencies = append(p.currencies, code)
	}
	return uint8(i)
}

// batchesOf notes which batches of the file's name an order is in: the file's own one has no id yet. Of very many
// combinations the last are not told apart from none, and then an order is handed in once more, which does no harm.
func (p *Plan) batchesOf(ids []string) uint16 {
	var ours []string
	for _, id := range ids {
		if strings.HasPrefix(id, prefix(p.Label)) {
			ours = append(ours, id)
		}
	}
	all := strings.Join(ours, " ")
	i := slices.Index(p.batches, all)
	if i < 0 && len(p.batches) < 1000 {
		i = len(p.batches)
		p.batches = append(p.batches, all)
	}
	return uint16(max(i, 0))
}

// inBatch tells whether a row's order is in the file's batch already.
func (p *Plan) inBatch(n *note) bool {
	return slices.Contains(strings.Fields(p.batches[n.batches]), p.Batch)
}

// count sums up once all rows are judged.
func (p *Plan) count() {
	var counts [verdicts]int
	sums := map[string]*sum{}
	for i := range p.notes.n {
		n := p.notes.at(i)
		counts[n.verdict]++
		switch {
		case !n.verdict.sendable():
		case n.amount == noAmount:
			p.NoAmount++
		default:
			code := p.currencies[n.currency]
			if sums[code] == nil {
				sums[code] = &sum{}
			}
			sums[code].add(n.amount)
		}
	}
	p.Rows, p.Fresh, p.Open, p.Issued, p.Failed, p.Doubtful = p.notes.n, counts[fresh], counts[open], counts[issued], counts[failed], counts[doubtful]
	p.Repeated, p.Conflicts, p.Clashes, p.Invalid = counts[repeat], counts[conflict], counts[clash], counts[invalid]
	for _, code := range slices.Sorted(maps.Keys(sums)) {
		p.Totals = append(p.Totals, sums[code].total(code))
	}
}

// ToSend counts the rows whose orders are not in the file's batch yet.
func (p *Plan) ToSend() (n int) {
	for i := range p.notes.n {
		if p.toSend(p.notes.at(i)) {
			n++
		}
	}
	return n
}

func (p *Plan) toSend(n *note) bool {
	return n.verdict == fresh || n.verdict.sendable() && !p.inBatch(n)
}
