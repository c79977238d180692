package redisconn_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
)

// echoMany answers for each of its orders with the shared key and argument, and its own; or goes wrong for "bad" ones.
const echoMany = `
local answers = {}
for i = 1, #KEYS - 1 do
  local own = ARGV[2 + i]
  answers[i] = own == 'bad' and redis.error_reply('MINE bad') or { KEYS[1], ARGV[2], KEYS[1 + i], own }
end
redis.call('INCR', KEYS[1])
return answers`

// TestManyGoAsOne runs a script that works for many: each caller gets the answer that is its own, whoever it went with.
func TestManyGoAsOne(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		ctx, conn, mark := context.Background(), openAt(t, addr), &redisconn.Many{Keys: 1, Args: 2}
		run := func(i int) {
			shared, own := fmt.Sprint("{m}", i%3), fmt.Sprint(i)
			if i%10 == 0 {
				own = "bad"
			}
			cmd := redis.NewCmd(ctx, "eval", echoMany, 2, shared, fmt.Sprint("{m}k", i), mark, i%3, own)
			_ = conn.Client().Process(ctx, cmd)
			answers, err := cmd.Slice()
			if err != nil || len(answers) != 1 {
				t.Errorf("order %d: %v, %v", i, answers, err)
				return
			}
			if bad, is := answers[0].(error); own == "bad" && (!is || !strings.Contains(bad.Error(), "MINE")) {
				t.Errorf("order %d, which goes wrong: %v", i, answers[0])
			} else if want := fmt.Sprint([]any{shared, fmt.Sprint(i % 3), fmt.Sprint("{m}k", i), own}); own != "bad" && fmt.Sprint(answers[0]) != want {
				t.Errorf("order %d: %v, want %v", i, answers[0], want)
			}
		}
		var all sync.WaitGroup
		for i := range 2000 {
			all.Go(func() { run(i) })
		}
		all.Wait()
		runs := 0
		for i := range 3 {
			n, err := conn.Client().Get(ctx, fmt.Sprint("{m}", i)).Int()
			if err != nil {
				t.Fatal(err)
			}
			runs += n
		}
		if runs > 500 {
			t.Errorf("%d runs for 2,000 orders", runs)
		}
	})
}

// TestManyThatFailFailAll has Redis refuse a script as a whole.
func TestManyThatFailFailAll(t *testing.T) {
	ctx, conn, mark := context.Background(), openAt(t, redistest.Server(t)), &redisconn.Many{Keys: 1, Args: 1}
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			cmd := redis.NewCmd(ctx, "eval", `error('broken')`, 2, "{m}", fmt.Sprint("{m}k", i), mark, i)
			if err := conn.Client().Process(ctx, cmd); err == nil || !strings.Contains(err.Error(), "broken") || cmd.Err() == nil {
				t.Errorf("order %d: %v", i, err)
			}
		})
	}
	all.Wait()
}
