package pacing_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hpplink/hpplink/internal/order"
)

// bound is how many calls there may be in a second: as many as the rate allows, and one; and those that are late, by 25 ms or by the
// time between two calls, or as late as a command is.
func bound(perSecond float64) int {
	late := max(25*time.Millisecond, time.Duration(float64(time.Second)/perSecond)) + mostTrip
	return 1 + int(perSecond*(1+late.Seconds()))
}

// TestRegressionRateExceededWithBothLanes: interactive orders lined up for their calls behind one another only. Bulk orders that had been
// let through before were called for at the same time: 1926 calls in a second where 1000 were allowed, 38 where 20 were.
func TestRegressionRateExceededWithBothLanes(t *testing.T) {
	for _, test := range []struct {
		perSecond float64
		processes int
		share     float64       // of the rate that interactive orders come at
		most      time.Duration // that they wait, but for a hundredth of them
	}{
		{1, 1, 0.05, 2 * time.Second}, {1, 2, 0.5, 8 * time.Second}, {1, 4, 0.05, 3 * time.Second},
		{5, 1, 0.5, 4 * time.Second}, {5, 2, 0.05, 2 * time.Second}, {5, 4, 0.5, 4 * time.Second},
		{20, 1, 0.5, 400 * time.Millisecond}, {20, 2, 0.05, 400 * time.Millisecond}, {20, 2, 0.9, 4 * time.Second}, {20, 4, 0.5, time.Second},
		{100, 1, 0.05, 200 * time.Millisecond}, {100, 2, 0.5, 200 * time.Millisecond}, {100, 4, 0.05, 200 * time.Millisecond},
		{1000, 1, 0.5, 150 * time.Millisecond}, {1000, 2, 0.9, 150 * time.Millisecond}, {1000, 4, 0.05, 150 * time.Millisecond},
		{2000, 2, 0.5, 150 * time.Millisecond},
	} {
		t.Run(fmt.Sprintf("%v a second, %d processes, %v interactive", test.perSecond, test.processes, test.share), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { bothLanes(t, test.processes, test.perSecond, test.share, test.most) })
		})
	}
}

// bothLanes has interactive orders come while a backlog of bulk orders takes what is left of the rate.
func bothLanes(t *testing.T, processes int, perSecond, share float64, most time.Duration) {
	inflow := max(6*time.Second, time.Duration(300/perSecond*float64(time.Second)))
	f, begun := newFleet(processes, perSecond), time.Now()
	for range int(inflow.Seconds() * perSecond * (1.3 - share)) {
		f.come(t, order.Bulk, true)
	}
	f.inflow(t, order.Interactive, perSecond*share, inflow)
	f.all.Wait()
	if n := f.busiest(); n > bound(perSecond) {
		t.Errorf("%d calls in the busiest second, want %d at most", n, bound(perSecond))
	}
	if w := f.worst(order.Interactive); w > most {
		t.Errorf("interactive orders waited %v, want %v at most", w, most)
	}
	done := 0
	for _, at := range f.sorted() {
		if at.Sub(begun) < inflow {
			done++
		}
	}
	if part := float64(done) / (perSecond * inflow.Seconds()); part < 0.97 {
		t.Errorf("%.3f of the rate was used", part)
	}
	t.Logf("%d calls in the busiest second, %.3f of the rate was used, interactive orders waited %v, %.2f commands an order, %.2f visits", f.busiest(),
		float64(done)/(perSecond*inflow.Seconds()), f.worst(order.Interactive), f.commands(), float64(f.visits)/float64(len(f.sorted())))
}

// TestMoreInteractiveOrdersThanAreAllowed take the whole rate, and no more than that.
func TestMoreInteractiveOrdersThanAreAllowed(t *testing.T) {
	for _, processes := range []int{1, 3} {
		for _, perSecond := range []float64{5, 20, 1000} {
			synctest.Test(t, func(t *testing.T) {
				f, begun := newFleet(processes, perSecond), time.Now()
				n := int(perSecond * 20)
				for range n {
					f.come(t, order.Interactive, true)
				}
				f.all.Wait()
				if n := f.busiest(); n > bound(perSecond) {
					t.Errorf("%d calls in the busiest second, want %d at most", n, bound(perSecond))
				}
				if took, most := f.sorted()[n*9/10].Sub(begun), 20*time.Second; took > most {
					t.Errorf("%d processes at %v a second: nine tenths took %v, want %v at most", processes, perSecond, took, most)
				}
			})
		}
	}
}

// TestTheRateHoldsWhileItChanges, and each process learns of it at another time.
func TestTheRateHoldsWhileItChanges(t *testing.T) {
	for _, test := range [][2]float64{{20, 1000}, {1000, 20}, {1, 100}, {500, 2000}, {2000, 1}} {
		t.Run(fmt.Sprintf("from %v to %v", test[0], test[1]), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, begun := newFleet(3, test[0]), time.Now()
				for range int(2*test[0] + 2*test[1]) {
					f.come(t, order.Bulk, true)
				}
				f.inflow(t, order.Interactive, min(test[0], test[1])/2, 10*time.Second)
				for i := range f.rates {
					time.Sleep(3*time.Second + 333*time.Millisecond)
					f.rates[i].Store(int64(test[1] * 1000))
				}
				f.all.Wait()
				changed := begun.Add(3*time.Second + 333*time.Millisecond)
				var before []time.Time
				for _, at := range f.sorted() {
					if at.Before(changed) {
						before = append(before, at)
					}
				}
				if n := busiestSecond(before); n > bound(test[0]) {
					t.Errorf("%d calls in a second before, want %d at most", n, bound(test[0]))
				}
				if n := f.busiest(); n > bound(max(test[0], test[1])) {
					t.Errorf("%d calls in the busiest second, want %d at most", n, bound(max(test[0], test[1])))
				}
			})
		})
	}
}
