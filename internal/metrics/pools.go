package metrics

import (
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hpplink/hpplink/internal/redisconn"
)

// pools is how the process' connections to Redis are used.
type pools struct{ conn *redisconn.Conn }

var (
	connections = desc("redis_pool_connections", "Connections to Redis.", "client", "state")
	poolHits    = desc("redis_pool_hits_total", "Times that a connection to Redis was free.", "client")
	poolMisses  = desc("redis_pool_misses_total", "Times that none was free, and another was made or waited for.", "client")
	poolWaits   = desc("redis_pool_waits_total", "Times that a command waited for a connection to Redis because there were as many as there may be.", "client")
	poolWaited  = desc("redis_pool_wait_seconds_total", "How long all those waits took.", "client")
	poolLate    = desc("redis_pool_timeouts_total", "Times that none became free in time.", "client")
	poolStale   = desc("redis_pool_stale_total", "Connections that were found broken and removed.", "client")
)

// Describe implements prometheus.Collector.
func (p pools) Describe(into chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{connections, poolHits, poolMisses, poolWaits, poolWaited, poolLate, poolStale} {
		into <- d
	}
}

// Collect implements prometheus.Collector.
func (p pools) Collect(into chan<- prometheus.Metric) {
	now, count := emitTo(into, prometheus.GaugeValue), emitTo(into, prometheus.CounterValue)
	for _, s := range p.conn.Pools() {
		now(connections, float64(s.IdleConns), s.Client, "idle")
		now(connections, float64(s.TotalConns)-float64(s.IdleConns), s.Client, "used")
		count(poolHits, float64(s.Hits), s.Client)
		count(poolMisses, float64(s.Misses), s.Client)
		count(poolWaits, float64(s.WaitCount), s.Client)
		count(poolWaited, float64(s.WaitDurationNs)/1e9, s.Client)
		count(poolLate, float64(s.Timeouts), s.Client)
		count(poolStale, float64(s.StaleConns), s.Client)
	}
}

// buildInfo is a 1 that says in its labels what is running.
func buildInfo(version string) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "What this process was built from.",
		ConstLabels: prometheus.Labels{"version": version, "asynq": versionOf("github.com/hibiken/asynq")},
	})
	g.Set(1)
	return g
}

// versionOf returns the version of a module that was built in.
func versionOf(module string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == module {
				return m.Version
			}
		}
	}
	return "unknown"
}
