// Package metrics tells Prometheus how things go: what this process did, counted as it happens, and how everything stands in
// Redis, looked at when somebody asks.
//
// It knows the names of metrics and what they mean. It does not know how orders are worked. Labels hold merchants, lanes and
// outcomes, never what belongs to one order.
package metrics

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/redisconn"
)

// Config is what metrics are about.
type Config struct {
	Redis     *redisconn.Conn
	Ledger    *partition.Ledger
	Merchants *merchant.Directory // those that have a label of their own; all others share one
	Version   string              // of the program
	Log       *slog.Logger
}

// Metrics are the metrics of one process. It is an observer of workers and of the door.
type Metrics struct {
	registry *prometheus.Registry
	counts   *counts
	paced    *paced
	handler  http.Handler
}

// atOnce is how many scrapes are answered at once.
const atOnce = 16

// New makes the metrics of a process. They cost Redis nothing until somebody asks for them.
func New(c Config) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), counts: newCounts(c.Merchants), paced: &paced{merchants: c.Merchants}}
	m.registry.MustRegister(
		m.counts, m.paced, newStanding(c), pools{c.Redis}, buildInfo(c.Version),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelError), ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: atOnce,
	})
	return m
}

// Handler answers scrapes. Whether one may ask is for others to decide.
func (m *Metrics) Handler() http.Handler { return m.handler }
