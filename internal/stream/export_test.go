package stream

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

const (
	Poison       = poison
	Suspect      = suspect
	BatchEntries = batchEntries
	BatchBytes   = batchBytes
	Drainer      = drainer
)

// Lease is the key that says which process drains.
func Lease(keys ledger.Keys) string { return (&room{keys: keys}).leaseKey() }

// Hasten makes the intake wait as briefly as tests like it.
func (i *Intake) Hasten(d time.Duration) { i.taker.atMost, i.room.every = d, d }

// NeverPoison has entries tried however often they were handed out.
func (i *Intake) NeverPoison() { i.taker.desk.poison = 1 << 30 }

// Tidy does at once what Run does every minute.
func (i *Intake) Tidy(ctx context.Context) error { return i.keeper.tidy(ctx) }

// Retire removes consumers that hold nothing and were silent for so long.
func (i *Intake) Retire(ctx context.Context, silent time.Duration) error {
	i.keeper.silent = silent
	return i.keeper.retire(ctx, "")
}

// Drain takes in at once what waits and has room.
func (i *Intake) Drain(ctx context.Context) error { return i.room.drain(ctx) }

// Clear takes a merchant off the list of those that wait, if nothing waits.
func (i *Intake) Clear(ctx context.Context, merchantID string) error {
	return i.room.clear(ctx, merchantID)
}

// Decode is what the intake makes of an entry's fields.
func Decode(fields map[string]string) (intake.Event, []order.Problem) { return decode(fields) }

// Kept is what goes along when an entry is moved.
func Kept(fields map[string]string) map[string]string { return entry{fields: fields}.kept() }

// ReadNew reads as a consumer of the group, and returns the size of each entry.
func ReadNew(ctx context.Context, rdb redis.UniversalClient, stream, consumer string, n int) (sizes []int, err error) {
	return sizesOf(group{rdb, stream, consumer}.read(ctx, fromNew, n))
}

// ReadOld reads what the consumer holds after an id.
func ReadOld(ctx context.Context, rdb redis.UniversalClient, stream, consumer, after string, n int) (sizes []int, err error) {
	return sizesOf(group{rdb, stream, consumer}.read(ctx, after, n))
}

func sizesOf(entries []entry, err error) (sizes []int, _ error) {
	for _, e := range entries {
		sizes = append(sizes, e.size())
	}
	return sizes, err
}
