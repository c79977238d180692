package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redisconn"
)

const (
	// mostFetched bounds the tasks that are taken off a queue in one round trip.
	mostFetched = 32
	// napBound is how long a fetcher waits for the bell at most, should the lookout have died.
	napBound = time.Minute
)

// fetcher is a hook on the Redis client of one asynq server. asynq v0.26.0 takes tasks one by one, a round trip each, and
// polls an empty queue (processor.go, exec). A fetcher takes as many as handlers are free, and hands them out one by one;
// and when the queue was empty, it holds the next fetch until there is something, or the server stops. And where the
// lookout has seen that no task waits for its time, it answers for Redis when asynq's forwarder asks, twice a second.
type fetcher struct {
	lane   order.Lane
	share  int           // handlers of the server
	pool   *Pool         // whose handlers they are; nil: its own
	rung   chan struct{} // something may have come
	closed chan struct{} // nothing is fetched any more
	waits  atomic.Bool

	noneDelayed atomic.Bool // no task waits for its time, as the lookout saw just now

	used atomic.Int64 // slots of the server that have a task, from when it is handed out
	// Of the one goroutine that fetches, until the server has shut down.
	ready []any // encoded tasks that are active in asynq's eyes, not handed out yet
	held  int   // handlers of the pool that are held for them
	want  int   // to be fetched next time: 0 after an empty queue
}

func newFetcher(lane order.Lane, share int, pool *Pool) *fetcher {
	return &fetcher{lane: lane, share: share, pool: pool, want: 1, rung: make(chan struct{}, 1), closed: make(chan struct{})}
}

func (f *fetcher) wake() {
	select {
	case f.rung <- struct{}{}:
	default:
	}
}

// slot is one of the server's, while it has a task.
type slot struct {
	fetcher *fetcher
	freed   atomic.Bool
}

type slotKey struct{}

// slotContext is asynq's BaseContext, which it asks for once at the beginning of each task's goroutine.
func (f *fetcher) slotContext() context.Context {
	return context.WithValue(context.Background(), slotKey{}, &slot{fetcher: f})
}

// freeSlot notes that the task is off its slot: its handler has ended, or asynq has given up waiting for it, or never begun it.
func freeSlot(ctx context.Context) {
	if s, ok := ctx.Value(slotKey{}).(*slot); ok && s.freed.CompareAndSwap(false, true) {
		s.fetcher.used.Add(-1)
		s.fetcher.giveBack(1)
	}
}

// take returns how many tasks may be fetched, up to n; 0 when the server stops.
func (f *fetcher) take(n int) int {
	if f.pool == nil {
		return n
	}
	return f.pool.take(n, f.closed)
}

// handler takes the handler of a task that is ready, and reports false when the server stops.
func (f *fetcher) handler() bool {
	if f.held == 0 {
		return f.take(1) == 1
	}
	f.held--
	return true
}

func (f *fetcher) giveBack(n int) {
	if f.pool != nil {
		f.pool.giveBack(n)
	}
}

func (f *fetcher) free() int { return f.share - int(f.used.Load()) }

// DialHook implements redis.Hook.
func (f *fetcher) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessPipelineHook implements redis.Hook.
func (f *fetcher) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// ProcessHook implements redis.Hook.
func (f *fetcher) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		fetch, ok := cmd.(*redis.Cmd)
		if ok && f.noneDelayed.Load() && isForward(cmd) {
			fetch.SetVal(int64(0))
			return nil
		}
		if !ok || !redisconn.IsFetch(cmd) {
			return next(ctx, cmd)
		}
		if len(f.ready) == 0 {
			if err := f.fill(ctx, fetch, next); err != nil {
				return err
			}
		}
		select {
		case <-f.closed: // what is ready goes back
			return redis.Nil
		default:
		}
		if !f.handler() {
			return redis.Nil
		}
		fetch.SetVal(f.ready[0])
		if readable(f.ready[0]) {
			f.used.Add(1)
		} else { // asynq will refuse it, and use no slot
			f.giveBack(1)
		}
		f.ready = f.ready[1:]
		return nil
	}
}

// isForward tells the script that moves tasks whose time has come into their queue by its keys (rdb.go, forwardCmd).
func isForward(cmd redis.Cmder) bool {
	args := cmd.Args()
	if len(args) < 5 || (cmd.Name() != "evalsha" && cmd.Name() != "eval") {
		return false
	}
	from, _ := args[3].(string)
	to, _ := args[4].(string)
	return strings.HasSuffix(to, "}:pending") && (strings.HasSuffix(from, "}:scheduled") || strings.HasSuffix(from, "}:retry"))
}

