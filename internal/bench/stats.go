package bench

import (
	"math"
	"slices"
)

// spread is the middle of some numbers and how far they go.
type spread struct {
	median, least, most float64
	n                   int
}

func spreadOf(numbers []float64) spread {
	if len(numbers) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(numbers))
	return spread{median: quantile(sorted, 0.5), least: sorted[0], most: sorted[len(sorted)-1], n: len(sorted)}
}

// quantile returns the number below which the part q of the sorted numbers is, between two of them in proportion.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	below := int(at)
	if below+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	part := at - float64(below)
	return sorted[below]*(1-part) + sorted[below+1]*part
}

// ratios divides what one contender measured by what another did in the same round.
func ratios(of, to []Sample, metric string) (all []float64) {
	for _, a := range of {
		for _, b := range to {
			x, known := a.Values[metric]
			y := b.Values[metric]
			if a.Round == b.Round && known && y != 0 {
				all = append(all, x/y)
			}
		}
	}
	return all
}
