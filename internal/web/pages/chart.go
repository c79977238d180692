package pages

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hpplink/hpplink/internal/minutes"
	"github.com/hpplink/hpplink/internal/order"
)

// Charts are drawn into a box of this size, which the page stretches; text stands beside it, so that it is not stretched too.
const (
	chartWidth  = 600.0
	chartHeight = 120.0
	belowZero   = 24.0 // of the height, for what is drawn downwards
)

// chart is a drawing of the last hour, and the same in words.
type chart struct {
	ID          string
	Title, Desc string
	Top         string // what the upper end of the scale means
	From, Until time.Time
	Bars        []bar
	Lines       []line
	Zero        float64 // where the base line is
	Legend      []string
	Empty       bool // nothing to draw
}

// bar stands for a minute: what came up, and what failed, drawn downwards.
type bar struct {
	X, Width, Y, Height string
	DownY, DownHeight   string // "" for none
	Label               string
}

// line is a path, drawn as its class says.
type line struct{ Class, Path string }

func coordinate(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// throughput draws the links of each minute, and, downwards, the failures.
func throughput(all []minutes.Minute) chart {
	c := chart{ID: "throughput", Title: "Links per minute, last hour", Zero: chartHeight - belowZero}
	most, sum, failures, at := 0, 0, 0, time.Time{}
	for _, m := range all {
		if m.Issued > most {
			most, at = m.Issued, m.Start
		}
		sum, failures = sum+m.Issued, failures+m.Failed
	}
	c.span(all)
	c.Empty = sum+failures == 0
	scale := nice(float64(max(most, 1)))
	c.Top = number(int(math.Ceil(scale)))
	c.Desc = fmt.Sprintf("%s and %s in the last hour.", counted(sum, "link"), counted(failures, "failed order"))
	if most > 0 {
		c.Desc = fmt.Sprintf("%s, at most %s a minute at %s UTC, and %s in the last hour.", counted(sum, "link"), number(most), at.UTC().Format("15:04"),
			counted(failures, "failed order"))
	}
	width := chartWidth / float64(max(len(all), 1))
	for i, m := range all {
		c.Bars = append(c.Bars, c.bar(m, float64(i)*width, width, scale))
	}
	c.Legend = []string{"up: links", "down: failed orders"}
	return c
}

func (c *chart) bar(m minutes.Minute, x, width, scale float64) bar {
	high := func(n int, room float64) float64 {
		if n == 0 {
			return 0
		}
		return min(max(float64(n)/scale*c.Zero, 2), room) // what is there is seen
	}
	up, down := high(m.Issued, c.Zero), high(m.Failed, belowZero)
	b := bar{
		X: coordinate(x + .1*width), Width: coordinate(.8 * width), Y: coordinate(c.Zero - up), Height: coordinate(up),
		Label: fmt.Sprintf("%s: %s, %s failed", m.Start.UTC().Format("15:04"), counted(m.Issued, "link"), number(m.Failed)),
	}
	if down > 0 {
		b.DownY, b.DownHeight = coordinate(c.Zero+1), coordinate(down)
	}
	return b
}

func (c *chart) span(all []minutes.Minute) {
	if len(all) > 0 {
		c.From, c.Until = all[0].Start, all[len(all)-1].Start
	}
}

// latency draws how long links took from being accepted, half of them and 95 in 100 of them.
func latency(all []minutes.Minute) chart {
	lane, of := laneCharted(all)
	c := chart{ID: "latency", Title: "From order to link, " + string(lane) + " orders, last hour", Zero: chartHeight}
	c.span(all)
	half, most := quantiles(all, of, .5), quantiles(all, of, .95)
	whole := minutes.Tally{}
	for _, m := range all {
		whole = plus(whole, *of(&m))
	}
	c.Empty = whole.Issued == 0
	c.Desc = fmt.Sprintf("Half of %s came within %s, and 95 in 100 within %s.", counted(whole.Issued, "link"), span(whole.Quantile(.5)), span(whole.Quantile(.95)))
	c.Legend = []string{"solid: p50 " + span(whole.Quantile(.5)), "dashed: p95 " + span(whole.Quantile(.95))}
	scale := nice(slices.Max(append(most, .001)))
	c.Top = span(time.Duration(scale * float64(time.Second)))
	c.Lines = []line{{"p95", path(most, scale)}, {"p50", path(half, scale)}}
	width := chartWidth / float64(max(len(all), 1))
	for i, m := range all {
		label := m.Start.UTC().Format("15:04") + ": no links"
		if t := of(&m); t.Issued > 0 {
			label = fmt.Sprintf("%s: p50 %s, p95 %s", m.Start.UTC().Format("15:04"), span(t.Quantile(.5)), span(t.Quantile(.95)))
		}
		c.Bars = append(c.Bars, bar{X: coordinate(float64(i) * width), Width: coordinate(width), Label: label})
	}
	return c
}

// laneCharted is the lane in which somebody waits: interactive, unless there were bulk orders only.
func laneCharted(all []minutes.Minute) (order.Lane, func(*minutes.Minute) *minutes.Tally) {
	interactive := func(m *minutes.Minute) *minutes.Tally { return &m.Interactive }
	bulk := func(m *minutes.Minute) *minutes.Tally { return &m.Bulk }
	onlyBulk := false
	for i := range all {
		if all[i].Interactive.Issued > 0 {
			return order.Interactive, interactive
		}
		onlyBulk = onlyBulk || all[i].Bulk.Issued > 0
	}
	if onlyBulk {
		return order.Bulk, bulk
	}
	return order.Interactive, interactive
}

func plus(a, b minutes.Tally) minutes.Tally {
	sum := minutes.Minute{Tally: a}
	sum.Add(minutes.Minute{Tally: b})
	return sum.Tally
}

// quantiles are those of each minute, in seconds; -1 where there was no link.
func quantiles(all []minutes.Minute, of func(*minutes.Minute) *minutes.Tally, q float64) []float64 {
	seconds := make([]float64, len(all))
	for i := range all {
		seconds[i] = -1
		if t := of(&all[i]); t.Issued > 0 {
			seconds[i] = t.Quantile(q).Seconds()
		}
	}
	return seconds
}

// path draws values, with a gap wherever there is none.
func path(values []float64, scale float64) string {
	var b strings.Builder
	width, pen := chartWidth/float64(max(len(values), 1)), "M"
	for i, v := range values {
		if v < 0 {
			pen = "M"
			continue
		}
		x, y := (float64(i)+.5)*width, chartHeight-2-min(v/scale, 1)*(chartHeight-4)
		fmt.Fprintf(&b, "%s%s %s", pen, coordinate(x), coordinate(y))
		if pen == "M" {
			b.WriteString("h.1") // so that a lone minute is a dot
		}
		pen = "L"
	}
	return b.String()
}

// nice is the next number above that people read with ease.
func nice(v float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 1.5, 2, 3, 4, 5, 6, 8, 10} {
		if step*unit >= v*(1-1e-9) {
			return step * unit
		}
	}
	return 10 * unit
}
