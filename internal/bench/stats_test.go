package bench

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		numbers []float64
		want    spread
	}{
		{nil, spread{}},
		{[]float64{7}, spread{7, 7, 7, 1}},
		{[]float64{3, 1}, spread{2, 1, 3, 2}},
		{[]float64{9, 1, 2}, spread{2, 1, 9, 3}},
		{[]float64{4, 1, 3, 2}, spread{2.5, 1, 4, 4}},
	} {
		if got := spreadOf(c.numbers); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.numbers, got, c.want)
		}
	}
}

func TestQuantile(t *testing.T) {
	hundred := make([]float64, 101)
	for i := range hundred {
		hundred[i] = float64(i)
	}
	for q, want := range map[float64]float64{0: 0, 0.5: 50, 0.99: 99, 0.995: 99.5, 1: 100} {
		if got := quantile(hundred, q); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v of 0 to 100: %v", q, got)
		}
	}
	if !math.IsNaN(quantile(nil, 0.5)) {
		t.Error("nothing has a median")
	}
}

// TestQuantileLiesBetween: whatever was measured, a quantile is none that was not, and grows with q.
func TestQuantileLiesBetween(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sorted := slices.Sorted(slices.Values(rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 1, 50).Draw(t, "numbers")))
		p, q := rapid.Float64Range(0, 1).Draw(t, "p"), rapid.Float64Range(0, 1).Draw(t, "q")
		low, high := quantile(sorted, min(p, q)), quantile(sorted, max(p, q))
		const slack = 1e-6
		if low < sorted[0]-slack || high > sorted[len(sorted)-1]+slack || low > high+slack {
			t.Fatalf("%v and %v of %v", low, high, sorted)
		}
	})
}

func TestRatiosAreOfOneRound(t *testing.T) {
	of := func(name string, values ...float64) (all []Sample) {
		for i, v := range values {
			all = append(all, Sample{Contender: name, Round: i + 1, Values: map[string]float64{drained: v}})
		}
		return all
	}
	got := ratios(of("a", 10, 30, 5), of("b", 5, 10, 0), drained)
	if !reflect.DeepEqual(got, []float64{2, 3}) {
		t.Errorf("%v: want one for each round in which both are known", got)
	}
	if got := ratios(of("a", 10), of("b", 5), enqueuedRate); got != nil {
		t.Errorf("%v of what nobody measured", got)
	}
}

// TestTurn: over as many rounds as there are contenders each has every place once.
func TestTurn(t *testing.T) {
	all := []string{"a", "b", "c"}
	var rounds [][]string
	for round := range 4 {
		rounds = append(rounds, turn(all, round))
	}
	want := [][]string{{"a", "b", "c"}, {"b", "c", "a"}, {"c", "a", "b"}, {"a", "b", "c"}}
	if !reflect.DeepEqual(rounds, want) || !slices.Equal(all, want[0]) {
		t.Errorf("%v", rounds)
	}
	if turn([]string(nil), 1) != nil {
		t.Error("nobody has a turn")
	}
}
