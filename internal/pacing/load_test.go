package pacing_test

import (
	"maps"
	"testing"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/pacing"
)

func TestLoads(t *testing.T) {
	p := pacing.New(nil, nil, 10)
	want := func(loads map[string]pacing.Load) {
		t.Helper()
		if got := p.Loads(); !maps.Equal(got, loads) {
			t.Errorf("got %v, want %v", got, loads)
		}
	}
	want(map[string]pacing.Load{})
	p.Answered("M-0", pacing.Served) // no call was made here
	first, _ := p.Enter(t.Context(), "M-1", 6, order.Interactive)
	second, _ := p.Enter(t.Context(), "M-1", 4, order.Interactive) // after a reload
	want(map[string]pacing.Load{"M-1": {Limit: 4, InFlight: 2}})
	first.Done(pacing.Served)
	second.Done(pacing.Served)
	want(map[string]pacing.Load{"M-1": {Limit: 4}})
}