// fill makes at least one task ready, or returns an error: redis.Nil when there is none.
func (f *fetcher) fill(ctx context.Context, fetch *redis.Cmd, next redis.ProcessHook) error {
	if f.want == 0 {
		if !f.nap(ctx) {
			return redis.Nil
		}
		f.want = 1 // whatever comes of it, asynq's next try is not to wait unless the queue was empty
	}
	n := f.take(max(1, min(f.want, f.free())))
	if n == 0 {
		return redis.Nil
	}
	defer f.holding(n)()
	var err error
	f.ready = f.ready[:0]
	if n > 1 {
		f.ready, err = f.fetch(ctx, fetch.Args(), n, next)
	} else if err = next(ctx, fetch); err == nil {
		f.ready = append(f.ready, fetch.Val())
	}
	switch {
	case len(f.ready) == n:
		f.want = min(2*n, mostFetched)
	case len(f.ready) > 0:
		f.want = 1
	case errors.Is(err, redis.Nil):
		f.want = 0
		return err
	default: // it may be away
		f.want = 1
		return err
	}
	return nil
}

// promptly is how soon a fetch is answered by a server that is well.
const promptly = 100 * time.Millisecond

// holding holds handlers for a fetch, until what it returns is called: then it goes on holding one for each task that is ready. One
// that takes longer gets them when it has something for them: its server may be away, and those of other fetchers not.
func (f *fetcher) holding(n int) (fetched func()) {
	late := time.AfterFunc(promptly, func() { f.giveBack(n) })
	return func() {
		if f.held = 0; late.Stop() {
			f.held = len(f.ready)
			f.giveBack(n - f.held)
		}
	}
}

// fetchManyLua is asynq v0.26.0's dequeueCmd (rdb.go) for as many tasks as ARGV[3] says: one by one they take Redis twice the time.
const fetchManyLua = `
local tasks = {}
if redis.call('EXISTS', KEYS[2]) == 1 then return tasks end
for i = 1, tonumber(ARGV[3]) do
  local id = redis.call('RPOPLPUSH', KEYS[1], KEYS[3])
  if not id then break end
  local key = ARGV[2] .. id
  redis.call('HSET', key, 'state', 'active')
  redis.call('HDEL', key, 'pending_since')
  redis.call('ZADD', KEYS[4], ARGV[1], id)
  tasks[#tasks + 1] = redis.call('HGET', key, 'msg') or nil
end
return tasks`

var fetchManyHash = redis.NewScript(fetchManyLua).Hash()

// fetch takes up to n tasks in one round trip. args are those of asynq's script: its name or text after the command, then the
// keys and what else it takes.
func (f *fetcher) fetch(ctx context.Context, args []any, n int, next redis.ProcessHook) ([]any, error) {
	many := func(command, script string) *redis.Cmd {
		return redis.NewCmd(ctx, append(append([]any{command, script}, args[2:]...), n)...)
	}
	cmd := many("evalsha", fetchManyHash)
	err := next(ctx, cmd)
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		cmd = many("eval", fetchManyLua)
		err = next(ctx, cmd)
	}
	if err != nil {
		return nil, err
	}
	tasks, err := cmd.Slice()
	if err == nil && len(tasks) == 0 {
		err = redis.Nil
	}
	return tasks, err
}

// nap waits for the bell, and reports false when the server stops.
func (f *fetcher) nap(ctx context.Context) bool {
	f.waits.Store(true)
	defer f.waits.Store(false)
	late := time.NewTimer(napBound)
	defer late.Stop()
	select {
	case <-f.closed:
		return false
	case <-ctx.Done():
		return false
	case <-f.rung:
	case <-late.C:
	}
	return true
}

// handBack puts the tasks that were not handed out to the front of the queue, as asynq does with those that it stops
// (rdb.go, requeueCmd). If that fails, the queue's recoverer and our reaper find them.
func (f *fetcher) handBack(ctx context.Context, rdb redis.UniversalClient, namespace string) error {
	queue := Name(namespace, f.lane)
	var errs []error
	for i := len(f.ready) - 1; i >= 0; i-- { // so that the first is the first again
		id, err := idOf(f.ready[i])
		if err == nil {
			keys := []string{activeKey(queue), leaseKey(queue), pendingKey(queue), taskKey(queue, id)}
			err = handBackScript.Run(ctx, rdb, keys, id).Err()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("handing a task back: %w", err))
		}
	}
	f.giveBack(f.held)
	f.ready, f.held = nil, 0
	return errors.Join(errs...)
}

var handBackScript = redis.NewScript(`
if redis.call('LREM', KEYS[1], 0, ARGV[1]) == 0 then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('RPUSH', KEYS[3], ARGV[1])
redis.call('HSET', KEYS[4], 'state', 'pending')
return 1`)

var errNoID = errors.New("no task id in what asynq stored")

// idOf reads the id from an encoded task: field 3 of asynq's TaskMessage (internal/proto/asynq.proto, which can not be
// imported).
func idOf(encoded any) (string, error) {
	text, _ := encoded.(string)
	for rest := []byte(text); len(rest) > 0; {
		number, kind, n := protowire.ConsumeTag(rest)
		if n < 0 {
			break
		}
		rest = rest[n:]
		if number == 3 && kind == protowire.BytesType {
			id, n := protowire.ConsumeString(rest)
			if n < 0 || id == "" {
				break
			}
			return id, nil
		}
		if n = protowire.ConsumeFieldValue(number, kind, rest); n < 0 {
			break
		}
		rest = rest[n:]
	}
	return "", errNoID
}
