package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

// TestWaysOneOrderByAllAtOnce sends every order four times by each of three ways, all at once and in random order.
func TestWaysOneOrderByAllAtOnce(t *testing.T) {
	t.Parallel()
	const times = 4
	n := sized(50, 1000)
	s := startSystem(t, 1)
	web := s.serveHTTP(t)
	begun := time.Now()
	told := s.sendAllWays(t, web, n, times)
	events := s.drain(t, n)
	t.Logf("%d orders, each sent %d times by HTTP, by the stream and as a task: all sent and answered after %v", n, times, time.Since(begun).Round(time.Millisecond))
	s.handled(t)
	s.idle(t)
	if again := s.drain(t, n); len(again) != n {
		t.Errorf("%d results once all was handled, want %d", len(again), n)
	}
	urls := onlyLinks(t, events, n)
	s.postedOnce(t, n)
	answers := 0
	for ref, all := range told {
		for _, url := range all {
			if answers++; url != urls[ref] {
				t.Errorf("order %s: HTTP told %q, published was %q", ref, url, urls[ref])
			}
		}
	}
	t.Logf("%d HTTP callers were told the link that was published", answers)
	if answers != n*times {
		t.Errorf("%d answers, want %d", answers, n*times)
	}
}

// serveHTTP starts a process that serves HTTP and takes orders from the stream, and returns its address.
func (s *system) serveHTTP(t *testing.T) string {
	t.Helper()
	web := freeAddress(t)
	start(t, append(s.workerEnv(), "HPPLINK_LISTEN="+web), "run", "--roles", "web,stream")
	s.awaitHTTP(t, web)
	return web
}

func (s *system) awaitHTTP(t *testing.T, web string) {
	t.Helper()
	if err := eventually("HTTP", func() error {
		res, err := http.Get("http://" + web + "/readyz")
		if err == nil {
			if res.Body.Close(); res.StatusCode != http.StatusOK {
				err = fmt.Errorf("status %d", res.StatusCode)
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// links are the URLs that callers were told, by ref.
type links struct {
	mu    sync.Mutex
	byRef map[string][]string
}

func (l *links) add(ref, url string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byRef[ref] = append(l.byRef[ref], url)
}

// sendAllWays sends orders by HTTP, the stream and as tasks, and returns what HTTP told.
func (s *system) sendAllWays(t *testing.T, web string, n, times int) map[string][]string {
	t.Helper()
	opt, err := asynq.ParseRedisURI(s.redisURL)
	if err != nil {
		t.Fatal(err)
	}
	tasks := asynq.NewClient(opt)
	defer tasks.Close()
	told := &links{byRef: map[string][]string{}}
	var all errgroup.Group
	shuffled(&all, 64, n, times, func(i int) error { return sendHTTP(web, i, told) })
	shuffled(&all, 8, n, times, func(i int) error {
		return s.rdb.XAdd(context.Background(), &redis.XAddArgs{
			Stream: "{hpp}:orders", Values: []any{"order", loadOrder(i), "lane", string(someLane())},
		}).Err()
	})
	shuffled(&all, 8, n, times, func(i int) error {
		_, err := tasks.Enqueue(asynq.NewTask("link:generate", loadOrder(i)), asynq.Queue(queue.Name("hpp", someLane())))
		return err
	})
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	return told.byRef
}

func someLane() order.Lane { return []order.Lane{order.Interactive, order.Bulk}[rand.N(2)] }

// shuffled calls f for each of n orders so many times, in random order and so many at once.
func shuffled(all *errgroup.Group, atOnce, n, times int, f func(int) error) {
	numbers := make(chan int, n*times)
	for _, i := range rand.Perm(n * times) {
		numbers <- i % n
	}
	close(numbers)
	for range atOnce {
		all.Go(func() error {
			for i := range numbers {
				if err := f(i); err != nil {
					return fmt.Errorf("order %d: %w", i, err)
				}
			}
			return nil
		})
	}
}

// sendHTTP sends an order as another program would write it, and waits for its link.
func sendHTTP(web string, i int, told *links) error {
	var indented bytes.Buffer
	if err := json.Indent(&indented, loadOrder(i), "", "\t"); err != nil {
		return err
	}
	res, err := http.Post("http://"+web+"/v1/orders?wait=20s&lane="+string(someLane()), "application/json", &indented)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	var answer struct {
		Ref   string `json:"merchant_txn_ref"`
		State string `json:"state"`
		URL   string `json:"url"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || res.StatusCode != http.StatusOK || answer.State != "issued" {
		return fmt.Errorf("status %d: %s (%w)", res.StatusCode, body, err)
	}
	told.add(answer.Ref, answer.URL)
	return nil
}
