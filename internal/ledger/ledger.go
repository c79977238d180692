package ledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
)

// DefaultRetention is how long settled orders are remembered, so that sending one again
// finds its link.
const DefaultRetention = 30 * 24 * time.Hour

// Ledger keeps the orders of one namespace. It is safe for concurrent use.
type Ledger struct {
	rdb       redis.UniversalClient
	namespace string
	keys      Keys
	scripts   scripts
	retention time.Duration
	worker    string   // who claims; "" outside of workers
	durable   *durable // nil: what the master has is believed
	shows     bool     // it shows to people what no replica may have yet
}

// New returns the ledger of a namespace. Settled orders are remembered for the retention;
// zero means DefaultRetention.
func New(rdb redis.UniversalClient, namespace string, retention time.Duration) *Ledger {
	if retention == 0 {
		retention = DefaultRetention
	}
	return &Ledger{rdb: rdb, namespace: namespace, keys: NamespaceKeys(namespace), scripts: newScripts(clockLua), retention: retention}
}

// ForWorker returns the ledger as a worker uses it: its claims carry the worker's id, so that
// they end early when the worker is found dead. See Pulse.
func (l *Ledger) ForWorker(id string) *Ledger {
	own := *l
	own.worker = id
	return &own
}

// Namespace is the first part of its keys, and of the names of its queues.
func (l *Ledger) Namespace() string { return l.namespace }

// Keys returns the names of the ledger's keys.
func (l *Ledger) Keys() Keys { return l.keys }

// State is where an order is in its generation.
type State string

const (
	Queued  State = "queued"  // accepted; a task exists, or the reaper will make one
	Sending State = "sending" // an attempt holds the lease; the gateway may have been asked
	Issued  State = "issued"  // the link is stored and published
	Failed  State = "failed"  // it ended without a link, and that is published
)

// CodePossiblyIssued marks a failure after which a link that nobody saw may exist. Sending
// such an order again with other content is a conflict: only an explicit replay goes on.
const CodePossiblyIssued = "possibly_issued"

// NewNonce returns a token for one Accept, Claim or Replay. Reuse it only to repeat the very
// same call when its reply was lost.
func NewNonce() string { return strconv.FormatUint(rand.Uint64(), 36) }

// TaskID is the asynq id of an order's task: the order's key and a stamp by the ledger's
// clock, so that no id is used twice.
func TaskID(key order.Key, stamp string) string { return key.String() + ":" + stamp }

// KeyOfTask reads the order's key from an id that TaskID made, and reports false for any other.
func KeyOfTask(id string) (order.Key, bool) {
	end := strings.LastIndexByte(id, ':')
	if end < 0 {
		return order.Key{}, false
	}
	key, err := order.ParseKey(id[:end])
	return key, err == nil
}

func (l *Ledger) ofOrder(key order.Key, args ...any) call {
	return l.about(key, l.keys.ofOrder(key), args...)
}

func (l *Ledger) about(key order.Key, keys []string, args ...any) call {
	return call{keys: keys, args: append([]any{key.String(), key.MerchantID, key.Ref}, args...)}
}

func (l *Ledger) run(ctx context.Context, step string, s *redis.Script, c call) (reply, error) {
	r, err := parseReply(s.Run(ctx, l.rdb, c.keys, c.args...))
	if err != nil {
		return reply{}, fmt.Errorf("ledger: %s: %w", step, err)
	}
	return r, nil
}

var errAnswer = errors.New("unexpected answer")

func unexpected(step string, r reply) error {
	return fmt.Errorf("ledger: %s: %w %q", step, errAnswer, r.word)
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return ""
}
