package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
)

var overviewLanes = []order.Lane{order.Interactive, order.Bulk, Mailing}

// counts counts what is where, and finds which orders may be the oldest.
func (v *overviewing) counts(ctx context.Context) error {
	pipe := v.l.rdb.Pipeline()
	workers := pipe.ZCount(ctx, v.l.keys.Workers(), milliseconds(v.Now.Add(-2*silence)), "+inf")
	var later []func()
	for _, lane := range overviewLanes {
		later = append(later, v.lane(ctx, pipe, lane))
	}
	for _, m := range v.rated {
		later = append(later, v.line(ctx, pipe, m))
	}
	waiting := make([]*redis.IntCmd, len(v.waiting))
	for i, m := range v.waiting {
		waiting[i] = pipe.XLen(ctx, v.l.keys.Waiting(m))
	}
	failed, failedEmails := pipe.ZCard(ctx, v.l.keys.Failed()), pipe.ZCard(ctx, v.l.keys.FailedEmails())
	surplus, dead := pipe.XLen(ctx, v.l.keys.Surplus()), pipe.XLen(ctx, v.l.keys.DeadLetters())
	unpublished := pipe.XLen(ctx, v.l.keys.Outbox())
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	v.Unpublished = int(unpublished.Val())
	v.Workers = int(workers.Val())
	v.Failed, v.FailedEmails, v.Surplus, v.DeadLetters = int(failed.Val()), int(failedEmails.Val()), int(surplus.Val()), int(dead.Val())
	for i, m := range v.waiting {
		v.Waiting[m] = int(waiting[i].Val())
	}
	for _, read := range later {
		read()
	}
	return nil
}

func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// ends is how many orders are looked at, at each end of a set, for the oldest.
const ends = 4

// lane asks for the counts of a lane, and for the orders that may be its oldest: those first in line, those at the end of the
// waits (the longer an order is tried, the longer are they), those that are being sent, and those held for longest.
func (v *overviewing) lane(ctx context.Context, pipe redis.Pipeliner, lane order.Lane) func() {
	queued, sending, now := v.l.keys.Queued(lane), v.l.keys.Sending(lane), milliseconds(v.Now)
	due, later, busy := pipe.ZCount(ctx, queued, "-inf", now), pipe.ZCount(ctx, queued, "("+now, "+inf"), pipe.ZCard(ctx, sending)
	first := []*redis.StringSliceCmd{
		pipe.ZRange(ctx, queued, 0, ends-1), pipe.ZRange(ctx, queued, -ends, -1), pipe.ZRange(ctx, sending, 0, ends-1),
		pipe.ZRangeByScore(ctx, queued, &redis.ZRangeBy{Min: "(" + now, Max: "+inf", Count: ends}),
	}
	for _, key := range v.heldKeys(lane) {
		first = append(first, pipe.ZRange(ctx, key, 0, 0))
	}
	return func() {
		s := v.Lanes[lane]
		s.Due, s.Later, s.Sending = int(due.Val()), int(later.Val()), int(busy.Val())
		v.Lanes[lane] = s
		if v.candidates == nil {
			v.candidates = map[order.Lane][]string{}
		}
		for _, c := range first {
			v.candidates[lane] = append(v.candidates[lane], c.Val()...)
		}
	}
}

// heldKeys are where the orders of a lane are that breakers hold.
func (v *overviewing) heldKeys(lane order.Lane) (keys []string) {
	kinds, breakers := v.linkKinds, v.Breakers
	if lane == Mailing {
		kinds, breakers = v.emailKinds, v.MailBreakers
	}
	i := slices.Index(kinds.lanes, lane)
	for _, b := range breakers {
		if b.Held > 0 {
			keys = append(keys, kinds.held(b.MerchantID)[i])
		}
	}
	return keys
}

// line asks how far ahead a merchant's next free slot is: bulk orders line up behind all others.
func (v *overviewing) line(ctx context.Context, pipe redis.Pipeliner, merchantID string) func() {
	next := pipe.MGet(ctx, v.l.keys.Slots(merchantID, order.Interactive), v.l.keys.Slots(merchantID, order.Bulk))
	return func() {
		for _, text := range next.Val() {
			var us, interval int64
			s, _ := text.(string)
			if n, _ := fmt.Sscan(s, &us, &interval); n == 0 {
				continue
			}
			if ahead := time.UnixMicro(us - interval).Sub(v.Now); ahead > v.Lines[merchantID] {
				v.Lines[merchantID] = ahead
			}
		}
	}
}

// oldest finds the oldest of the candidates of each lane.
func (v *overviewing) oldest(ctx context.Context) error {
	pipe := v.l.rdb.Pipeline()
	asked := map[order.Lane][]*redis.StringCmd{}
	for _, lane := range overviewLanes {
		for _, member := range v.candidates[lane] {
			asked[lane] = append(asked[lane], pipe.HGet(ctx, v.l.keys.tag+"order:"+member, "accepted"))
		}
	}
	if pipe.Len() == 0 {
		return nil
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	for _, lane := range overviewLanes {
		s := v.Lanes[lane]
		for i, cmd := range asked[lane] {
			since := moment(cmd.Val())
			if since.IsZero() || !s.Oldest.Since.IsZero() && !since.Before(s.Oldest.Since) {
				continue
			}
			key, err := order.ParseKey(v.candidates[lane][i])
			if err != nil {
				return err
			}
			s.Oldest = OldestOrder{Key: key, Since: since}
		}
		v.Lanes[lane] = s
	}
	return nil
}
