package results_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

// model is some streams whose nodes' clocks differ, and what was published in them.
type model struct {
	bench
	clocks []int64
	all    map[string][]string // of each stream the ids, oldest first
}

func newModel(t *rapid.T, rdb *redis.Client) *model {
	b := newBench(rdb, rapid.IntRange(1, 3).Draw(t, "streams"))
	rdb.FlushAll(ctx)
	return &model{b, make([]int64, len(b.streams)), map[string][]string{}}
}

// publish appends some events to one stream.
func (m *model) publish(t *rapid.T, some ...int) {
	i := rapid.IntRange(0, len(m.streams)-1).Draw(t, "stream")
	key, n := m.streams[i], rapid.SampledFrom(some).Draw(t, "events")
	step := rapid.Int64Range(0, 3).Draw(t, "apart")
	m.clocks[i] += rapid.Int64Range(1, 500).Draw(t, "later")
	_, err := m.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for seq := range n {
			id := fmt.Sprintf("%d-%d", m.clocks[i], seq)
			m.clocks[i] += step
			p.XAdd(ctx, &redis.XAddArgs{Stream: key, ID: id, Values: []string{"type", "t"}})
			m.all[key] = append(m.all[key], id)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// byTime reports what two neighbours of different streams have out of order.
func byTime(events []results.Event) error {
	for i := 1; i < len(events); i++ {
		if a, b := parts(events[i-1].StreamID), parts(events[i].StreamID); slices.Compare(a, b) > 0 {
			return fmt.Errorf("%s of %s before %s of %s", events[i-1].StreamID, events[i-1].Stream, events[i].StreamID, events[i].Stream)
		}
	}
	return nil
}

func parts(id string) []int {
	ms, n, _ := strings.Cut(id, "-")
	a, _ := strconv.Atoi(ms)
	b, _ := strconv.Atoi(n)
	return []int{a, b}
}

func ids(events []results.Event, key string) (ids []string) {
	for _, e := range events {
		if e.Stream == key {
			ids = append(ids, e.StreamID)
		}
	}
	return ids
}

// TestPropertyEveryEventOnce publishes and reads by turns; the reader stops anywhere and goes on from the place it was told.
func TestPropertyEveryEventOnce(t *testing.T) {
	rdb := redistest.Client(t, redistest.Server(t))
	rapid.Check(t, func(t *rapid.T) {
		m, place := newModel(t, rdb), results.Start
		var got []results.Event
		read := func(t *rapid.T, n int) {
			var now []results.Event
			next, err := m.Read(ctx, place, func(e results.Event) error {
				if len(now) == n {
					return errStop
				}
				now = append(now, e)
				return nil
			})
			if err != nil && len(now) < n {
				t.Fatal(err)
			}
			if err := byTime(now); err != nil {
				t.Fatal(err)
			}
			place, got = next, append(got, now...)
		}
		t.Repeat(map[string]func(*rapid.T){
			"publish": func(t *rapid.T) { m.publish(t, 1, 3, 10, 20, 30, 250) }, // up to as many as are read at once
			"read":    func(t *rapid.T) { read(t, rapid.IntRange(0, 1200).Draw(t, "until")) },
		})
		read(t, 1_000_000)
		for _, key := range m.streams {
			if !slices.Equal(ids(got, key), m.all[key]) {
				t.Fatalf("%s: %q, not %q", key, ids(got, key), m.all[key])
			}
		}
	})
}

// TestPropertyBackTellsEachOnce reads back in pages of any size while more is published: what was there when it began comes
// once, newest first.
func TestPropertyBackTellsEachOnce(t *testing.T) {
	rdb := redistest.Client(t, redistest.Server(t))
	rapid.Check(t, func(t *rapid.T) {
		m, place := newModel(t, rdb), results.End
		for range rapid.IntRange(0, 6).Draw(t, "times") {
			m.publish(t, 1, 2, 30)
		}
		there := map[string][]string{}
		for _, key := range m.streams {
			there[key] = slices.Clone(m.all[key])
		}
		var got []results.Event
		for {
			n := rapid.IntRange(1, 40).Draw(t, "page")
			events, next, err := m.Back(ctx, place, n)
			if err != nil || len(events) > n {
				t.Fatalf("%d of %d events, %v", len(events), n, err)
			}
			if got = append(got, events...); next == place {
				break
			}
			if place = next; rapid.IntRange(0, 4).Draw(t, "meanwhile") == 0 {
				m.publish(t, 1, 2, 30)
			}
		}
		// A stream whose clock is behind may have had new ones before the place.
		got = slices.DeleteFunc(got, func(e results.Event) bool { return !slices.Contains(there[e.Stream], e.StreamID) })
		slices.Reverse(got)
		if err := byTime(got); err != nil {
			t.Fatal(err)
		}
		for _, key := range m.streams {
			if !slices.Equal(ids(got, key), there[key]) {
				t.Fatalf("%s: %q, not %q", key, ids(got, key), there[key])
			}
		}
	})
}
