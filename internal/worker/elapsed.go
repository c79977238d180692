package worker

import "time"

// EnqueueToLink is how long the order took from being accepted to the end of this attempt. It takes the ledger's clock up to
// the claim and this process' from there, so that clocks which differ do no harm. It reports false when that is not known.
func (t *Attempted) EnqueueToLink() (time.Duration, bool) {
	return elapsed(t.Attempt.Accepted, t.Attempt.Now, t.Claimed, t.Reported)
}

// LinkToEmail is likewise how long the email took from the link's publication to the end of this attempt.
func (t *EmailAttempted) LinkToEmail() (time.Duration, bool) {
	return elapsed(t.Attempt.Issued, t.Attempt.Now, t.Claimed, t.Reported)
}

// elapsed adds the time between two moments of the ledger's clock to that between two of ours.
func elapsed(from, to, claimed, reported time.Time) (time.Duration, bool) {
	if from.IsZero() || to.IsZero() || claimed.IsZero() || reported.IsZero() {
		return 0, false
	}
	return max(to.Sub(from), 0) + max(reported.Sub(claimed), 0), true
}
