//go:build faults

package faults

import (
	"fmt"
	"time"

	"github.com/hpplink/hpplink/internal/killpoint"
)

// recovery is within what the orders of a killed worker come out: well before asynq itself would bring
// their tasks back.
const recovery = 20 * time.Second

// killRows end workers.
var killRows = []row{
	killedAt("kill -9 before the POST", killpoint.BeforePost, ""),
	killedAt("kill -9 during the POST", killpoint.BeforePost, ":60ms"),
	killedAt("kill -9 after the answer, before Issue", killpoint.AfterAnswer, ""),
	killedAt("kill -9 after Issue", killpoint.AfterReport, ""),
	killedAt("kill -9 before the acknowledgement", killpoint.BeforeAck, ""),
	{
		name: "kill -9 of a random worker every 2 s", holds: "all out within 20 s",
		span: 8 * time.Second, latency: 400 * time.Millisecond,
		act:   func(s *system) { s.every(2*time.Second, s.killOne) },
		check: outWithin(recovery),
	},
	{
		name: "… while many orders wait in the queue", holds: "all out within 20 s",
		span: 300 * time.Millisecond, latency: 600 * time.Millisecond,
		act: func(s *system) {
			for range 3 {
				time.Sleep(s.around(2 * time.Second))
				s.killOne()
			}
		},
		check: func(s *system, c *count) []string { // the queue itself takes longer in the long form
			return outWithin(pick(recovery, time.Minute))(s, c)
		},
	},
	{
		name: "SIGTERM to a random worker every 2 s", holds: "exits 0 in time, nothing uncertain, no surplus link",
		span: 8 * time.Second, latency: 400 * time.Millisecond,
		act:   func(s *system) { s.every(2*time.Second, s.terminateOne) },
		check: nothingWasted,
	},
}

// killedAt kills the first worker at a point of the program, and again and again after its restart.
func killedAt(name, point, delay string) row {
	at := func(s *system) string {
		return fmt.Sprintf("HPPLINK_KILL_AT=%s:%d%s", point, 5+s.rnd.IntN(pick(25, 60)), delay)
	}
	kills := 0
	return row{
		name: name, holds: "all out within 20 s",
		start: func(s *system, n int) string {
			if n > 0 {
				return ""
			}
			kills = 0
			return at(s)
		},
		act: func(s *system) {
			victim := s.workers[0]
			for {
				select {
				case <-victim.exited:
					s.mustNotHaveEnded(victim)
					kills++
					s.run(victim, at(s))
				case <-s.produced:
					// Its last life has no kill point, or the end would never come.
					s.mustNotHaveEnded(victim)
					victim.kill()
					s.run(victim)
					return
				}
			}
		},
		check: func(s *system, c *count) []string {
			if kills == 0 {
				return []string{"the kill point never struck"}
			}
			return outWithin(recovery)(s, c)
		},
	}
}

// killOne ends a worker as a crash does, and puts another in its place.
func (s *system) killOne() {
	w := s.workers[s.rnd.IntN(len(s.workers))]
	s.mustNotHaveEnded(w)
	w.kill()
	s.run(w)
}

// mustNotHaveEnded reports a worker that ended without having been killed or asked to.
func (s *system) mustNotHaveEnded(w *seat) {
	select {
	case <-w.exited:
		if !w.killed() {
			s.t.Errorf("worker %d ended by itself: %v\n%s", w.number, w.err, tail(w.log))
		}
	default:
	}
}

func (s *system) terminateOne() {
	w := s.workers[s.rnd.IntN(len(s.workers))]
	s.mustNotHaveEnded(w)
	if took, err := w.terminate(exitBound); err != nil {
		s.t.Errorf("worker %d after %v: %v", w.number, took, err)
	}
	s.run(w)
}

// nothingWasted is for faults after which no POST may be repeated.
func nothingWasted(_ *system, c *count) (wrong []string) {
	if c.surplus() != 0 || c.posts != c.orders {
		wrong = append(wrong, fmt.Sprintf("%d POSTs and %d surplus links for %d orders, want one POST each", c.posts, c.surplus(), c.orders))
	}
	for ref, events := range c.events {
		if events[0].Uncertain {
			wrong = append(wrong, "order "+ref+" is uncertain")
		}
	}
	return wrong
}
