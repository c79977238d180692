package results

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	Start = "0" // the place before the first event, of all streams
	End   = "+" // the place after the newest event, of all streams
)

// between stands between the places of several streams.
const between = ","

// places returns the place in each stream.
func (r *Reader) places(place string) ([]string, error) {
	if place == Start || place == End {
		return slices.Repeat([]string{place}, len(r.streams)), nil
	}
	places := strings.Split(place, between)
	if len(places) != len(r.streams) {
		return nil, fmt.Errorf("results: the place %q is one in %d streams, and the results are in %d: begin at the start or the end",
			place, len(places), len(r.streams))
	}
	return places, nil
}

// PlacedAt returns when the event of a place was published, by Redis' clock: in several streams the latest of them.
func PlacedAt(place string) (latest time.Time) {
	for one := range strings.SplitSeq(place, between) {
		ms, _, _ := strings.Cut(one, "-")
		n, err := strconv.ParseInt(ms, 10, 64)
		if err != nil {
			return time.Time{}
		}
		if at := time.UnixMilli(n); at.After(latest) {
			latest = at
		}
	}
	return latest
}

// IsPlace reports whether a text is the place of an event, in however many streams.
func IsPlace(s string) bool {
	return !slices.ContainsFunc(strings.Split(s, between), func(one string) bool { return !isID(one) })
}

func isID(s string) bool {
	ms, n, found := strings.Cut(s, "-")
	_, err := strconv.ParseUint(ms, 10, 63)
	if !found {
		return err == nil
	}
	_, errN := strconv.ParseUint(n, 10, 64)
	return err == nil && errN == nil
}

// before compares ids of entries, "ms-n".
func before(a, b string) bool {
	ams, an := idParts(a)
	bms, bn := idParts(b)
	return ams < bms || ams == bms && an < bn
}

func idParts(id string) (ms, n uint64) {
	a, b, _ := strings.Cut(id, "-")
	ms, _ = strconv.ParseUint(a, 10, 64)
	n, _ = strconv.ParseUint(b, 10, 64)
	return ms, n
}

// notAfter returns the place, or the one after the millisecond of this id if that is earlier.
func notAfter(place, id string) string {
	ms, _ := idParts(id)
	if ms == math.MaxUint64 {
		return place
	}
	if bound := fmt.Sprintf("%d-0", ms+1); place == End || before(bound, place) {
		return bound
	}
	return place
}
