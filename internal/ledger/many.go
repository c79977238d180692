package ledger

import (
	"context"
	"fmt"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redisconn"
)

// many is a script that works for many orders of a merchant as well as for one; see lua/each.lua. Runs that meet on their way to
// Redis go as one.
type many struct {
	script *redis.Script
	text   string
	mark   *redisconn.Many
	keys   func(Keys, string) []any
	shared *sync.Map // of the merchants' ids: the keys that their orders share
}

func newMany(text string, keys func(Keys, string) []any, args int) many {
	shared := len(keys(Keys{}, ""))
	return many{redis.NewScript(text), text, &redisconn.Many{Keys: shared, Args: args}, keys, &sync.Map{}}
}

// sharedKeys are made once for each merchant: they are more than half of what would be made for each order.
func (m many) sharedKeys(k Keys, merchantID string) []any {
	of := k.tag + merchantID
	keys, ok := m.shared.Load(of)
	if !ok {
		keys, _ = m.shared.LoadOrStore(of, m.keys(k, merchantID))
	}
	return keys.([]any)
}

// run works for one order. shared and own are the arguments after the mark and the merchant, and after the order's key.
func (m many) run(ctx context.Context, l *Ledger, key order.Key, shared, own []any) ([]string, error) {
	keys := m.sharedKeys(l.keys, key.MerchantID)
	args := make([]any, 3, 3+len(keys)+2+2+len(shared)+1+len(own))
	args[0], args[1], args[2] = "evalsha", m.script.Hash(), len(keys)+2
	args = append(append(args, keys...), l.keys.Record(key), l.keys.Payload(key))
	args = append(append(args, m.mark, key.MerchantID), shared...)
	args = append(append(args, key.String()), own...)
	cmd := redis.NewCmd(ctx, args...)
	err := l.rdb.Process(ctx, cmd)
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		cmd = redis.NewCmd(ctx, append([]any{"eval", m.text}, args[2:]...)...)
		err = l.rdb.Process(ctx, cmd)
	}
	if err != nil {
		return nil, err
	}
	return onlyAnswer(cmd)
}

// onlyAnswer reads the answer for the one order.
func onlyAnswer(cmd *redis.Cmd) ([]string, error) {
	answers, err := cmd.Slice()
	if err != nil {
		return nil, err
	}
	if len(answers) != 1 {
		return nil, fmt.Errorf("%w: %d answers for an order", errReply, len(answers))
	}
	if err, is := answers[0].(error); is {
		return nil, err
	}
	items, _ := answers[0].([]any)
	texts := make([]string, len(items))
	for i, item := range items {
		text, ok := item.(string)
		if !ok {
			return nil, fmt.Errorf("%w: item %d is %T", errReply, i, item)
		}
		texts[i] = text
	}
	return texts, nil
}
