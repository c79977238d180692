package bulk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// Retry says which failed orders of the file are tried again.
type Retry struct {
	Failed    bool // those after which no link can exist, cancelled ones too
	Uncertain bool // the others as well
}

func (r Retry) means(v verdict) bool {
	return r.Failed && (v == failed || v == doubtful && r.Uncertain)
}

// ToRetry counts the rows whose orders are to be tried again.
func (p *Plan) ToRetry(r Retry) (n int) {
	if r.Failed {
		n = p.Failed
	}
	if r.Failed && r.Uncertain {
		n += p.Doubtful
	}
	return n
}

// Sent is how far the handing in is.
type Sent struct {
	Rows    int    // of the file that are dealt with
	Orders  int    // that were handed in
	Retried int    // that are tried again
	Full    string // a merchant of whom too many orders are open: it waits for room; "" when it does not
}

// ErrClosed means that somebody cancelled the batch, or sealed it, while orders were handed in.
var ErrClosed = errors.New("the batch takes no more orders: it was cancelled, or its file is being handed in by somebody else as well")

// ErrStillCancelling means that a cancelled batch has orders under way yet.
var ErrStillCancelling = errors.New("the batch was cancelled, and some of its orders are still under way: run it again once they have ended")

const (
	roomLook  = time.Second // how often it is looked whether a merchant has room again
	replaying = 16          // replays at a time
)

// Send hands in the orders of the file that are not in its batch yet, tries again those that are meant, and seals the batch.
// Stopped by the context, or by anything else, it can be begun again: nothing is sent twice. An error that satisfies
// redisconn.IsAway means that Redis was out of reach.
func (d *Desk) Send(ctx context.Context, in *Input, p *Plan, retry Retry, watch func(Sent)) (ledger.Batch, error) {
	b, found, err := d.Ledger.Batch(ctx, p.Batch)
	if err != nil {
		return b, err
	}
	s := &sending{desk: d, plan: p, retry: retry, watch: watch}
	if p.ToSend()+p.ToRetry(retry) > 0 {
		if found && b.Cancelled && b.State == ledger.BatchRunning {
			return b, ErrStillCancelling
		}
		if b, err = d.Ledger.OpenBatch(ctx, p.Batch, p.Label, true); err == nil {
			err = s.all(ctx, in)
		}
		if err != nil {
			return b, err
		}
	}
	if b.ID == "" { // the file has no order at all
		return b, nil
	}
	if err := d.Ledger.SealBatch(context.WithoutCancel(ctx), p.Batch, b.Run, p.Refused()); err != nil {
		return b, err
	}
	b, _, err = d.Ledger.Batch(context.WithoutCancel(ctx), p.Batch)
	return b, err
}

// sending is one time that a file is handed in.
type sending struct {
	desk  *Desk
	plan  *Plan
	retry Retry
	watch func(Sent)

	mu   sync.Mutex
	sent Sent
}

func (s *sending) all(ctx context.Context, in *Input) error {
	r, err := in.open()
	if err != nil {
		return err
	}
	defer r.Close()
	return pages(ctx, r, s.work, func(page *page) error {
		s.tell(func(sent *Sent) { sent.Rows += len(page.rows) })
		return ctx.Err()
	})
}

func (s *sending) tell(change func(*Sent)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.sent)
	if s.watch != nil {
		s.watch(s.sent)
	}
}

// work hands a page in. What has begun is brought to its end even when the context ends, so that it is known.
func (s *sending) work(ctx context.Context, page *page) error {
	if page.first+len(page.rows) > s.plan.notes.n {
		return ErrChanged
	}
	events, at := s.events(page)
	receipts, err := s.submit(ctx, events)
	if err != nil {
		return err
	}
	for i, r := range receipts {
		if err := s.note(s.plan.notes.at(at[i]), r); err != nil {
			return err
		}
	}
	s.tell(func(sent *Sent) { sent.Orders += len(receipts) })
	return s.replay(context.WithoutCancel(ctx), page)
}

// events are a page's orders that are to be handed in, and the indexes of their rows.
func (s *sending) events(page *page) (events []intake.Event, at []int) {
	for i, row := range page.rows {
		if s.plan.toSend(s.plan.notes.at(page.first + i)) {
			events, at = append(events, intake.Event{JSON: row.Event, Lane: order.Bulk, Batch: s.plan.Batch, Tried: true}), append(at, page.first+i)
		}
	}
	return events, at
}

// submit hands events in, and waits with those of a merchant of whom too many are open.
func (s *sending) submit(ctx context.Context, events []intake.Event) ([]intake.Receipt, error) {
	receipts := s.desk.Door.Submit(context.WithoutCancel(ctx), events)
	for waited := false; ; waited = true {
		if err := unanswered(receipts); err != nil {
			return nil, err
		}
		var full []int
		for i, r := range receipts {
			if r.Status == intake.Full {
				full = append(full, i)
			}
		}
		if len(full) == 0 {
			if waited {
				s.tell(func(sent *Sent) { sent.Full = "" })
			}
			return receipts, nil
		}
		s.tell(func(sent *Sent) { sent.Full = receipts[full[0]].Key.MerchantID })
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(roomLook):
		}
		again := make([]intake.Event, len(full))
		for i, at := range full {
			again[i] = events[at]
		}
		for i, r := range s.desk.Door.Submit(context.WithoutCancel(ctx), again) {
			receipts[full[i]] = r
		}
	}
}

// note remembers what became of a row that was handed in, if it is not what was planned.
func (s *sending) note(n *note, r intake.Receipt) error {
	switch r.Status {
	case intake.Closed:
		return ErrClosed
	case intake.Rejected, intake.Conflict:
		s.mu.Lock()
		defer s.mu.Unlock()
		if n.verdict = conflict; r.Status == intake.Rejected {
			n.verdict = invalid
		}
		s.plan.Conflicts++ // counted as refused, whichever
	}
	return nil
}

// replay tries the failed orders of a page again. One that somebody else replayed meanwhile is under way as well.
func (s *sending) replay(ctx context.Context, page *page) error {
	keys := s.toReplay(page)
	if len(keys) == 0 {
		return nil
	}
	records, _, err := s.desk.Ledger.Records(ctx, keys)
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(replaying)
	for i, key := range keys {
		if r := records[i]; r.State == ledger.Failed && (s.retry.Uncertain || !r.Uncertain) {
			group.Go(func() error { return s.replayOne(ctx, key, r.Generation) })
		}
	}
	return group.Wait()
}

func (s *sending) replayOne(ctx context.Context, key order.Key, generation int) error {
	_, err := s.desk.Door.Replay(ctx, key, generation)
	if errors.Is(err, ledger.ErrStale) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("trying an order again: %w", err)
	}
	s.tell(func(sent *Sent) { sent.Retried++ })
	return nil
}

func (s *sending) toReplay(page *page) (keys []order.Key) {
	for i, row := range page.rows {
		if !s.retry.means(s.plan.notes.at(page.first + i).verdict) {
			continue
		}
		submission, err := s.desk.Door.Prepare(row.Event, order.Bulk)
		if err == nil {
			keys = append(keys, submission.Key)
		}
	}
	return keys
}
