package results_test

import (
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/results"
)

func TestBackReadsNewestFirst(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		want := numbered(10)
		publish(t, rdb, want...)
		slices.Reverse(want)
		var got []string
		for place := results.End; ; {
			events, next, err := r.Back(ctx, place, 3)
			if err != nil || len(events) > 3 {
				t.Fatal(events, err)
			}
			for _, e := range events {
				got = append(got, e.Ref)
			}
			if next == place {
				break
			}
			if place = next; !results.IsPlace(place) || time.Since(results.PlacedAt(place)).Abs() > time.Minute {
				t.Errorf("the place %q", place)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

func TestAround(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		for i, ref := range []string{"before", "first", "last", "after"} {
			rdb.XAdd(ctx, &redis.XAddArgs{Stream: stream, ID: []string{"999-9", "1000-0", "2000-7", "2001-0"}[i], Values: values(ref)})
		}
		events, err := r.Around(ctx, time.UnixMilli(1000), time.UnixMilli(2000), 10)
		if err != nil || len(events) != 2 || events[0].Ref != "first" || events[1].Ref != "last" {
			t.Errorf("%+v %v", events, err)
		}
		if events, err = r.Around(ctx, time.UnixMilli(1000), time.UnixMilli(2000), 1); err != nil || len(events) != 1 {
			t.Errorf("%+v %v", events, err)
		}
	})
}

func TestIsPlace(t *testing.T) {
	for text, want := range map[string]bool{
		"1795334772960-0": true, "0": true, "1-18446744073709551615": true, "": false, "+": false, "-": false, "1-": false, "-1": false, "1-2-3": false, "a-1": false, "(1-1": false,
		"9223372036854775808-1": false,
	} {
		if got := results.IsPlace(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
