package bench

import (
	"strings"
	"testing"
)

func TestThousands(t *testing.T) {
	for _, c := range []struct {
		x      float64
		digits int
		want   string
	}{
		{0, 0, "0"}, {999.4, 0, "999"}, {999.6, 0, "1,000"}, {1234567.891, 2, "1,234,567.89"}, {-1234, 0, "-1,234"}, {-12, 1, "-12.0"},
	} {
		if got := thousands(c.x, c.digits); got != c.want {
			t.Errorf("%v with %d digits: %s", c.x, c.digits, got)
		}
	}
}

func sampleOf(contender string, round int, rate, cpu float64) Sample {
	return Sample{Contender: contender, Round: round, Values: map[string]float64{drained: rate, workerCPU: cpu}}
}

func TestTable(t *testing.T) {
	tab := table{title: "Drain", metrics: drainMetrics}
	for _, s := range []Sample{
		sampleOf(Plain, 1, 4000, 0.2), sampleOf(Hpplink, 1, 8000, 0.1), sampleOf(Plain, 2, 5000, 0.3), sampleOf(Hpplink, 2, 7500, 0.1),
	} {
		tab.add(s)
	}
	var b strings.Builder
	if err := tab.print(&b); err != nil {
		t.Fatal(err)
	}
	want := `
Drain
                                              plain                 hpplink
links/s                         4,500 (4,000-5,000)     7,750 (7,500-8,000)
worker CPU s/1,000 links        0.250 (0.200-0.300)     0.100 (0.100-0.100)
hpplink / plain
  links/s                          1.75 (1.50-2.00)
  worker CPU s/1,000 links         0.42 (0.33-0.50)
`
	if b.String() != want {
		t.Errorf("got:%s", b.String())
	}
}

func TestTableFitsAScreen(t *testing.T) {
	tab := table{title: "Drain", metrics: drainMetrics}
	for _, contender := range []string{Bare, Plain, Hpplink} {
		for round := range 2 {
			tab.add(sampleOf(contender, round, 99_999, 9.999))
		}
	}
	var b strings.Builder
	tab.print(&b)
	for line := range strings.Lines(b.String()) {
		if len(line) > 100 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestList(t *testing.T) {
	l := list{title: "A lone order", metrics: latencyMetrics}
	l.add(Sample{Contender: Hpplink, Case: "by HTTP", Values: latencyValues([]float64{2, 1, 3})})
	l.add(Sample{Contender: Bare, Values: map[string]float64{p50Latency: 700}})
	var b strings.Builder
	if err := l.print(&b); err != nil {
		t.Fatal(err)
	}
	want := `
A lone order
                          p50 ms          p99 ms         most ms         samples
hpplink, by HTTP             2.0             3.0             3.0               3
bare                       700.0               -               -               -
`
	if b.String() != want {
		t.Errorf("got:%s", b.String())
	}
}
