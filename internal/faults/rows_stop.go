//go:build faults

package faults

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/hpplink/hpplink/internal/killpoint"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/results"
)

// stopRows let a worker that was thought dead come back with answers in hand: what fencing is for.
var stopRows = []row{
	{
		name: "a worker sleeps past its leases, wakes with links", holds: "its links are listed as surplus",
		start: stopFirst,
		act: func(s *system) {
			s.awaitStopped()
			s.await("the other worker to issue all", s.allOut)
			s.workers[0].signal(syscall.SIGCONT)
			s.eventually(10*time.Second, s.surplusListed) // judged below, once everything is counted
		},
		check: func(s *system, _ *count) []string {
			if err := s.surplusListed(); err != nil {
				return []string{err.Error()}
			}
			return nil
		},
	},
	{
		name: "… wakes with refusals while others ask again", holds: "a late refusal fails nothing that another works on",
		start: stopFirst, faults: "400=1x1", latency: 800 * time.Millisecond, mayFail: true,
		act: func(s *system) {
			s.awaitStopped()
			s.awaitSecondPost()
			s.workers[0].signal(syscall.SIGCONT)
		},
		check: func(_ *system, c *count) []string {
			if c.links == 0 {
				return []string{"no order was asked for again"}
			}
			return nil
		},
	},
	{
		name: "… wakes with links of a generation gone by", holds: "a replayed order gets no link of its life before",
		start: stopFirst, act: wakeIntoNextGeneration, mayFail: true,
	},
}

// stopFirst holds the first worker's answers from a point on, and then stops it.
func stopFirst(_ *system, n int) string {
	if n > 0 {
		return ""
	}
	return "HPPLINK_STOP_AT=" + killpoint.AfterAnswer + ":20:400ms"
}

// awaitStopped waits until the first worker is stopped, by its state in /proc.
func (s *system) awaitStopped() {
	s.t.Helper()
	s.await("the worker to stop", func() error {
		state, err := stateOf(s.workers[0].cmd.Process.Pid)
		if err == nil && state != "T" {
			err = fmt.Errorf("it is in state %s", state)
		}
		return err
	})
}

func (s *system) allOut() error {
	if _, refs, err := s.results.seen(); err != nil || refs < s.row.orders() {
		return fmt.Errorf("%d of %d orders have an event (%v)", refs, s.row.orders(), err)
	}
	return nil
}

func (s *system) surplusListed() error {
	n, err := s.base.Ledger.Counts(context.Background())
	if err == nil && n.Surplus == 0 {
		err = fmt.Errorf("no surplus link is listed")
	}
	return err
}

// awaitSecondPost waits until the gateway is being asked again about an order that the stopped worker
// holds an answer for: no other order is asked for twice.
func (s *system) awaitSecondPost() {
	s.t.Helper()
	seen := 0
	s.await("a second POST", func() error {
		now, err := s.summary()
		if seen++; err != nil || now.Posts == now.Refs {
			seen = 0
		}
		if seen < 3 { // a POST that is just coming in counts before its ref does
			return fmt.Errorf("%d POSTs for %d orders (%v)", now.Posts, now.Refs, err)
		}
		return nil
	})
}

// wakeIntoNextGeneration lets the gateway refuse what is asked for from then on, replays those orders, and
// wakes the worker that holds links of their first generation.
func wakeIntoNextGeneration(s *system) {
	s.awaitStopped()
	s.setFaults("400")
	s.await("every order's event", s.allOut)
	replayed := 0
	events, _, _ := s.results.seen()
	for _, e := range events {
		if e.Type != results.LinkFailed {
			continue
		}
		if _, err := s.base.Ledger.Replay(context.Background(), e.Key(), e.Generation, ledger.NewNonce()); err != nil {
			s.t.Fatalf("replaying %s: %v", e.Key(), err)
		}
		replayed++
	}
	s.workers[0].signal(syscall.SIGCONT)
	s.setFaults("")
	if replayed == 0 {
		s.t.Error("no order failed, so none was replayed")
	}
	if err := s.eventually(30*time.Second, func() error { return s.secondGenerations(replayed) }); err != nil {
		s.t.Errorf("links of the second generation: %v", err)
	}
}

func (s *system) secondGenerations(want int) error {
	events, _, err := s.results.seen()
	n := 0
	for _, e := range events {
		if e.Generation == 2 {
			n++
		}
	}
	if n < want {
		return fmt.Errorf("%d of %d (%v)", n, want, err)
	}
	return nil
}
