package pages

import (
	"context"
	"slices"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/minutes"
	"github.com/hpplink/hpplink/internal/stream"
)

const (
	// situationLife is for how long what was read is shown again.
	situationLife = 1500 * time.Millisecond
	// charted is how many minutes the charts show.
	charted = 60
	// latestBatches is among how many batches those are looked for that run.
	latestBatches = 20
	// orderly is how long an order may wait without anybody worrying.
	orderly = time.Minute
	// mailersSilent is how long after its last word it is certain that no worker sends emails: they say so every minute.
	mailersSilent = 3 * time.Minute
)

// situation is all that the overview tells.
type situation struct {
	ledger.Overview
	Stream   stream.Backlog
	Minutes  []minutes.Minute // the last hour, oldest first; the last one is not over
	Failures tally
	Unmailed tally
	Batches  []ledger.Batch // that run
	Profiles []merchant.Profile
}

// look reads everything. The number of commands depends on how many merchants there are, and not on how many orders.
func (p *Pages) look(ctx context.Context) (s situation, err error) {
	s.Profiles = p.Merchants.All()
	if s.Overview, err = p.Ledger.Overview(ctx, rated(s.Profiles)); err != nil {
		return s, err
	}
	keys := p.Ledger.Keys()
	if s.Minutes, err = minutes.Read(ctx, p.Redis, keys.Minutes(), s.Now, charted); err != nil {
		return s, err
	}
	if s.Stream, err = stream.Waiting(ctx, p.Redis, keys.Orders()); err != nil {
		return s, err
	}
	if s.Failures, err = p.codes[linkFailures.name].get(); err != nil {
		return s, err
	}
	if s.Unmailed, err = p.codes[mailFailures.name].get(); err != nil {
		return s, err
	}
	batches, err := p.Ledger.Batches(ctx, latestBatches)
	s.Batches = slices.DeleteFunc(batches, func(b ledger.Batch) bool { return b.State != ledger.BatchRunning })
	return s, err
}

// rated are the merchants that have a rate limit, and so perhaps a line.
func rated(all []merchant.Profile) (ids []string) {
	for _, p := range all {
		if p.Rate > 0 {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

func (s situation) profile(merchantID string) (merchant.Profile, bool) {
	i := slices.IndexFunc(s.Profiles, func(p merchant.Profile) bool { return p.ID == merchantID })
	if i < 0 {
		return merchant.Profile{}, false
	}
	return s.Profiles[i], true
}

// lastMinute is how many of something there were within the last minute: the one that is not over, and of the one before the share
// that reaches into it.
func (s situation) lastMinute(count func(minutes.Minute) int) int {
	n := len(s.Minutes)
	if n < 2 {
		return 0
	}
	now, before := s.Minutes[n-1], s.Minutes[n-2]
	left := time.Minute - s.Now.Sub(now.Start)
	return count(now) + int((time.Duration(count(before))*min(max(left, 0), time.Minute)+time.Minute-1)/time.Minute)
}

func issued(m minutes.Minute) int { return m.Issued }

// lately is how many of something there were in the last minutes, the one that is not over included.
func (s situation) lately(n int, count func(minutes.Minute) int) (sum int) {
	for _, m := range s.Minutes[max(0, len(s.Minutes)-n):] {
		sum += count(m)
	}
	return sum
}

// owed is how many links are owed, and for how long the oldest of those orders has waited.
func (s situation) owed() (n int, oldest time.Duration) {
	for lane, l := range s.Lanes {
		if lane == ledger.Mailing {
			continue
		}
		n += l.Open()
		if since := l.Oldest.Since; !since.IsZero() {
			oldest = max(oldest, s.Now.Sub(since))
		}
	}
	return n, oldest
}

// unserved are the merchants whose breaker is open, those that hold most first.
func unserved(all []ledger.Breaker) (open []ledger.Breaker, held int) {
	for _, b := range all {
		if b.Open {
			open, held = append(open, b), held+b.Held
		}
	}
	slices.SortFunc(open, func(a, b ledger.Breaker) int { return b.Held - a.Held })
	return open, held
}

// mailersGone reports whether certainly nobody sends emails.
func (s situation) mailersGone() bool { return s.Now.Sub(s.MailersSeen) >= mailersSilent }
