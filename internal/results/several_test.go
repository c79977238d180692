package results_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

// bench is a reader of one stream or several.
type bench struct {
	*results.Reader
	rdb     redis.UniversalClient
	streams []string
}

func newBench(rdb redis.UniversalClient, n int) bench {
	streams := []string{stream, "{hpp~6.0a}:results", "{hpp~b.11}:results"}[:n]
	return bench{results.NewReader(rdb, streams...), rdb, streams}
}

// eachOf runs f with a reader of one empty stream and with one of three, on both kinds of Redis.
func eachOf(t *testing.T, f func(t *testing.T, b bench)) {
	t.Helper()
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, addr string) { f(t, newBench(redistest.Client(t, addr), n)) })
		})
	}
}

// spread appends an event for each ref, each a millisecond after the one before, to the streams in no even turn.
func (b bench) spread(t testing.TB, begin int64, refs ...string) {
	t.Helper()
	_, err := b.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, ref := range refs {
			key := b.streams[(i*i/3+i)%len(b.streams)]
			p.XAdd(ctx, &redis.XAddArgs{Stream: key, ID: fmt.Sprint(begin+int64(i), "-7"), Values: values(ref)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestReadIsInTheOrderOfTime(t *testing.T) {
	eachOf(t, func(t *testing.T, b bench) {
		refs := numbered(2003)
		b.spread(t, 1000, refs[:2000]...)
		s := newSeen()
		place, err := b.Read(ctx, results.Start, func(e results.Event) error {
			if e.Ref == "r1234" {
				return errStop
			}
			return s.add(e)
		})
		if s.want(t, refs[:1234]...); !errors.Is(err, errStop) {
			t.Errorf("stopped with %v", err)
		}
		place = b.read(t, place, s)
		b.spread(t, 5000, refs[2000:]...)
		place = b.read(t, place, s)
		if s.want(t, refs...); place != b.read(t, place, s) {
			t.Error("the end is not the end")
		}
		if !results.IsPlace(place) || !results.PlacedAt(place).Equal(time.UnixMilli(5002)) || strings.Count(place, ",") != len(b.streams)-1 {
			t.Errorf("the place %q of %v", place, results.PlacedAt(place))
		}
	})
}

func (b bench) read(t *testing.T, place string, s *seen) string {
	t.Helper()
	place, err := b.Read(ctx, place, s.add)
	if err != nil {
		t.Fatal(err)
	}
	return place
}

// TestPlaceInOtherStreams: a place that was kept while the number of streams changed would skip events or double them.
func TestPlaceInOtherStreams(t *testing.T) {
	eachOf(t, func(t *testing.T, b bench) {
		b.spread(t, 1000, "a")
		for _, place := range []string{"1-1,2-1", "1-1,2-1,3-1,4-1", ","} {
			_, readErr := b.Read(ctx, place, newSeen().add)
			_, _, backErr := b.Back(ctx, place, 1)
			for _, err := range []error{readErr, backErr, b.Follow(ctx, place, newSeen().add)} {
				if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q is one in", place)) {
					t.Errorf("%q: %v", place, err)
				}
			}
		}
	})
}

func TestFollowOfSeveral(t *testing.T) {
	eachOf(t, func(t *testing.T, b bench) {
		refs := numbered(60)
		b.spread(t, 1000, refs...)
		s := newSeen()
		stop := background(t, func(ctx context.Context) error {
			return b.Follow(ctx, results.Start, func(e results.Event) error {
				if err := s.add(e); err != nil || e.Ref != "enough" {
					return err
				}
				return errStop
			})
		})
		s.await(t, len(refs))
		if len(b.streams) > 1 { // of one stream there is nothing to merge
			s.want(t, refs...)
		}
		for i, key := range append(slices.Repeat(b.streams, 2), b.streams[0]) {
			ref := fmt.Sprint("live", i)
			if i == 2*len(b.streams) {
				ref = "enough"
			}
			publishIn(t, b.rdb, key, ref)
			s.await(t, 1)
			refs = append(refs, ref)
		}
		if s.want(t, refs...); !errors.Is(stop(), errStop) {
			t.Errorf("stopped with %v", stop())
		}
	})
}

// TestCostOfAnIdleReader: over two seconds of waiting no stream is asked more than once a second.
func TestCostOfAnIdleReader(t *testing.T) {
	t.Parallel()
	for name, follow := range map[string]func(bench, context.Context) error{
		"reader": func(b bench, ctx context.Context) error { return b.Follow(ctx, results.Start, newSeen().add) },
		"group":  func(b bench, ctx context.Context) error { return b.join(t, "g", "one").Read(ctx, true, newSeen().add) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rdb := redistest.Client(t, redistest.StartServer(t).Addr)
			b := newBench(rdb, 3)
			stop := background(t, func(ctx context.Context) error { return follow(b, ctx) })
			time.Sleep(500 * time.Millisecond) // the first read waits
			var counted counter
			rdb.AddHook(&counted)
			begun := time.Now()
			time.Sleep(2 * time.Second)
			if n, most := counted.n.Load(), 3*(1+int64(time.Since(begun)/time.Second)); n > most {
				t.Errorf("%d commands in 2 s", n)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBackAndAroundAreInTheOrderOfTime(t *testing.T) {
	eachOf(t, func(t *testing.T, b bench) {
		refs := numbered(50)
		b.spread(t, 1000, refs...)
		back := slices.Clone(refs)
		slices.Reverse(back)
		for begin := 0; begin < 50; begin += 7 {
			place := fmt.Sprint(1050-begin, "-0")
			events, next, err := b.Back(ctx, strings.Join(slices.Repeat([]string{place}, len(b.streams)), ","), 7)
			if got := refsOf(events); err != nil || !slices.Equal(got, back[begin:min(begin+7, 50)]) {
				t.Errorf("before %s: %q (%v)", place, got, err)
			}
			if oldest := time.UnixMilli(int64(max(1050-begin-7, 1000))); results.PlacedAt(next).Sub(oldest) > time.Millisecond {
				t.Errorf("goes on from %q, not %d", next, oldest.UnixMilli())
			}
		}
		events, err := b.Around(ctx, time.UnixMilli(1010), time.UnixMilli(1029), 15)
		if got := refsOf(events); err != nil || !slices.Equal(got, refs[10:25]) {
			t.Errorf("%q (%v)", got, err)
		}
		events, err = b.Around(ctx, time.UnixMilli(1010), time.UnixMilli(1029), 100)
		if got := refsOf(events); err != nil || !slices.Equal(got, refs[10:30]) {
			t.Errorf("%q (%v)", got, err)
		}
	})
}

func refsOf(events []results.Event) (refs []string) {
	for _, e := range events {
		refs = append(refs, e.Ref)
	}
	return refs
}

func TestIsPlaceInSeveralStreams(t *testing.T) {
	for text, want := range map[string]bool{"1-1,2-2": true, "0,0,5-1": true, "1-1,": false, ",": false, "1-1,+": false, "1-1;2-2": false} {
		if got := results.IsPlace(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
