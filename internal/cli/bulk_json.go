package cli

import (
	"time"

	"github.com/hpplink/hpplink/internal/bulk"
	"github.com/hpplink/hpplink/internal/ledger"
)

// bulkPlan is a plan for machines.
type bulkPlan struct {
	Type      string         `json:"type"` // plan
	Batch     string         `json:"batch"`
	File      string         `json:"file"`
	Rows      int            `json:"rows"`
	Valid     int            `json:"valid"`
	New       int            `json:"new"`
	Open      int            `json:"open"`
	Issued    int            `json:"issued"`
	Failed    int            `json:"failed"`
	Uncertain int            `json:"failed_uncertain"`
	Repeated  int            `json:"duplicates"`
	Conflicts int            `json:"conflicts"`
	Clashes   int            `json:"conflicts_in_file"`
	Invalid   int            `json:"invalid"`
	NoAmount  int            `json:"no_amount"`
	Totals    []bulkTotal    `json:"totals"`
	Unsent    []string       `json:"unsent_columns"`
	Problems  []bulk.Finding `json:"problems"` // the first
	All       string         `json:"problems_file,omitempty"`
}

type bulkTotal struct {
	Currency string `json:"currency"`
	Orders   int    `json:"orders"`
	Amount   string `json:"amount"`
}

func planJSON(p *bulk.Plan, problemsFile string) bulkPlan {
	j := bulkPlan{
		Type: "plan", Batch: p.Batch, File: p.Label, Rows: p.Rows, Valid: p.Valid(), New: p.Fresh, Open: p.Open, Issued: p.Issued,
		Failed: p.Failed, Uncertain: p.Doubtful, Repeated: p.Repeated, Conflicts: p.Conflicts, Clashes: p.Clashes, Invalid: p.Invalid,
		NoAmount: p.NoAmount, Totals: []bulkTotal{}, Unsent: append([]string{}, p.Unsent()...),
		Problems: append(append([]bulk.Finding{}, p.Problems...), p.Differing...), All: problemsFile,
	}
	for _, t := range p.Totals {
		j.Totals = append(j.Totals, bulkTotal(t))
	}
	return j
}

// resultJSON counts a result for machines.
type resultJSON struct {
	Type        string `json:"type"` // result
	Batch       string `json:"batch"`
	Interrupted bool   `json:"interrupted"`
	Output      string `json:"output"`
	Rows        int    `json:"rows"`
	Linked      int    `json:"linked"`
	Waiting     int    `json:"waiting"`
	Failed      int    `json:"failed"`
	Refused     int    `json:"refused"`
	NotSent     int    `json:"not_sent"`
}

// batchJSON is a batch for machines.
type batchJSON struct {
	Type      string            `json:"type"` // batch
	Batch     string            `json:"batch"`
	Label     string            `json:"label"`
	State     ledger.BatchState `json:"state"`
	Run       int               `json:"run"`
	Sealed    bool              `json:"sealed"`
	Cancelled bool              `json:"cancelled"`
	Orders    int               `json:"orders"`
	Open      int               `json:"open"`
	Issued    int               `json:"issued"`
	Failed    int               `json:"failed"`
	Refused   int               `json:"refused"`
	Created   time.Time         `json:"created"`
	Finished  time.Time         `json:"finished,omitzero"`
	Why       string            `json:"why,omitempty"`
}

func batchOf(b ledger.Batch, why string) batchJSON {
	j := batchJSON{
		Type: "batch", Batch: b.ID, Label: b.Label, State: b.State, Run: b.Run, Sealed: b.Sealed, Cancelled: b.Cancelled, Orders: b.Orders,
		Open: b.Open, Issued: b.Issued, Failed: b.Failed, Refused: b.Refused, Created: b.Created.UTC(), Why: why,
	}
	if !b.Finished.IsZero() {
		j.Finished = b.Finished.UTC()
	}
	return j
}

// bulkOrder is an order of a batch for machines.
type bulkOrder struct {
	MerchantID string `json:"merchant_id"`
	Ref        string `json:"merchant_txn_ref"`
	State      string `json:"state"`
	URL        string `json:"url,omitempty"`
	LinkID     string `json:"link_id,omitempty"`
	Code       string `json:"code,omitempty"`
	Message    string `json:"message,omitempty"`
	Attempts   int    `json:"attempts"`
	Uncertain  bool   `json:"uncertain"`
	Email      string `json:"email_state,omitempty"`
}
