package pacing_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hpplink/hpplink/internal/order"
)

// TestRegressionFewOrdersTookAllSlots: each process took 300 ms of a merchant's rate at once, and its place in the line for 750 ms, for
// however few orders. So two processes with ten interactive orders a second each took all of a rate of 1000, four more than that; and
// bulk orders, whose turn comes after all that was taken, waited until no interactive ones came any more.
func TestRegressionFewOrdersTookAllSlots(t *testing.T) {
	for name, test := range map[string]struct {
		processes         int
		perSecond         float64
		interactive, bulk float64 // that come in a second
		backlog           int     // of bulk orders that are there at first
		most, mostBulk    time.Duration
	}{
		"two processes":           {2, 1000, 20, 0, 100, 10 * time.Millisecond, time.Second},
		"four processes":          {4, 1000, 20, 0, 100, 10 * time.Millisecond, time.Second},
		"a third of the rate":     {4, 1000, 200, 100, 1000, 100 * time.Millisecond, 4 * time.Second},
		"nine tenths of the rate": {8, 1000, 500, 400, 0, 200 * time.Millisecond, 2 * time.Second},
		"a low rate":              {4, 20, 8, 4, 0, time.Second, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(test.processes, test.perSecond)
				inflow := max(20*time.Second, time.Duration(1200/test.interactive*float64(time.Second)))
				for range test.backlog {
					f.order(t, order.Bulk)
				}
				f.inflow(t, order.Interactive, test.interactive, inflow)
				if test.bulk > 0 {
					f.inflow(t, order.Bulk, test.bulk, inflow)
				}
				f.all.Wait()
				if w := f.worst(order.Interactive); w > test.most {
					t.Errorf("interactive orders waited %v, want %v at most", w, test.most)
				}
				if w := f.worst(order.Bulk); w > test.mostBulk {
					t.Errorf("bulk orders waited %v, want %v at most", w, test.mostBulk)
				}
				t.Logf("waits %v and %v, %.2f commands an order, %d calls in the busiest second", f.worst(order.Interactive), f.worst(order.Bulk), f.commands(), f.busiest())
			})
		})
	}
}

// TestMuchToDoCostsFewCommands, uses the whole rate, and no more than that.
func TestMuchToDoCostsFewCommands(t *testing.T) {
	for _, processes := range []int{1, 2, 8} {
		synctest.Test(t, func(t *testing.T) {
			const orders, perSecond = 20_000, 1000
			f, begun := newFleet(processes, perSecond), time.Now()
			for range orders {
				f.order(t, order.Bulk)
			}
			f.all.Wait()
			took := time.Since(begun)
			if most := 3 * orders * time.Second / perSecond / 2; took > most {
				t.Errorf("%d processes took %v, want %v at most", processes, took, most)
			}
			if f.busiest() > perSecond*103/100 {
				t.Errorf("%d calls in a second", f.busiest())
			}
			if f.commands() > 0.15 {
				t.Errorf("%.2f commands an order", f.commands())
			}
			t.Logf("%d processes: %v, %.3f commands an order, %d calls in the busiest second", processes, took, f.commands(), f.busiest())
		})
	}
}

// TestInteractiveOrdersPassABacklog of bulk orders, which goes on as fast as the rate allows.
func TestInteractiveOrdersPassABacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const orders, perSecond = 10_000, 1000
		f, begun := newFleet(4, perSecond), time.Now()
		for range orders {
			f.order(t, order.Bulk)
		}
		f.inflow(t, order.Interactive, 200, 10*time.Second)
		f.all.Wait()
		if w := f.worst(order.Interactive); w > 100*time.Millisecond {
			t.Errorf("interactive orders waited %v behind bulk ones", w)
		}
		if took, most := time.Since(begun), 5*12*time.Second/4; took > most {
			t.Errorf("the backlog took %v, want %v at most", took, most)
		}
		t.Logf("interactive orders waited %v, all took %v, %d calls in the busiest second", f.worst(order.Interactive), time.Since(begun), f.busiest())
	})
}
