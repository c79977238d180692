package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redisconn"
)

// Overview is how everything stands at one moment, for people.
type Overview struct {
	Now     time.Time // by Redis' clock, as all times here are
	Workers int       // that are alive
	Lanes   map[order.Lane]LaneOverview

	Breakers     []Breaker // as Breakers returns them
	MailBreakers []Breaker // as MailBreakers does

	OpenOrders map[string]int           // of each merchant that has any
	Waiting    map[string]int           // entries of the stream that wait until fewer of their merchant's orders are open
	Lines      map[string]time.Duration // of the merchants asked for: how far ahead the last slot of their rate limit is; absent where nobody waits

	Failed       int
	FailedEmails int
	Surplus      int // links that nobody was shown
	DeadLetters  int // entries of the stream that became no order
	Unpublished  int // results that wait until a replica has them

	MailersSeen time.Time // as MailersSeen returns it
}

// LaneOverview is how the open orders of a lane stand; those of Mailing have their links, and their emails are owed.
type LaneOverview struct {
	Due     int // wait for a worker
	Later   int // wait for a time: for their slot of a rate limit, or until they are tried again
	Sending int
	Held    int // by their merchants' breakers
	Oldest  OldestOrder
}

// OldestOrder is the oldest open order that was found. Only the ends of each set are looked at, so that the cost does not
// grow: among very many orders that all wait for a time there may be an older one.
type OldestOrder struct {
	Key   order.Key // its zero value where none is open
	Since time.Time // when its generation was accepted
}

// Open is how many orders of the lane are open.
func (l LaneOverview) Open() int { return l.Due + l.Later + l.Sending + l.Held }

// Open is how many orders something is owed for: a link, or the email that carries it.
func (o Overview) Open() (n int) {
	for _, lane := range o.Lanes {
		n += lane.Open()
	}
	return n
}

// Overview looks at everything once. It costs four round trips, and a number of small commands that depends on how many
// merchants there are in trouble or in rated, not on how many orders. rated are the merchants whose Lines are wanted.
func (l *Ledger) Overview(ctx context.Context, rated []string) (Overview, error) {
	v := overviewing{l: l, rated: rated, Overview: Overview{
		Lanes: map[order.Lane]LaneOverview{}, Waiting: map[string]int{}, Lines: map[string]time.Duration{}, OpenOrders: map[string]int{},
	}}
	for _, look := range []func(context.Context) error{v.names, v.breakers, v.counts, v.oldest} {
		if err := look(ctx); err != nil {
			return Overview{}, fmt.Errorf("ledger: overview: %w", err)
		}
	}
	return v.Overview, nil
}

// overviewing is an Overview that is not complete yet.
type overviewing struct {
	l *Ledger
	Overview
	rated, waiting        []string
	tripped, mailTripped  []string
	candidates            map[order.Lane][]string // for the oldest order
	linkKinds, emailKinds breakerKeys
}

// names reads the time, and which merchants there is something to know of.
func (v *overviewing) names(ctx context.Context) error {
	v.linkKinds, v.emailKinds = v.l.linkBreakers(), v.l.mailBreakers()
	pipe := v.l.rdb.Pipeline()
	now := redisconn.ClockIn(ctx, pipe, v.l.keys.OpenOrders())
	tripped, mailTripped := pipe.SMembers(ctx, v.linkKinds.tripped), pipe.SMembers(ctx, v.emailKinds.tripped)
	open, waiting := pipe.HGetAll(ctx, v.l.keys.OpenOrders()), pipe.SMembers(ctx, v.l.keys.WaitingMerchants())
	mailers := pipe.PTTL(ctx, v.l.keys.Mailers())
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	at, err := now()
	if err != nil {
		return err
	}
	v.Now, v.tripped, v.mailTripped, v.waiting = at, tripped.Val(), mailTripped.Val(), waiting.Val()
	for merchant, n := range open.Val() {
		v.OpenOrders[merchant] = number(n)
	}
	if left := mailers.Val(); left > 0 {
		v.MailersSeen = v.Now.Add(left - mailersFor)
	}
	return nil
}

// breakers reads the breakers of all merchants that are in trouble, and counts what they hold by lane.
func (v *overviewing) breakers(ctx context.Context) error {
	pipe := v.l.rdb.Pipeline()
	read := func(k breakerKeys, merchants []string) func() []Breaker {
		var filled []func() Breaker
		for _, m := range merchants {
			filled = append(filled, v.breakerOf(ctx, pipe, k, m))
		}
		return func() (all []Breaker) {
			for _, f := range filled {
				all = append(all, f())
			}
			return all
		}
	}
	links, emails := read(v.linkKinds, v.tripped), read(v.emailKinds, v.mailTripped)
	if pipe.Len() == 0 {
		return nil
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	v.Breakers, v.MailBreakers = links(), emails()
	return nil
}

func (v *overviewing) breakerOf(ctx context.Context, pipe redis.Pipeliner, k breakerKeys, merchantID string) func() Breaker {
	state := pipe.HGetAll(ctx, k.breaker(merchantID))
	var held []*redis.IntCmd
	for _, key := range k.held(merchantID) {
		held = append(held, pipe.ZCard(ctx, key))
	}
	return func() Breaker {
		b := breakerOf(merchantID, state.Val())
		for i, n := range held {
			b.Held += int(n.Val())
			lane := v.Lanes[k.lanes[i]]
			lane.Held += int(n.Val())
			v.Lanes[k.lanes[i]] = lane
		}
		return b
	}
}
