//go:build faults

package faults

import (
	"context"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/hpplink/hpplink/internal/results"
)

// redisRows harm Redis and the way to it.
var redisRows = []row{
	{
		name: "kill -9 of Redis, restart from its file", holds: "nothing is lost",
		act: func(s *system) {
			for range pick(2, 5) {
				time.Sleep(time.Second + time.Duration(s.rnd.IntN(500))*time.Millisecond)
				s.redis.Kill()
				time.Sleep(500 * time.Millisecond)
				s.restartRedis()
			}
		},
	},
	{
		name: "power cut: the file's last second is gone", holds: "the same event id; all out once sent again",
		lossy: true, act: powerCut, check: sameEventID,
	},
	{
		name: "SCRIPT FLUSH every 200 ms", holds: "no POST more than orders",
		act: func(s *system) {
			s.every(200*time.Millisecond, func() { s.rdb.ScriptFlush(context.Background()) })
		},
		check: nothingWasted,
	},
	{
		name: "Redis stands still for 8 s", holds: "",
		act: func(s *system) {
			time.Sleep(time.Second)
			syscall.Kill(s.redis.PID, syscall.SIGSTOP)
			time.Sleep(pick(8*time.Second, 20*time.Second))
			syscall.Kill(s.redis.PID, syscall.SIGCONT)
		},
	},
	{
		name: "SIGTERM while Redis is away", holds: "ends in time, whatever its exit code",
		act: func(s *system) {
			time.Sleep(time.Second)
			s.redis.Kill()
			w := s.workers[0]
			took, err := w.terminate(exitBound)
			s.note = fmt.Sprintf("ended after %v (%v); ", took.Round(100*time.Millisecond), err)
			if w.killed() {
				s.t.Errorf("the worker was still there %v after SIGTERM", exitBound)
			}
			s.restartRedis()
			s.run(w)
		},
	},
	{
		name: "connections to Redis reset now and then", holds: "",
		act: func(s *system) {
			s.every(700*time.Millisecond, func() { s.oneWire().harm(100*time.Millisecond, resetPeer()) })
		},
	},
	{
		name: "Redis answers 200 ms late", holds: "",
		act: func(s *system) {
			s.bothWires(func(w *wire) { w.harm(s.row.over(), latency(200*time.Millisecond)) })
		},
	},
	{
		name: "Redis half open for a worker, replies lost", holds: "late settlements are fenced",
		act: func(s *system) { halfOpen(s, "downstream") },
	},
	{
		name: "Redis half open for a worker, requests lost", holds: "late settlements are fenced",
		act: func(s *system) { halfOpen(s, "upstream") },
	},
	{
		name: "a worker cut off from Redis for long", holds: "late settlements are fenced",
		act: func(s *system) {
			time.Sleep(time.Second)
			s.workers[0].toRedis.cut()
			time.Sleep(pick(10*time.Second, 20*time.Second))
			s.workers[0].toRedis.mend()
		},
	},
}

func halfOpen(s *system, stream string) {
	time.Sleep(time.Second)
	s.workers[0].toRedis.harm(pick(9*time.Second, 20*time.Second), swallow(stream))
}

func (s *system) oneWire() *wire { return s.workers[s.rnd.IntN(len(s.workers))].toRedis }

func (s *system) bothWires(f func(*wire)) {
	var all sync.WaitGroup
	for _, w := range s.workers {
		all.Go(func() { f(w.toRedis) })
	}
	all.Wait()
}

// powerCut kills Redis in the middle and takes the last second off its append-only file: with
// appendfsync everysec that is what may be missing. Then producers send everything again.
func powerCut(s *system) {
	path := s.appendOnlyFile()
	time.Sleep(1500 * time.Millisecond)
	safe, err := os.Stat(path)
	if err != nil {
		s.t.Fatal(err)
	}
	s.safeUntil = time.Now()
	time.Sleep(time.Second)
	s.redis.Kill()
	if err := os.Truncate(path, safe.Size()); err != nil {
		s.t.Fatal(err)
	}
	s.restartRedis()
	<-s.produced
	s.note = fmt.Sprintf("%d accepted orders were gone and were sent again; ", s.unknown())
	s.resubmit()
}

// unknown counts the orders that the ledger does not have.
func (s *system) unknown() (n int) {
	s.t.Helper()
	for i := range s.row.orders() {
		_, found, err := s.base.Ledger.Get(context.Background(), keyOf(i))
		if err != nil {
			s.t.Fatal(err)
		}
		if !found {
			n++
		}
	}
	return n
}

// sameEventID lets a consumer recognise an order whose link was published, forgotten, and published
// again: by the id of the event. And nothing but the lost second may come twice.
func sameEventID(s *system, c *count) (wrong []string) {
	for ref, events := range c.events {
		for _, e := range events {
			if e.ID != events[0].ID {
				wrong = append(wrong, fmt.Sprintf("order %s has events %s and %s", ref, events[0].ID, e.ID))
			}
		}
		if len(events) > 1 && events[0].Time.Before(s.safeUntil.Add(-time.Second)) { // times may be whole seconds
			wrong = append(wrong, fmt.Sprintf("order %s came again, although its link was on disk", ref))
		}
	}
	kept := map[string]int{}
	_, err := s.base.Results.Read(context.Background(), results.Start, func(e results.Event) error {
		kept[e.ID]++
		return nil
	})
	if err != nil {
		wrong = append(wrong, err.Error())
	}
	for id, n := range kept {
		if n > 1 {
			wrong = append(wrong, fmt.Sprintf("Redis itself has event %s %d times", id, n))
		}
	}
	return wrong
}
