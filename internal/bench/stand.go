package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// stand is a contender that runs, with all it has, for orders that are handed in one by one.
type stand struct {
	*lab
	of     contender
	worker *process
	ways   []way
	links  chan sighting // of urgent orders
	seen   map[string]int
	sent   int
	ended  context.CancelFunc // ends the reading of links
}

// sighting is a link that came out.
type sighting struct {
	ref string // "": of whatever was handed in last
	at  time.Time
}

// urgent marks the refs of orders that are handed in one by one.
const urgent = "URGENT-"

// newStand starts a contender, with so many bulk orders in front of it.
func (b *Bench) newStand(ctx context.Context, of contender, latency time.Duration, bulk int) (*stand, error) {
	l, err := b.newLab(ctx, latency)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &stand{lab: l, of: of, links: make(chan sighting, 16), seen: map[string]int{}, ended: cancel}
	if err := s.open(ctx, bulk); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stand) open(ctx context.Context, bulk int) (err error) {
	if bulk > 0 {
		if _, err := s.lab.enqueue(s.of.name, s.of.enqueue(s.lab), bulk); err != nil {
			return err
		}
	}
	if err := s.start(ctx, bulk > 0); err != nil {
		return err
	}
	if s.ways, err = s.of.ways(s.lab, bulk > 0); err != nil {
		return err
	}
	return s.await(ctx)
}

// start starts the worker, and somebody who looks for its links: in its results, or, where there are none, in what it says.
func (s *stand) start(ctx context.Context, besides bool) (err error) {
	c := s.of.stand(s.lab, besides)
	if s.of.results != "" {
		go s.follow(ctx)
		s.worker, err = s.lab.work(s.of.name, c, nil)
		return err
	}
	said, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer write.Close()
	go s.hear(said)
	s.worker, err = s.lab.work(s.of.name, c, write)
	return err
}

func (s *stand) close() {
	s.ended()
	for _, w := range s.ways {
		w.close()
	}
	s.lab.close()
}

// await returns once the contender works.
func (s *stand) await(ctx context.Context) error {
	for deadline := time.Now().Add(startBound); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err := s.worker.gone(); err != nil {
			return err
		}
		if s.isReady(ctx) {
			return nil
		}
	}
	return fmt.Errorf("%s is not ready after %v; it said:\n%s", s.of.name, startBound, tail(s.worker.log))
}

func (s *stand) isReady(ctx context.Context) bool {
	if s.of.ready == "" {
		n, err := s.redis.rdb.ZCard(ctx, "asynq:servers").Result()
		return err == nil && n > 0
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.listen+s.of.ready, nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// hear takes each line that the worker writes for an order that was picked up.
func (s *stand) hear(said *os.File) {
	defer said.Close()
	for lines := bufio.NewScanner(said); lines.Scan(); {
		s.links <- sighting{at: time.Now()}
	}
}

// follow reads the results as they come, until the context ends.
func (s *stand) follow(ctx context.Context) {
	rdb := redis.NewClient(&redis.Options{Addr: s.redis.addr})
	defer rdb.Close()
	for after := "0"; ctx.Err() == nil; {
		read, err := rdb.XRead(ctx, &redis.XReadArgs{Streams: []string{s.of.results, after}, Count: 1000, Block: time.Second}).Result()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil { // most likely it is over
			pause(ctx, look)
			continue
		}
		at := time.Now()
		for _, e := range read[0].Messages {
			after = e.ID
			if ref, _ := e.Values["merchant_txn_ref"].(string); strings.HasPrefix(ref, urgent) {
				s.links <- sighting{ref, at}
			}
		}
	}
}

// order hands one in, and returns how long its link took, what the gateway took left out.
func (s *stand) order(ctx context.Context, by way, latency time.Duration) (time.Duration, error) {
	if s.of.results == "" { // it does not ask the gateway
		latency = 0
	}
	s.sent++
	ref := fmt.Sprintf("%s%06d", urgent, s.sent)
	var order strings.Builder
	if err := writeOrder(&order, ref, s.sent); err != nil {
		return 0, err
	}
	begun := time.Now()
	if err := by.send(ctx, []byte(order.String())); err != nil {
		return 0, fmt.Errorf("%s: %w", by.name, err)
	}
	at, err := s.link(ctx, ref)
	return at.Sub(begun) - latency, err
}

// link returns when the link of an order was there.
func (s *stand) link(ctx context.Context, ref string) (at time.Time, err error) {
	for {
		select {
		case link := <-s.links:
			s.seen[link.ref]++
			if link.ref == "" || link.ref == ref {
				return link.at, nil
			}
		case <-ctx.Done():
			return at, ctx.Err()
		case <-s.worker.exited:
			return at, s.worker.gone()
		case <-time.After(s.bench.patience):
			return at, &VoidError{Why: fmt.Sprintf("no link within %v; the worker said:\n%s", s.bench.patience, tail(s.worker.log))}
		}
	}
}

// verify checks that none of the orders handed in one by one has two links.
func (s *stand) verify(ctx context.Context) error {
	at, err := s.gatewayCounts(ctx)
	if err != nil {
		return err
	}
	doubled := at.Doubled
	for ref, n := range s.seen {
		if ref != "" && n > 1 {
			doubled++
		}
	}
	if doubled > 0 {
		return &VoidError{Why: fmt.Sprintf("%d orders have more than one link", doubled)}
	}
	return nil
}
