package bench

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// metric is a row of a table.
type metric struct {
	name    string // in samples
	label   string
	digits  int  // after the point
	compare bool // its ratio is of interest
}

// The values of a drain.
const (
	drained      = "drained_per_s"
	enqueuedRate = "enqueued_per_s"
	workerCPU    = "worker_cpu_s_per_1000"
	redisCPU     = "redis_cpu_s_per_1000"
	gatewayCPU   = "gateway_cpu_s_per_1000"
	commands     = "redis_commands_per_link"
	scripts      = "scripts_per_link"
	openBytes    = "bytes_per_open_order"
	settledBytes = "bytes_per_settled_order"
	resultBytes  = "bytes_per_result"
	peak         = "worker_peak_mb"
)

var drainMetrics = []metric{
	{drained, "links/s", 0, true},
	{enqueuedRate, "enqueued/s", 0, true},
	{workerCPU, "worker CPU s/1,000 links", 3, true},
	{redisCPU, "Redis CPU s/1,000 links", 3, true},
	{gatewayCPU, "gateway CPU s/1,000 links", 3, false},
	{commands, "Redis commands/link", 2, false},
	{scripts, "scripts sent/link", 2, false},
	{openBytes, "bytes/open order", 0, false},
	{settledBytes, "bytes/settled order", 0, false},
	{resultBytes, "bytes/result", 0, false},
	{peak, "worker's peak memory, MiB", 0, false},
}

// table collects the samples of a measurement.
type table struct {
	title   string
	metrics []metric
	columns []string // contenders in the order in which they came first
	samples map[string][]Sample
}

func (t *table) add(s Sample) {
	if t.samples == nil {
		t.samples = map[string][]Sample{}
	}
	if _, known := t.samples[s.Contender]; !known {
		t.columns = append(t.columns, s.Contender)
	}
	t.samples[s.Contender] = append(t.samples[s.Contender], s)
}

const (
	labelWidth = 27
	cellWidth  = 24
)

// print writes medians with least and most, and the ratios of contenders.
func (t *table) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n%-*s", t.title, labelWidth, "")
	for _, c := range t.columns {
		fmt.Fprintf(&b, "%*s", cellWidth, c)
	}
	b.WriteByte('\n')
	for _, m := range t.metrics {
		if line := t.row(m); line != "" {
			b.WriteString(line)
		}
	}
	for _, pair := range [][2]string{{Hpplink, Plain}, {Hpplink, Bare}, {Hpplink, Against}} {
		b.WriteString(t.comparison(pair[0], pair[1]))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// row is empty when nobody measured it.
func (t *table) row(m metric) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-*s", labelWidth, m.label)
	any := false
	for _, c := range t.columns {
		s := spreadOf(valuesOf(t.samples[c], m.name))
		any = any || s.n > 0
		fmt.Fprintf(&b, "%*s", cellWidth, s.format(m.digits))
	}
	if !any {
		return ""
	}
	return b.String() + "\n"
}

// comparison says how one contender stands to another, round by round.
func (t *table) comparison(of, to string) string {
	var parts []string
	for _, m := range t.metrics {
		if all := ratios(t.samples[of], t.samples[to], m.name); m.compare && len(all) > 0 {
			parts = append(parts, fmt.Sprintf("  %-*s%*s\n", labelWidth-2, m.label, cellWidth, spreadOf(all).format(2)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return of + " / " + to + "\n" + strings.Join(parts, "")
}

// list is a table with a row for each contender and case, for measurements of few values.
type list struct {
	title   string
	metrics []metric
	rows    []string
	samples map[string][]Sample
}

func (l *list) add(s Sample) {
	if l.samples == nil {
		l.samples = map[string][]Sample{}
	}
	row := strings.TrimSuffix(s.Contender+", "+s.Case, ", ")
	if _, known := l.samples[row]; !known {
		l.rows = append(l.rows, row)
	}
	l.samples[row] = append(l.samples[row], s)
}

func (l *list) print(w io.Writer) error {
	label, cell := 0, 16
	for _, row := range l.rows {
		label = max(label, len(row))
		if len(l.samples[row]) > 1 {
			cell = cellWidth
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n%-*s", l.title, label, "")
	for _, m := range l.metrics {
		fmt.Fprintf(&b, "%*s", cell, m.label)
	}
	b.WriteByte('\n')
	for _, row := range l.rows {
		fmt.Fprintf(&b, "%-*s", label, row)
		for _, m := range l.metrics {
			fmt.Fprintf(&b, "%*s", cell, spreadOf(valuesOf(l.samples[row], m.name)).format(m.digits))
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func valuesOf(samples []Sample, name string) (all []float64) {
	for _, s := range samples {
		if v, known := s.Values[name]; known {
			all = append(all, v)
		}
	}
	return all
}

// format writes the median, and least and most where there is more than one number.
func (s spread) format(digits int) string {
	switch s.n {
	case 0:
		return "-"
	case 1:
		return thousands(s.median, digits)
	}
	return fmt.Sprintf("%s (%s-%s)", thousands(s.median, digits), thousands(s.least, digits), thousands(s.most, digits))
}

// thousands writes a number with commas.
func thousands(x float64, digits int) string {
	if math.IsNaN(x) {
		return "-"
	}
	text := fmt.Sprintf("%.*f", digits, x)
	whole, part, _ := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	var groups []string
	for len(whole) > 3 {
		groups = append(groups, whole[len(whole)-3:])
		whole = whole[:len(whole)-3]
	}
	groups = append(groups, whole)
	slices.Reverse(groups)
	text = sign + strings.Join(groups, ",")
	if part != "" {
		text += "." + part
	}
	return text
}
