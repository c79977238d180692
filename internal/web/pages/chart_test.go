package pages

import (
	"strconv"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/minutes"
)

func TestThroughputDrawsWhatThereWas(t *testing.T) {
	s := calm(silent)
	s.Minutes[0].Issued, s.Minutes[1].Issued, s.Minutes[2].Failed = 100, 50, 1
	c := throughput(s.Minutes)
	if c.Empty || c.Top != "100" || c.Desc != "150 links, at most 100 a minute at 11:01 UTC, and 1 failed order in the last hour." {
		t.Errorf("%+v", c)
	}
	if full, half, none := c.Bars[0], c.Bars[1], c.Bars[3]; full.Y != "0" || full.Height != "96" || half.Height != "48" || none.Height != "0" || none.DownHeight != "" {
		t.Errorf("%+v", c.Bars[:4])
	}
	if down := c.Bars[2]; down.DownHeight != "2" || down.Label != "11:03: 0 links, 1 failed" {
		t.Errorf("a single failure is seen: %+v", down)
	}
	if c := throughput(calm(silent).Minutes); !c.Empty {
		t.Errorf("of nothing: %+v", c)
	}
}

func TestLatencyHasGapsWhereNothingWas(t *testing.T) {
	s := calm(silent)
	for _, i := range []int{3, 4, 9} {
		s.Minutes[i].Interactive.Issued = 1
	}
	c := latency(s.Minutes)
	if len(c.Lines) != 2 || strings.Count(c.Lines[0].Path, "M") != 2 || strings.Count(c.Lines[0].Path, "L") != 1 {
		t.Errorf("%+v", c.Lines)
	}
	if len(c.Bars) != charted || !strings.Contains(c.Bars[0].Label, "no links") || !strings.Contains(c.Bars[3].Label, "p95") {
		t.Errorf("%+v", c.Bars[:4])
	}
}

// Bulk orders are drawn when there are no others: of those somebody waits for each.
func TestLatencyOfTheLaneThatMatters(t *testing.T) {
	s := calm(silent)
	s.Minutes[1].Bulk.Issued = 9
	if c := latency(s.Minutes); !strings.Contains(c.Title, "bulk") || c.Empty {
		t.Errorf("%+v", c.Title)
	}
	s.Minutes[2].Interactive.Issued = 1
	if c := latency(s.Minutes); !strings.Contains(c.Title, "interactive") {
		t.Errorf("%+v", c.Title)
	}
}

func TestNice(t *testing.T) {
	for v, want := range map[float64]float64{1: 1, 1.2: 1.5, 9.5: 10, 100: 100, 101: 150, 0.0011: 0.0015, 1234: 1500} {
		if got := nice(v); got < want*.999 || got > want*1.001 {
			t.Errorf("%v: %v, want %v", v, got, want)
		}
	}
}

func TestChartsOfAnyMinutesAreDrawable(t *testing.T) {
	for _, all := range [][]minutes.Minute{nil, {{}}, calm().Minutes} {
		for _, c := range []chart{throughput(all), latency(all)} {
			for _, b := range c.Bars {
				for _, v := range []string{b.X, b.Width} {
					if _, err := strconv.ParseFloat(v, 64); err != nil || v == "NaN" {
						t.Errorf("%q in %+v", v, b)
					}
				}
			}
		}
	}
}
