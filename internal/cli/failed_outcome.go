package cli

import (
	"fmt"
	"io"
)

// failedOutcome is what became of a candidate.
type failedOutcome struct {
	Status     string `json:"status"`
	MerchantID string `json:"merchant_id"`
	Ref        string `json:"merchant_txn_ref"`
	Generation int    `json:"generation,omitempty"` // when replayed the new one, else the one that failed
	Code       string `json:"code,omitempty"`
	Message    string `json:"message,omitempty"`
}

const (
	outcomeChosen  = "chosen"   // it would be done, but for --dry-run
	outcomeGone    = "gone"     // it has not failed, or not any more
	outcomeLeftOut = "left_out" // a link may exist
)

// outcome is what becomes of a candidate before anything is done.
func (r *failedRun) outcome(o candidate) failedOutcome {
	out := failedOutcome{
		Status: outcomeChosen, MerchantID: o.Key.MerchantID, Ref: o.Key.Ref, Generation: o.Generation, Code: o.Code, Message: o.Message,
	}
	switch {
	case o.gone != "":
		out.Status, out.Generation, out.Code, out.Message = outcomeGone, 0, "", o.gone
	case r.leavesOut(o.FailedOrder):
		out.Status = outcomeLeftOut
	}
	return out
}

// print writes a line. For people, orders that are left out are only counted.
func (o failedOutcome) print(w io.Writer, asJSON bool) error {
	detail := o.Message
	switch {
	case asJSON:
		return writeJSON(w, o)
	case o.Status == outcomeLeftOut:
		return nil
	case o.Status == outcomeChosen:
		detail = o.Code
	case o.Generation > 0:
		detail = fmt.Sprintf("generation %d", o.Generation)
	}
	_, err := fmt.Fprintf(w, "%-9s  %s  %s  %s\n", o.Status, visible(o.MerchantID), visible(o.Ref), detail)
	return err
}
