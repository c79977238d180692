// Package stream is the way in for whoever can write to Redis: it reads the stream of orders as a consumer group and
// hands every entry to the door.
//
// It knows entries, when one may be acknowledged, how those whose merchant has no room wait for it, and what becomes of
// entries whose consumer died. It does not know what makes an order acceptable (the door), nor how refusals are stored
// (the ledger).
//
// Entries are handled at least once, and answered once: the door knows an order that comes again, and the ledger refuses
// or moves an entry only together with its acknowledgement. So two consumers that hold one entry at the same time do no harm.
package stream

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
)

// Defaults of a Config.
const (
	DefaultKeep      = 24 * time.Hour
	DefaultKeepDead  = ledger.DefaultRetention
	DefaultAbandoned = 30 * time.Second
)

// Config sets up an intake. Zero values stand for defaults; Redis, Ledger, Door and Log are needed.
type Config struct {
	Redis  redis.UniversalClient
	Ledger *ledger.Ledger
	Door   *intake.Door
	Log    *slog.Logger

	// Open returns how many orders of a merchant are open. The default asks Ledger.
	Open func(ctx context.Context, merchantID string) (int, error)

	// Consumer is this process's name in the group. No two that live at the same time may share one. The default is
	// unique: host, process and a random number.
	Consumer string
	// Keep is how long entries stay in the stream of orders after they were handled.
	Keep time.Duration
	// KeepDead is how long dead letters stay.
	KeepDead time.Duration
	// Abandoned is how long an entry may stay with a consumer that gives no sign of life before another takes it over.
	Abandoned time.Duration
}

// Intake reads the stream of orders. Any number of processes may run one each.
type Intake struct {
	taker  *taker
	room   *room
	keeper *keeper
}

// New returns an intake. Nothing happens before Run.
func New(c Config) *Intake {
	c.Consumer = cmp.Or(c.Consumer, uniqueName())
	c.Keep, c.KeepDead = cmp.Or(c.Keep, DefaultKeep), cmp.Or(c.KeepDead, DefaultKeepDead)
	c.Abandoned = cmp.Or(c.Abandoned, DefaultAbandoned)
	if c.Open == nil {
		c.Open = c.Ledger.OpenOf
	}
	keys := c.Ledger.Keys()
	orders := group{c.Redis, keys.Orders(), c.Consumer}
	d := &desk{rdb: c.Redis, keys: keys, ledger: c.Ledger, door: c.Door, poison: poison, log: c.Log}
	return &Intake{
		taker:  newTaker(orders, d, c.Abandoned, c.Log),
		room:   &room{rdb: c.Redis, keys: keys, desk: d, open: c.Open, owner: c.Consumer, every: drainInterval, log: c.Log},
		keeper: &keeper{orders: orders, dead: keys.DeadLetters(), keep: c.Keep, keepDead: c.KeepDead, every: keepInterval, silent: silent, log: c.Log, said: map[string]time.Time{}},
	}
}

// uniqueName need not be told from any other for long: it is there to be read in XINFO CONSUMERS.
func uniqueName() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("%s-%d-%s", cmp.Or(host, "host"), os.Getpid(), strconv.FormatUint(uint64(rand.Uint32()), 36))
}

// Run takes entries in until the context ends, and then finishes the batch under way, which takes up to a second while
// Redis is well. Nothing else ends it: while Redis is away it waits and carries on. The error says that entries this
// process was handed could not be finished; another takes them over.
func (i *Intake) Run(ctx context.Context) error {
	var others sync.WaitGroup
	others.Go(func() { i.room.run(ctx) })
	others.Go(func() { i.keeper.run(ctx) })
	err := i.taker.run(ctx)
	others.Wait()
	late, cancel := finishing(ctx)
	defer cancel()
	i.keeper.leave(late)
	return err
}

// lateBound bounds what is still done after the context has ended.
const lateBound = 5 * time.Second

// finishing returns a context for a step that is to be finished although ctx ends meanwhile.
func finishing(ctx context.Context) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(lateBound, cancel)
		context.AfterFunc(late, func() { timer.Stop() })
	})
	return late, func() {
		stop()
		cancel()
	}
}

// pause waits, or returns early when the context ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
