//go:build faults

package faults

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/queue"
)

// queueRows lose replies, acknowledgements and tasks.
var queueRows = []row{
	{
		name: "each script's reply lost on its way back", holds: "at least eight scripts struck",
		via: loseReplies, check: manyScriptsStruck,
	},
	{
		name: "one acknowledgement fails once", holds: "no POST more, no task left active",
		via: loseOneAcknowledgement, check: acknowledgedAllTheSame,
	},
	{
		name: "all asynq:* keys deleted in the middle", holds: "all out within 15 s",
		span: 300 * time.Millisecond, latency: 200 * time.Millisecond,
		act: deleteQueues, check: outWithin(15 * time.Second),
	},
	{
		name: "a producer dies between Accept and its task", holds: "no POST more",
		act: acceptWithoutTasks, check: nothingWasted,
	},
	{
		name: "every order has four tasks", holds: "no POST more",
		act: doubleTasks, check: nothingWasted,
	},
}

// loseReplies loses the reply to the third call of each script, and to every thirtieth after it.
func loseReplies(s *system) string {
	var mu sync.Mutex
	calls := map[string]int{}
	p := intercept(s.t, s.redis.Addr, func(script string, _ []byte) verdict {
		mu.Lock()
		defer mu.Unlock()
		calls[script]++
		if calls[script]%30 == 3 {
			return loseReply
		}
		return pass
	})
	s.intercepted = append(s.intercepted, p)
	return p.addr()
}

const leastScripts = 8

func manyScriptsStruck(s *system, _ *count) []string {
	struck := map[string]int{}
	for _, p := range s.intercepted {
		for script, n := range p.losses() {
			struck[script] += n
		}
	}
	s.t.Logf("replies lost by script: %v", struck)
	if len(struck) < leastScripts {
		return []string{fmt.Sprintf("the replies of %d scripts were lost, want %d at least", len(struck), leastScripts)}
	}
	return nil
}

// loseOneAcknowledgement ends the connection on which asynq says that a task is done, once a worker.
// That script alone names both the active list and the count of processed tasks, and no other list.
func loseOneAcknowledgement(s *system) string {
	var once sync.Once
	p := intercept(s.t, s.redis.Addr, func(_ string, request []byte) verdict {
		if !bytes.Contains(request, []byte("}:processed:")) || bytes.Contains(request, []byte("}:retry\r\n")) ||
			bytes.Contains(request, []byte("}:archived\r\n")) {
			return pass
		}
		v := pass
		once.Do(func() { v = loseRequest })
		return v
	})
	s.intercepted = append(s.intercepted, p)
	return p.addr()
}

func acknowledgedAllTheSame(s *system, c *count) []string {
	wrong := nothingWasted(s, c)
	for _, p := range s.intercepted {
		if len(p.losses()) == 0 {
			wrong = append(wrong, "no acknowledgement was lost")
		}
	}
	err := s.eventually(15*time.Second, func() error {
		for _, queue := range []string{"hpp-interactive", "hpp-bulk"} {
			n, err := s.rdb.LLen(context.Background(), "asynq:{"+queue+"}:active").Result()
			if err != nil || n > 0 {
				return fmt.Errorf("%d tasks of %s are still active (%v)", n, queue, err)
			}
		}
		return nil
	})
	if err != nil {
		wrong = append(wrong, err.Error())
	}
	return wrong
}

// deleteQueues removes everything that asynq has, once all orders are in and many are not out.
func deleteQueues(s *system) {
	<-s.produced
	ctx := context.Background()
	keys, err := s.rdb.Keys(ctx, "asynq:*").Result()
	if err == nil {
		err = s.rdb.Unlink(ctx, keys...).Err()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	tasks := 0
	for _, k := range keys {
		if strings.Contains(k, "}:t:") {
			tasks++
		}
	}
	if tasks < s.row.orders()/4 {
		s.t.Errorf("the queues held %d tasks when they were deleted, want a quarter of the orders", tasks)
	}
}

// acceptWithoutTasks hands a part of the orders to the ledger alone, before their producer comes to them.
func acceptWithoutTasks(s *system) {
	door := s.base.Door(nil)
	for i := 0; i < s.row.orders(); i += 5 {
		submission, err := door.Prepare(s.orderJSON(i), laneOf(i))
		if err != nil {
			s.t.Fatal(err)
		}
		if _, errs := s.base.Ledger.AcceptAll(context.Background(), []ledger.Submission{submission}); errs[0] != nil {
			s.t.Fatal(errs[0])
		}
	}
}

// doubleTasks enqueues three more tasks for each order, under ids of their own, while the first is on its way.
func doubleTasks(s *system) {
	client := queue.NewClient(s.base.Redis.AsynqOpt(), "hpp")
	defer client.Close()
	for i := range s.row.orders() {
		s.await("the order", func() error {
			_, found, err := s.base.Ledger.Get(context.Background(), keyOf(i))
			if err == nil && !found {
				err = fmt.Errorf("%s is not there yet", refOf(i))
			}
			return err
		})
		for n := range 3 {
			id := ledger.TaskID(keyOf(i), fmt.Sprint("more-", n))
			if err := client.Enqueue(context.Background(), laneOf(i), id, keyOf(i).Reference()); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// outWithin bounds the time from the last order in to the last order out.
func outWithin(most time.Duration) func(*system, *count) []string {
	return func(s *system, c *count) []string {
		if after := c.took - s.row.over(); after > most {
			return []string{fmt.Sprintf("the last order came out %v after the last came in, want %v at most", after.Round(time.Millisecond), most)}
		}
		return nil
	}
}
