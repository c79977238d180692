package metrics_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/metrics"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(redistest.M{M: m}) }

var (
	ctx   = context.Background()
	quiet = slog.New(slog.DiscardHandler)
)

// bench is a process' metrics, and what they are about.
type bench struct {
	*metrics.Metrics
	ledger    *ledger.Ledger
	merchants *merchant.Directory
	conn      *redisconn.Conn
}

func open(t testing.TB, redisURL string, merchants ...merchant.Profile) *bench {
	t.Helper()
	conn, err := redisconn.Open(ctx, redisURL, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	b := &bench{ledger: ledger.New(conn.Client(), "hpp", 0), merchants: merchant.NewDirectory(merchants...), conn: conn}
	b.Metrics = metrics.New(metrics.Config{
		Redis: conn, Ledger: partition.Single(b.ledger), Merchants: b.merchants, Version: "v1.2.3", Log: quiet,
	})
	return b
}

func profile(id string) merchant.Profile { return merchant.Profile{ID: id, GatewayURL: &url.URL{}} }

// scrape asks as Prometheus does, and returns what is exposed by name.
func scrape(t testing.TB, m *metrics.Metrics) map[string]*dto.MetricFamily {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(w.Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("%d %v", w.Code, err)
	}
	return families
}

// value finds a metric by name and labels, as "M1 interactive issued", in the order of their names.
func value(all map[string]*dto.MetricFamily, name, labels string) (float64, bool) {
	for _, m := range all[name].GetMetric() {
		values := make([]string, len(m.Label))
		for i, l := range m.Label {
			values[i] = l.GetValue()
		}
		if strings.Join(values, " ") != labels {
			continue
		}
		switch {
		case m.Gauge != nil:
			return m.Gauge.GetValue(), true
		case m.Counter != nil:
			return m.Counter.GetValue(), true
		case m.Histogram != nil:
			return float64(m.Histogram.GetSampleCount()), true
		}
	}
	return 0, false
}

// want checks values of metrics, each by name and labels in the order of the labels' names.
func want(t testing.TB, all map[string]*dto.MetricFamily, values map[[2]string]float64) {
	t.Helper()
	for what, v := range values {
		got, found := value(all, what[0], what[1])
		if !found || got != v {
			t.Errorf("%s{%s} is %v (%v), want %v", what[0], what[1], got, found, v)
		}
	}
}

func absent(t testing.TB, all map[string]*dto.MetricFamily, name, labels string) {
	t.Helper()
	if v, found := value(all, name, labels); found {
		t.Errorf("%s{%s} is there: %v", name, labels, v)
	}
}
