package metrics_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/pacing"
	"github.com/hpplink/hpplink/internal/redistest"
)

// TestExposed holds what is exposed against a list: rules and dashboards refer to these names and labels.
func TestExposed(t *testing.T) {
	addr := redistest.Server(t)
	rdb := redistest.Client(t, addr)
	if err := rdb.ConfigSet(ctx, "maxmemory", "1gb").Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rdb.ConfigSet(ctx, "maxmemory", "0") })
	limited := profile("M1")
	limited.Rate = 20
	b := open(t, "redis://"+addr, limited)
	pacer := pacing.New(nil, nil, 10)
	permit, _ := pacer.Enter(ctx, "M1", 0, order.Interactive)
	defer permit.Done(pacing.Served)
	b.WatchPacer(pacer)
	if err := b.ledger.MailersUp(ctx); err != nil {
		t.Fatal(err)
	}

	list, err := os.ReadFile("testdata/exposed.txt")
	if err != nil {
		t.Fatal(err)
	}
	var got, all []string
	families := scrape(t, b.Metrics)
	for _, name := range slices.Sorted(maps.Keys(families)) {
		if f := families[name]; strings.HasPrefix(name, "hpplink_") {
			got = append(got, strings.TrimSpace(name+" "+strings.ToLower(f.GetType().String())+" "+labelsOf(f)))
		}
		all = append(all, name)
	}
	want := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(list)), "\n"), func(line string) bool { return strings.HasPrefix(line, "#") })
	if !slices.Equal(got, want) {
		t.Errorf("exposed:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes"} {
		if !slices.Contains(all, name) {
			t.Errorf("%s is missing", name)
		}
	}
	lint(t, families)
}

// labelsOf names the labels of a metric, which all of its series have.
func labelsOf(f *dto.MetricFamily) string {
	var names []string
	for _, l := range f.Metric[0].Label {
		names = append(names, l.GetName())
	}
	return strings.Join(names, ",")
}

func lint(t *testing.T, families map[string]*dto.MetricFamily) {
	t.Helper()
	problems, err := promlint.NewWithMetricFamilies(slices.Collect(maps.Values(families))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	for name, f := range families {
		if len(f.GetHelp()) < 10 {
			t.Errorf("%s has no help: %q", name, f.GetHelp())
		}
	}
}

func TestMerchantsComeAndGo(t *testing.T) {
	b := open(t, "embedded", profile("M1"), profile("M2"))
	have := func(labels ...string) {
		t.Helper()
		var got []string
		for _, m := range scrape(t, b.Metrics)["hpplink_breaker_open"].GetMetric() {
			got = append(got, m.Label[0].GetValue())
		}
		slices.Sort(got)
		if !slices.Equal(got, labels) {
			t.Errorf("gauges of %q, want %q", got, labels)
		}
	}
	have("M1", "M2")
	b.merchants.Replace(profile("M2"), profile("M3"), merchant.Profile{ID: "other"}, merchant.Profile{ID: "\xff"})
	have("M2", "M3", "other", "\uFFFD")
	all := scrape(t, b.Metrics)
	want(t, all, map[[2]string]float64{
		{"hpplink_attempts_total", "M3 issued"}: 0, // before it has done anything
		{"hpplink_attempts_total", "M1 issued"}: 0, // what it counted goes on
	})
}

// TestManyScrapesAreOneLook counts what scrapes cost Redis.
func TestManyScrapesAreOneLook(t *testing.T) {
	m := redistest.Mini(t)
	b := open(t, "redis://"+m.Addr(), profile("M1"))
	scrape(t, b.Metrics)
	before := m.CommandCount()
	begun := time.Now()
	for range 20 {
		scrape(t, b.Metrics)
	}
	if n := m.CommandCount() - before; n != 0 && time.Since(begun) < 2*time.Second {
		t.Errorf("20 scrapes at once took %d commands", n)
	}
	if before > 80 {
		t.Errorf("a look takes %d commands", before)
	}
}
