package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/stream"
)

const (
	// freshFor is how long a look at Redis serves all who ask.
	freshFor = 3 * time.Second
	// lookWithin bounds a look, and with it what a scrape waits for while Redis does not answer.
	lookWithin = time.Second
)

// look is how everything stood in Redis at one moment.
type look struct {
	ledger.Overview
	queues  map[string]queue.Size // by name
	backlog stream.Backlog
	memory  redisconn.Memory
	up      bool // Redis told all that
}

// looker looks at Redis for all who ask at about the same time.
type looker struct {
	Config
	mu   sync.Mutex // held while looking: who asks meanwhile wants the same
	last look
	next time.Time // when the last look is no longer fresh
	told bool      // that Redis does not answer
}

var queueLanes = []order.Lane{order.Interactive, order.Bulk, queue.Email}

func (l *looker) look() look {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Now().Before(l.next) {
		return l.last
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookWithin)
	defer cancel()
	now, err := l.take(ctx)
	if now.up = err == nil; !now.up && !l.told {
		l.Log.Warn("metrics of what is in Redis are left out: it does not tell", "error", err)
	}
	l.told = err != nil
	l.last, l.next = now, time.Now().Add(freshFor)
	return now
}

// take asks Redis in some eight round trips, and two more for each partition; what they cost does not grow with the number of orders.
func (l *looker) take(ctx context.Context) (now look, err error) {
	if now.Overview, err = l.Ledger.Overview(ctx, nil); err != nil {
		return now, err
	}
	rdb := l.Redis.Client()
	now.queues = map[string]queue.Size{}
	for _, namespace := range l.Ledger.Namespaces() {
		sizes, err := queue.Sizes(ctx, rdb, namespace, queueLanes, time.Now())
		if err != nil {
			return now, err
		}
		for lane, size := range sizes {
			now.queues[queue.Name(namespace, lane)] = size
		}
	}
	if now.backlog, err = stream.Waiting(ctx, rdb, l.Ledger.Keys().Orders()); err != nil {
		return now, err
	}
	now.memory, err = l.Redis.Memory(ctx)
	return now, err
}
