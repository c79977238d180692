package minutes

import (
	"math"
	"time"
)

// Latencies are counted in spans, each longer than the one before by the square root of 2: from those below a millisecond
// to those of days.
const spans = 60

// spanOf returns the span that a latency falls into.
func spanOf(d time.Duration) int {
	if d < time.Millisecond {
		return 0
	}
	return min(1+int(2*math.Log2(float64(d)/float64(time.Millisecond))), spans-1)
}

// endOf returns where a span ends.
func endOf(span int) time.Duration {
	return time.Duration(float64(time.Millisecond) * math.Pow(2, float64(span)/2))
}

// quantile looks for the span in which a share of the latencies is complete, and takes those in it for even.
func quantile(latencies *[spans]int, q float64) time.Duration {
	all := 0
	for _, n := range latencies {
		all += n
	}
	rank, before := min(max(q, 0), 1)*float64(all), 0.0
	for span, n := range latencies {
		if n == 0 || before+float64(n) < rank {
			before += float64(n)
			continue
		}
		begin := time.Duration(0)
		if span > 0 {
			begin = endOf(span - 1)
		}
		return begin + time.Duration((rank-before)/float64(n)*float64(endOf(span)-begin))
	}
	return 0
}
