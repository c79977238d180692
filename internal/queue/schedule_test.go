package queue_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/queue"
)

// ceiling is the documented upper end of Schedule's range.
func ceiling(attempt int) time.Duration {
	c := time.Second
	for i := 1; i < attempt && c < 5*time.Minute; i++ {
		c *= 2
	}
	return min(c, 5*time.Minute)
}

func TestScheduleStaysInItsRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		attempt := rapid.OneOf(rapid.IntRange(-3, 12), rapid.Int()).Draw(t, "attempt")
		if d := queue.Schedule(attempt); d < 0 || d > ceiling(attempt) {
			t.Fatalf("Schedule(%d) is %v, beyond %v", attempt, d, ceiling(attempt))
		}
	})
}

// TestScheduleUsesItsRange draws often enough that chance fails it less than once in 10^30 runs.
func TestScheduleUsesItsRange(t *testing.T) {
	for _, attempt := range []int{1, 2, 5, 9, 10, 1000} {
		lowest, highest, top := time.Hour, time.Duration(0), ceiling(attempt)
		for range 500 {
			d := queue.Schedule(attempt)
			lowest, highest = min(lowest, d), max(highest, d)
		}
		if lowest > top/5 || highest < top*4/5 {
			t.Errorf("Schedule(%d) draws from %v to %v only, of 0 to %v", attempt, lowest, highest, top)
		}
	}
}
