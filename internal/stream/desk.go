package stream

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
)

// poison entries were handed out more often than this. Whoever took them died of it, or of something else each time.
const poison = 10

// desk hands entries to the door, and does with each what the door decides.
type desk struct {
	rdb    redis.UniversalClient
	keys   ledger.Keys
	ledger *ledger.Ledger
	door   *intake.Door
	poison int
	log    *slog.Logger
}

// handle brings entries of a stream to an end: an accepted or known order is acknowledged, anything else refused or
// moved to where its merchant's entries wait. It returns those that are left, in their order, and may be handled again
// at any time: Redis did not say, and then there is an error, or they wait already and there is still no room.
func (d *desk) handle(ctx context.Context, g group, entries []entry) (left []entry, err error) {
	if len(entries) == 0 {
		return nil, nil
	}
	b := &batch{desk: d, group: g, waits: g.stream != d.keys.Orders(), left: map[string]bool{}}
	if !b.waits {
		waiting, err := d.rdb.SMembersMap(ctx, d.keys.WaitingMerchants()).Result()
		if err != nil {
			return entries, fmt.Errorf("stream: waiting merchants: %w", err)
		}
		b.waiting = waiting
	}
	b.judge(ctx, entries)
	b.acknowledge(ctx)
	b.refuse(ctx)
	b.moveAway(ctx)
	d.log.Debug("entries of the stream were handled", "entries", len(entries), "taken", len(b.taken), "refused", len(b.refused),
		"deferred", len(b.deferred), "left", len(b.left), "stream", g.stream)
	for _, e := range entries {
		if b.left[e.id] {
			left = append(left, e)
		}
	}
	return left, b.err
}

// batch is entries of one stream on their way through the door.
type batch struct {
	*desk
	group   group
	waits   bool                // they are waiting entries
	waiting map[string]struct{} // merchants that have some

	taken    []entry // accepted, or known
	refused  []refusal
	deferred []deferral
	left     map[string]bool // by id
	err      error           // one of those because of which some are left
}

type refusal struct {
	entry
	ledger.Refusal
}

type deferral struct {
	entry
	ledger.Deferral
}

// acknowledge is for orders that are safe in the ledger, and for no other.
func (b *batch) acknowledge(ctx context.Context) {
	if len(b.taken) == 0 {
		return
	}
	end := b.group.acknowledge
	if b.waits {
		end = b.group.remove
	}
	if err := end(ctx, b.taken); err != nil {
		for _, e := range b.taken {
			b.keep(e, err)
		}
	}
}

func (b *batch) refuse(ctx context.Context) {
	if len(b.refused) == 0 {
		return
	}
	all := make([]ledger.Refusal, len(b.refused))
	for i, r := range b.refused {
		all[i] = r.Refusal
	}
	var done []entry
	for i, err := range b.ledger.RefuseAll(ctx, all) {
		r := b.refused[i]
		if err != nil {
			b.keep(r.entry, err)
			continue
		}
		done = append(done, r.entry)
		key := r.Key.Brief()
		b.log.Warn("an entry of the stream was refused", "entry", r.SourceID, "merchant", key.MerchantID, "ref", key.Ref,
			"problems", len(r.Problems), "differs", len(r.Differs))
	}
	if b.waits && len(done) > 0 {
		if err := b.group.remove(ctx, done); err != nil {
			b.log.Debug("refused entries were not deleted; they go with their stream", "error", err)
		}
	}
}

// moveAway keeps the order of the stream: the entries of one merchant are moved one after the other.
func (b *batch) moveAway(ctx context.Context) {
	if len(b.deferred) == 0 {
		return
	}
	all, begun := make([]ledger.Deferral, len(b.deferred)), map[string]bool{}
	for i, d := range b.deferred {
		all[i] = d.Deferral
	}
	for i, err := range b.ledger.DeferAll(ctx, all) {
		d := b.deferred[i]
		if err != nil {
			b.keep(d.entry, err)
			continue
		}
		if _, waits := b.waiting[d.MerchantID]; !waits && !begun[d.MerchantID] {
			begun[d.MerchantID] = true
			b.log.Warn("a merchant's orders begin to wait: as many are open as may be", "merchant", d.MerchantID)
		}
	}
}
